"""Which quanvolutional layers a gradient reaches, for all residual placements: the study `gradient-access`.

The reference finds that gradients reach the last layer only, unless outputs of earlier ones are added to the last. That
is what happens where derivatives stop at the input of each layer, where data are encoded anew: then exactly the layers
are reached whose outputs stand in the output's own sum (`placements.direct_layers`). Expectation values are smooth in
the encoded data, so nothing else stops them: with derivatives taken of everything, all layers are reached in all
placements. Both are measured here, on the same networks. Networks end in a circuit of ten qubits, as in the
reference's figure 7.

References:
    Kashif, Shafique (2024), ResQuNNs, figures 3, 7 and 11, section 5.3. https://arxiv.org/abs/2402.09146
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.data import ImageSet, identity
from qla_jax.experiments.core.study import Findings, Options, Plot, Row, Series, Study, Table
from qla_jax.experiments.quanvolution.training import DETACHED, FULL, network, prepared_images
from qla_jax.nn.quanvolution import gradient_access
from qla_jax.variational.placements import Placement, direct_layers, placements
from qla_jax.variational.resqunn import resqunn_specs

PRINTED: Mapping[int, Mapping[str, tuple[int, ...]]] = {
    2: {"none": (2,), "X+O1": (2,), "O1+O2": (1, 2), "X+O2": (2,), "(X+O1)+O2": (1, 2)},
    3: {"(O1+O2)+O3": (1, 2, 3), "((X+O1)+O2)+O3": (1, 2, 3)},
}
"""Layers that the reference finds reached; of three layers it names these two alone, as the only ones with all."""


@dataclass(frozen=True)
class Access:
    """Networks whose gradients are looked at.

    Attributes:
        images: a batch of them is taken.
        depths: of all layers of a network.
        seeds: of angles; norms are means over them.
        batch: images.
    """

    images: ImageSet
    depths: Sequence[int]
    seeds: Sequence[int]
    batch: int = 16

    def measure(self, rows: Mapping[str, Row], placement: Placement, depth: int) -> Row:
        """Norms by layer, the mean over seeds, in both modes."""
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
        return {
            "placement": placement.name,
            "layers": layers,
            "depth": depth,
            "direct": direct_layers(placement),
        } | norms


def study(options: Options) -> Study:
    """All placements of two and three layers, at some depths.

    Raises:
        DatasetUnavailable: images that were asked for and are not there.
        ValueError: images that cannot be used.
    """
    images = prepared_images(options, classes=4, train=16, test=1)
    seeds = [options.seed + number for number in range(1 if options.quick else 3)]
    access = Access(images, (1,) if options.quick else (1, 4), seeds, batch=2 if options.quick else 16)
    chosen = [one for layers in (2, 3) for one in placements(layers)]
    if options.quick:
        chosen = [one for one in chosen if one.num_layers == 2]
    items = {
        f"{one.num_layers} layers, depth {depth}, {one.name}": partial(access.measure, placement=one, depth=depth)
        for depth in access.depths
        for one in chosen
    }
    settings = {"images": identity(images), "depths": access.depths, "seeds": seeds, "batch": access.batch}
    return Study("gradient-access", "Gradients by residual placement", settings, items, summary)


def summary(rows: Mapping[str, Row]) -> Findings:
    """Norms beside what is printed; the checks are that either mode is what it is said to be."""
    tables: dict[str, Table] = {}
    failures, agree, of = [], 0, 0
    for key, row in rows.items():
        title = f"{row['layers']} layers of depth {row['depth']}: mean norm by layer"
        table = tables.setdefault(title, [["placement", "detached", "full", "in print"]])
        printed = PRINTED[row["layers"]].get(row["placement"])
        table.append([row["placement"], _norms(row[DETACHED]), _norms(row[FULL]), _layers(printed)])
        reached = tuple(layer for layer, norm in enumerate(row[DETACHED], start=1) if norm > 0)
        if printed is None and row["layers"] == 3:
            agree, of = agree + (len(reached) < row["layers"]), of + 1  # all others: not all layers
        elif printed is not None:
            agree, of = agree + (reached == printed), of + 1
        if reached != tuple(row["direct"]):
            failures.append(f"{key}: detached gradients reach layers {reached}, but {row['direct']} stand in the sum.")
        if min(row[FULL]) <= 0:
            failures.append(f"{key}: full differentiation does not reach all layers: {row[FULL]}.")
    remarks = [
        f"With derivatives that stop at the input of each layer, {agree} of {of} placements have the access in print.",
        "With full differentiation gradients reach every layer in every placement.",
    ]
    kinds = dict.fromkeys((row["layers"], row["depth"]) for row in rows.values())
    plots = [_plot(list(rows.values()), layers, depth) for layers, depth in kinds]
    return Findings({"agree": agree, "of": of}, remarks if not failures else remarks[:1], failures, tables, plots)


def _norms(values: Sequence[float]) -> str:
    return " ".join("0" if value == 0 else f"{value:.1e}" for value in values)


def _layers(printed: Sequence[int] | None) -> str:
    return "not all" if printed is None else " ".join(str(layer) for layer in printed)


def _plot(rows: Sequence[Row], layers: int, depth: int) -> Plot:
    chosen = [row for row in rows if (row["layers"], row["depth"]) == (layers, depth)]
    series = []
    for mode, style in ((FULL, "o"), (DETACHED, "x")):
        for layer in range(layers):
            places = [place for place, row in enumerate(chosen) if row[mode][layer] > 0]
            norms = [chosen[place][mode][layer] for place in places]
            series.append(Series(f"layer {layer + 1}, {mode}", places, norms, style=style))
    title, names = f"{layers} layers of depth {depth}; zeros left out", [row["placement"] for row in chosen]
    name = f"{layers}-layers-depth-{depth}"
    return Plot(name, "placement", "norm of the gradient", series, yscale="log", title=title, categories=names)
