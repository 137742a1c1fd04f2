"""Residual quanvolutional networks, trained by placement and by what gradients reach: the study `resqunn`.

The protocol of the reference (`quanvolution_training`), each network in three modes: gradients everywhere, gradients
that stop at the input of each layer, which is what the reference's access to gradients amounts to
(`study_gradient_access`), and frozen layers. Ten classes end in a dense layer, four in a circuit. A plain convolutional
network of like size is trained beside the ten. The reference reads differences off figures; they stand beside those
measured, and nothing is made to agree.

By default ten classes and three placements are trained, `--full` trains all five and four classes as well.

References:
    Kashif, Shafique (2024), ResQuNNs, Table 3, figures 8 to 10. https://arxiv.org/abs/2402.09146
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from flax import nnx

from qla_jax.data import ImageSet, identity
from qla_jax.experiments.core.study import Findings, Options, Plot, Row, Series, Study, Table
from qla_jax.experiments.quanvolution.training import (
    DETACHED,
    FROZEN,
    FULL,
    MODES,
    Protocol,
    grouped,
    network,
    prepared_images,
    told,
)
from qla_jax.nn import PlainPatchCNN, count_parameters
from qla_jax.variational.placements import placement
from qla_jax.variational.resqunn import resqunn_specs

PLACEMENTS = ("none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2")
MAIN = PLACEMENTS[:3]
PLAIN = "plain convolutions"
IN_PRINT = (
    ("O1+O2 over X+O1", ("O1+O2", DETACHED), ("X+O1", DETACHED), 31, 45),
    ("O1+O2 over frozen", ("O1+O2", DETACHED), ("O1+O2", FROZEN), 66, 64),
)
"""Differences with dense layers: what, the two networks, points of training and of validation accuracy in print."""


@dataclass(frozen=True)
class Grid:
    """What is trained.

    Attributes:
        images: by number of classes; ten end in a dense layer, four in a circuit.
        names: of placements.
        modes: of gradients.
        seeds: of weights and shuffles.
        protocol: of training.
    """

    images: Mapping[int, ImageSet]
    names: Sequence[str]
    modes: Sequence[str]
    seeds: Sequence[int]
    protocol: Protocol

    def train(self, rows: Mapping[str, Row], classes: int, name: str, mode: str, seed: int) -> Row:
        """One network."""
        images = self.images[classes]
        model = network(images, placement(name, 2), resqunn_specs(), mode, seed, quantum=classes == 4)
        return {"parameters": count_parameters(model)} | self.protocol.run(model, images, seed)

    def plain(self, rows: Mapping[str, Row], classes: int, seed: int) -> Row:
        """Two convolutions on patches and a dense layer."""
        images = self.images[classes]
        shape = images.train_images.shape[1:]
        model = PlainPatchCNN(4, 2, shape, images.num_classes, rngs=nnx.Rngs(seed))
        return {"parameters": count_parameters(model)} | self.protocol.run(model, images, seed)

    def items(self) -> dict:
        """Networks of the first seed first."""
        found: dict = {}
        for seed in self.seeds:
            for classes in self.images:
                for name in self.names:
                    for mode in self.modes:
                        call = partial(self.train, classes=classes, name=name, mode=mode, seed=seed)
                        found[key(classes, name, mode, seed)] = call
                found[key(classes, PLAIN, FULL, seed)] = partial(self.plain, classes=classes, seed=seed)
        return found


def key(classes: int, name: str, mode: str, seed: int) -> str:
    """Of an item."""
    return f"{classes} classes, {name}, {mode}, seed {seed}"


def study(options: Options) -> Study:
    """All networks of a seed, then those of the next.

    Raises:
        DatasetUnavailable: images that were asked for and are not there.
        ValueError: images that cannot be used.
    """
    each = (4, 2) if options.quick else (160, 40)
    sizes = (10, 4) if options.full else (10,)
    images = {classes: prepared_images(options, classes=classes, train=each[0], test=each[1]) for classes in sizes}
    seeds = [options.seed + number for number in range(1 if options.quick else 3)]
    names: Sequence[str] = PLACEMENTS if options.full else MAIN
    modes: Sequence[str] = MODES
    if options.quick:
        names, modes = names[2:], modes[:1]
    grid = Grid(images, names, modes, seeds, Protocol(epochs=1) if options.quick else Protocol())
    settings = {
        "images": {str(classes): identity(one) for classes, one in images.items()},
        "names": names,
        "modes": modes,
        "seeds": seeds,
        **asdict(grid.protocol),
    }
    title = "Residual quanvolutional networks"
    return Study("resqunn", title, settings, grid.items(), partial(summary, grid=grid))


def summary(rows: Mapping[str, Row], grid: Grid) -> Findings:
    """Accuracies by placement and mode, differences beside the printed ones, curves of training."""
    tables: dict[str, Table] = {}
    plots = []
    for classes in grid.images:
        tables[f"{classes} classes: training %, mean (range)"] = _table(rows, grid, classes, "train")
        tables[f"{classes} classes: testing %, mean (range)"] = _table(rows, grid, classes, "test")
        plots.append(_plot(rows, grid, classes))
    differences = _differences(rows, grid)
    if differences:
        head = ["dense layer, points", "training", "in print", "testing", "in print"]
        tables["differences, gradients detached"] = [head, *differences]
    sources = [images.source for images in grid.images.values()]
    return Findings(remarks=[f"Images: {source}." for source in sources], tables=tables, plots=plots)


def _table(rows: Mapping[str, Row], grid: Grid, classes: int, what: str) -> Table:
    table = [["placement", *grid.modes, "parameters"]]
    for name in grid.names:
        cells = [told(grouped(rows, _keys(grid, classes, name, mode), what)) for mode in grid.modes]
        table.append([name, *cells, str(rows[key(classes, name, grid.modes[0], grid.seeds[0])]["parameters"])])
    plain = _keys(grid, classes, PLAIN, FULL)
    empty = [""] * (len(grid.modes) - 1)
    return [*table, [PLAIN, told(grouped(rows, plain, what)), *empty, str(rows[plain[0]]["parameters"])]]


def _keys(grid: Grid, classes: int, name: str, mode: str) -> list[str]:
    return [key(classes, name, mode, seed) for seed in grid.seeds]


def _differences(rows: Mapping[str, Row], grid: Grid) -> Table:
    found = []
    for what, first, second, train, test in IN_PRINT:
        if {first[0], second[0]} <= set(grid.names) and {first[1], second[1]} <= set(grid.modes):
            gaps = [
                100
                * (grouped(rows, _keys(grid, 10, *first), kind)[0] - grouped(rows, _keys(grid, 10, *second), kind)[0])
                for kind in ("train", "test")
            ]
            found.append([what, f"{gaps[0]:+.1f}", f"{train:+d}", f"{gaps[1]:+.1f}", f"{test:+d}"])
    return found


def _plot(rows: Mapping[str, Row], grid: Grid, classes: int) -> Plot:
    epochs = [*range(1, grid.protocol.epochs + 1)]
    styles = {FULL: "-", DETACHED: ":", FROZEN: "--"}
    chosen = [(name, mode) for name in grid.names for mode in grid.modes] + [(PLAIN, FULL)]
    series = []
    for name, mode in chosen:
        curves = [rows[one]["curve"] for one in _keys(grid, classes, name, mode)]
        means = [sum(values) / len(values) for values in zip(*curves, strict=True)]
        series.append(Series(f"{name}, {mode}", epochs, means, style=styles[mode]))
    title = f"{classes} classes, mean over {len(grid.seeds)} seeds"
    return Plot(f"{classes}-classes", "epoch", "accuracy of training steps", series, title=title)
