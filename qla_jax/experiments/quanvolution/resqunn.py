"""Training of residual quanvolutional networks, by placement and by mode of gradients: the study `resqunn`.

The protocol is that of the reference (`quanvolution.training`), with each network in three modes: full gradients,
gradients that stop at the input of each layer, which agrees with the reference's access of gradients
(`quanvolution.gradient_access`), and frozen layers. Networks for ten classes end in a dense layer, those for four
classes in a circuit. A plain convolutional network of similar size is trained for comparison. The reference takes
differences from figures; they are listed next to the measured ones, and no agreement is enforced.

By default ten classes and three placements are trained; `--full` trains all five placements, and four classes as well.

References:
    Kashif, Shafique (2024), ResQuNNs, Table 3, figures 8 to 10. https://arxiv.org/abs/2402.09146
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from flax import nnx

from qla_jax.data import ImageSet
from qla_jax.experiments.core.figures import Plot
from qla_jax.experiments.core.study import Findings, Options, Study, settings_of
from qla_jax.experiments.core.tables import Column, Table, table, written
from qla_jax.experiments.quanvolution.training import (
    DETACHED,
    FROZEN,
    FULL,
    MODES,
    Protocol,
    Trained,
    curve,
    mean,
    network,
    prepared_images,
    told,
)
from qla_jax.nn import PlainPatchCNN
from qla_jax.variational.placements import placement
from qla_jax.variational.resqunn import resqunn_specs

STYLES = {FULL: "-", DETACHED: ":", FROZEN: "--"}
PLACEMENTS = ("none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2")
MAIN = PLACEMENTS[:3]
PLAIN = "plain convolutions"
IN_PRINT = (
    ("O1+O2 over X+O1", ("O1+O2", DETACHED), ("X+O1", DETACHED), 31, 45),
    ("O1+O2 over frozen", ("O1+O2", DETACHED), ("O1+O2", FROZEN), 66, 64),
)
"""Printed differences with dense layers: name, the two networks, and points of training and of validation accuracy."""


@dataclass(frozen=True)
class Grid:
    """Networks that are trained.

    Attributes:
        images: images by number of classes; networks for ten classes end in a dense layer, those for four in a circuit.
        names: names of placements.
        modes: modes of gradients.
        seeds: seeds of weights and shuffles.
        protocol: settings of the training.
    """

    images: Mapping[int, ImageSet]
    names: Sequence[str]
    modes: Sequence[str]
    seeds: Sequence[int]
    protocol: Protocol

    def train(self, rows: object, classes: int, name: str, mode: str, seed: int) -> Trained:
        """Train one network; the plain one has two convolutions on patches and a dense layer."""
        images = self.images[classes]
        if name == PLAIN:
            shape = images.train_images.shape[1:]
            return self.protocol.run(PlainPatchCNN(4, 2, shape, images.num_classes, rngs=nnx.Rngs(seed)), images, seed)
        model = network(images, placement(name, 2), resqunn_specs(), mode, seed, quantum=classes == 4)
        return self.protocol.run(model, images, seed)

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Placements with each of their modes, and the plain network."""
        return [(name, mode) for name in self.names for mode in self.modes] + [(PLAIN, FULL)]

    def found(self, rows: Mapping[str, Trained], classes: int, name: str, mode: str) -> list[Trained]:
        """Return the networks of all seeds."""
        return [rows[key(classes, name, mode, seed)] for seed in self.seeds]


def key(classes: int, name: str, mode: str, seed: int) -> str:
    """Return the key of an item.

    Args:
        classes: number of classes.
        name: name of the placement.
        mode: mode of gradients.
        seed: seed of the network.
    """
    return f"{classes} classes, {name}, {mode}, seed {seed}"


