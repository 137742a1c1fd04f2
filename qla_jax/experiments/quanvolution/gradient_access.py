"""Access of gradients to quanvolutional layers, for all residual placements: the study `gradient-access`.

The reference finds that gradients reach only the last layer, unless outputs of earlier layers are added to the last.
This happens if derivatives stop at the input of each layer, where data are encoded anew: then gradients reach exactly
the layers whose outputs are terms of the output's own sum (`placements.direct_layers`). Expectation values are smooth
in the encoded data. So with full differentiation gradients reach all layers in all placements. Both modes are measured
here on the same networks. Networks end in a circuit of ten qubits, as in the reference's figure 7.

References:
    Kashif, Shafique (2024), ResQuNNs, figures 3, 7 and 11, section 5.3. https://arxiv.org/abs/2402.09146
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.data import ImageSet
from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.study import Findings, Options, Study, settings_of
from qla_jax.experiments.core.tables import Column, table
from qla_jax.experiments.quanvolution.training import DETACHED, FULL, network, prepared_images
from qla_jax.nn.quanvolution import gradient_access
from qla_jax.variational.placements import Placement, direct_layers, placements
from qla_jax.variational.resqunn import resqunn_specs

PRINTED: Mapping[int, Mapping[str, tuple[int, ...]]] = {
    2: {"none": (2,), "X+O1": (2,), "O1+O2": (1, 2), "X+O2": (2,), "(X+O1)+O2": (1, 2)},
    3: {"(O1+O2)+O3": (1, 2, 3), "((X+O1)+O2)+O3": (1, 2, 3)},
}
"""Layers that the reference finds reached; of three layers it names only these two placements, which reach all."""


@dataclass(frozen=True)
class GradientNorms:
    """Mean norms of gradients by layer.

    Attributes:
        placement: name of the residual placement.
        layers: number of layers.
        depth: depth of each layer.
        direct: layers whose outputs are terms of the output's own sum.
        detached: norms where derivatives stop at the input of each layer.
        full: norms with full differentiation.
    """

    placement: str
    layers: int
    depth: int
    direct: list[int]
    detached: list[float]
    full: list[float]


@dataclass(frozen=True)
class Access:
    """Networks whose gradients are measured.

    Attributes:
        images: images, of which one batch is used.
        depths: depths of the layers, one for all layers of a network.
        seeds: seeds of angles; norms are means over them.
        batch: number of images.
    """

    images: ImageSet
    depths: Sequence[int]
    seeds: Sequence[int]
    batch: int = 16

    def measure(self, rows: object, placement: Placement, depth: int) -> GradientNorms:
        """Measure norms by layer in both modes, averaged over seeds."""
        layers = placement.num_layers
        specs = resqunn_specs((depth,) * layers, pad=layers > 2)
        images, labels = (
            jnp.asarray(part[: self.batch]) for part in (self.images.train_images, self.images.train_labels)
        )
        norms: dict = {}
        for mode in (DETACHED, FULL):
            models = [network(self.images, placement, specs, mode, seed, quantum=True) for seed in self.seeds]
            looked = jax.jit(gradient_access)
            norms[mode] = np.mean([looked(model, images, labels) for model in models], axis=0).tolist()
        return GradientNorms(placement.name, layers, depth, list(direct_layers(placement)), **norms)


def study(options: Options) -> Study:
    """Build the study of all placements of two and three layers, at some depths."""
    images = prepared_images(options, classes=4, train=16, test=1)
    depths, batch = ((1,), 2) if options.quick else ((1, 4), 16)
    access = Access(images, depths, options.seeds(1 if options.quick else 3), batch)
    items = {
        f"{one.num_layers} layers, depth {depth}, {one.name}": partial(access.measure, placement=one, depth=depth)
        for depth in access.depths
        for layers in ((2,) if options.quick else (2, 3))
        for one in placements(layers)
    }
    title = "Gradients by residual placement"
    return Study("gradient-access", title, settings_of(access), items, summary, row=GradientNorms)


COLUMNS = [
    Column("placement", "{0}", "which outputs are added before the next layer"),
    Column("detached", "{1}", "norms by layer when derivatives stop at the input of each layer"),
    Column("full", "{2}", "norms by layer with full differentiation"),
    Column("in print", "{3}", "layers with access to gradients in the paper"),
]


def summary(rows: Mapping[str, GradientNorms]) -> Findings:
    """Compare norms with the printed findings; the checks are that each mode reaches the layers that theory gives."""
    failures, agree, of = [], 0, 0
    kinds: dict[tuple[int, int], list[GradientNorms]] = {}
    for key, row in rows.items():
        kinds.setdefault((row.layers, row.depth), []).append(row)
        printed = PRINTED[row.layers].get(row.placement)
        reached = tuple(layer for layer, norm in enumerate(row.detached, start=1) if norm > 0)
        if printed is None and row.layers == 3:
            agree, of = agree + (len(reached) < row.layers), of + 1  # all other placements do not reach all layers
        elif printed is not None:
            agree, of = agree + (reached == printed), of + 1
        if reached != tuple(row.direct):
            failures.append(f"{key}: detached gradients reach layers {reached}, but {row.direct} stand in the sum.")
        if min(row.full) <= 0:
            failures.append(f"{key}: full differentiation does not reach all layers: {row.full}.")
    remarks = [
        f"With derivatives that stop at the input of each layer, {agree} of {of} placements have the access in print.",
        "With full differentiation gradients reach every layer in every placement.",
    ]
    tables = {
        f"{layers} layers of depth {depth}: mean norm by layer": table(
            COLUMNS,
            [(row.placement, _norms(row.detached), _norms(row.full), _printed(row)) for row in chosen],
            caption="Mean norm of the gradient of each layer, from the first to the last, by residual placement.",
        )
        for (layers, depth), chosen in kinds.items()
    }
    plots = [_plot(chosen, *kind) for kind, chosen in kinds.items()]
    return Findings(
        {"agree": agree, "of": of},
        failures=failures,
        tables=tables,
        plots=plots,
        conclusions=remarks if not failures else remarks[:1],
    )


def _norms(values: Sequence[float]) -> str:
    return " ".join("0" if value == 0 else f"{value:.1e}" for value in values)


def _printed(row: GradientNorms) -> str:
    printed = PRINTED[row.layers].get(row.placement)
    return "not all" if printed is None else " ".join(map(str, printed))


def _plot(rows: Sequence[GradientNorms], layers: int, depth: int) -> Plot:
    series = []
    for mode, style in ((FULL, "o"), (DETACHED, "x")):
        for layer in range(layers):
            norms = [getattr(row, mode)[layer] for row in rows]
            places = [place for place, norm in enumerate(norms) if norm > 0]
            label = f"layer {layer + 1}, {mode}"
            series.append(Series(label, places, [norms[place] for place in places], style=style))
    title, names = f"{layers} layers of depth {depth}; zeros left out", [row.placement for row in rows]
    name = f"{layers}-layers-depth-{depth}"
    caption = "Norm of the gradient of each layer by residual placement, detached (crosses) and in full (dots)."
    return Plot(
        name, "placement", "norm of the gradient", series, yscale="log", title=title, categories=names, caption=caption
    )