def study(options: Options) -> Study:
    """Build the study of all networks of a seed, then of those of the next."""
    each = (4, 2) if options.quick else (160, 40)
    sizes = (10, 4) if options.full else (10,)
    images = {classes: prepared_images(options, classes=classes, train=each[0], test=each[1]) for classes in sizes}
    seeds = options.seeds(1 if options.quick else 3)
    names: Sequence[str] = PLACEMENTS if options.full else MAIN
    modes: Sequence[str] = MODES
    if options.quick:
        names, modes = names[2:], modes[:1]
    grid = Grid(images, names, modes, seeds, Protocol(epochs=1) if options.quick else Protocol())
    items = {
        key(classes, name, mode, seed): partial(grid.train, classes=classes, name=name, mode=mode, seed=seed)
        for seed in seeds
        for classes in images
        for name, mode in grid.kinds
    }
    title, found = "Residual quanvolutional networks", partial(summary, grid=grid)
    return Study("resqunn", title, settings_of(grid), items, found, row=Trained)


DIFFERENCES = [
    Column("dense layer, points", "{0}", "two networks that are compared"),
    Column("training", "{1:+.1f}", "difference of training accuracies here"),
    Column("in print", "{2:+d}", "difference of training accuracies in the paper"),
    Column("testing", "{3:+.1f}", "difference of test accuracies here"),
    Column("in print", "{4:+d}", "difference of test accuracies in the paper"),
]


def summary(rows: Mapping[str, Trained], grid: Grid) -> Findings:
    """Return accuracies by placement and mode, differences with the printed ones next to them, and training curves.

    Args:
        rows: trained networks.
        grid: settings of the study.
    """
    tables: dict[str, Table] = {}
    plots = []
    for classes in grid.images:
        for kind in ("train", "test"):
            tables[f"{classes} classes: {kind}ing %, mean (range)"] = _accuracies(rows, grid, classes, kind)
        series = [
            curve(f"{name}, {mode}", grid.found(rows, classes, name, mode), STYLES[mode]) for name, mode in grid.kinds
        ]
        title = f"{classes} classes, mean over {len(grid.seeds)} seeds"
        name, caption = f"{classes}-classes", "Accuracy of the training steps of each epoch: mean and range over seeds."
        plots.append(Plot(name, "epoch", "accuracy of training steps", series, title=title, caption=caption))
    if differences := _differences(rows, grid):
        caption = "Differences of mean accuracies in percentage points, next to those of the paper."
        tables["differences, gradients detached"] = table(DIFFERENCES, differences, caption=caption)
    sources = [images.source for images in grid.images.values()]
    return Findings(remarks=[f"Images: {source}." for source in sources], tables=tables, plots=plots)


def _accuracies(rows: Mapping[str, Trained], grid: Grid, classes: int, kind: str) -> Table:
    columns = [
        ("placement", "which outputs are added before the next layer, or the plain network"),
        *((mode, f"accuracy with gradients {mode}: mean and range over seeds") for mode in grid.modes),
        ("parameters", "number of trained parameters"),
    ]
    found = []
    for name in (*grid.names, PLAIN):
        modes = grid.modes if name != PLAIN else grid.modes[:1]
        cells = [grid.found(rows, classes, name, mode) for mode in modes]
        blank = [""] * (len(grid.modes) - len(modes))
        found.append([name, *(told(one, kind) for one in cells), *blank, str(cells[0][0].parameters)])
    return written(columns, found, caption=f"Accuracy in {kind}ing by placement, {classes} classes, in percent.")


def _differences(rows: Mapping[str, Trained], grid: Grid) -> list[tuple[str, float, int, float, int]]:
    found = []
    for what, first, second, train, test in IN_PRINT:
        if {first, second} <= set(grid.kinds):
            both = grid.found(rows, 10, *first), grid.found(rows, 10, *second)
            gaps = [100 * (mean(both[0], kind) - mean(both[1], kind)) for kind in ("train", "test")]
            found.append((what, gaps[0], train, gaps[1], test))
    return found
