"""Accuracy of a measured transformer against the rank of the decomposition along tokens: the study `elbow`.

Networks are trained with exact readouts on every available set of images, in several sizes, and evaluated over ranks.
The attention of each block and the logits are read out, as in the experiments of the reference. The elbow is the rank
whose accuracy lies farthest above the chord of the curve (`curves.elbow`). The largest rise between neighboring ranks
is also reported, since at a sharp elbow it is most of the whole rise. Curves are not smoothed.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, figures 4 and 5. https://arxiv.org/abs/2402.18940
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx

from qla_jax.data import DatasetUnavailable, ImageSet, load, resized
from qla_jax.experiments.core.curves import elbow
from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.study import Findings, Options, Study, settings_of
from qla_jax.experiments.core.tables import Column, table
from qla_jax.experiments.measured.networks import train
from qla_jax.experiments.measured.readout_accuracy import accuracies
from qla_jax.measurement.traced_readouts import ranked_chebyshev
from qla_jax.nn import QTransformer

TOKENS = (-2,)
PATCH = 4


COLUMNS = [
    Column("", "{0}", "images"),
    Column("side", "{1}", "pixels along a side"),
    Column("tokens", "{2}", "number of tokens"),
    Column("elbow", "{3}", "rank whose accuracy lies farthest above the chord of the curve"),
    Column("at it", "{4}", "accuracy at that rank"),
    Column("lowest", "{5:.3f}", "accuracy at the lowest rank"),
    Column("all", "{6:.3f}", "accuracy with all modes"),
    Column("exact", "{7:.3f}", "accuracy with exact readouts"),
    Column("rise", "{8:.3f}", "largest rise of the accuracy between neighboring ranks"),
    Column("from", "{9}", "rank before that rise"),
    Column("to", "{10}", "rank after it"),
]


@dataclass(frozen=True)
class JudgedRank:
    """Accuracy of a network by rank along tokens.

    Attributes:
        loss: last loss of its training.
        exact: accuracy with exact readouts, on all test images.
        dataset: name of the images.
        side: side of the images.
        ranks: ranks, the last of which is the number of tokens.
        accuracies: accuracy at each rank.
    """

    loss: float
    exact: float
    dataset: str
    side: int
    ranks: list[int]
    accuracies: list[float]


@dataclass(frozen=True)
class Transformers:
    """Networks and the settings of their evaluation.

    Attributes:
        sets: images by name.
        sides: sides of the images, multiples of the patches' side.
        seed: seed of the networks.
        width: number of features of a token.
        heads: number of heads of attention.
        depth: number of blocks.
        epochs: number of epochs of training.
        learning_rate: learning rate at its peak.
        eps: precision of the coefficients, relative to the norm of the tensor.
        noise: model of their estimation.
        most_ranks: largest number of ranks, evenly spread after the first few.
        judges: largest number of test images.
    """

    sets: Mapping[str, ImageSet]
    sides: Sequence[int]
    seed: int
    width: int = 16
    heads: int = 2
    depth: int = 2
    epochs: int = 20
    learning_rate: float = 5e-3
    eps: float = 0.001
    noise: str = "uniform"
    most_ranks: int = 24
    judges: int = 300

    def ranks(self, side: int) -> list[int]:
        """Return the ranks for images of this side.

        They are all ranks of a short axis; of a long one the first few, and further ones that are evenly spread.
        """
        tokens = (side // PATCH) ** 2 + 1
        return sorted(
            {round(1 + (tokens - 1) * (place / (self.most_ranks - 1)) ** 1.5) for place in range(self.most_ranks)}
        )

    def measure(self, rows: object, name: str, side: int) -> JudgedRank:
        """Train one network and evaluate it at all ranks."""
        images, ranks = resized(self.sets[name], side), self.ranks(side)
        fresh = QTransformer(
            images.train_images.shape[1:],
            images.num_classes,
            patch=PATCH,
            width=self.width,
            heads=self.heads,
            depth=self.depth,
            rngs=nnx.Rngs(self.seed),
        )
        model, loss, exact = train(fresh, images, self.epochs, self.learning_rate, self.seed)
        readouts = ranked_chebyshev(jnp.array(ranks), axes=TOKENS, relative_eps=self.eps, noise=self.noise)
        tests = images.test_images[: self.judges], images.test_labels[: self.judges]
        found = accuracies(model, *tests, readouts, key=jax.random.key(self.seed))
        return JudgedRank(loss, exact, name, side, ranks, found)


def study(options: Options) -> Study:
    """Build the study of a network for each set of images and each size."""
    sets, left_out = at_hand(options)
    networks = Transformers(sets, (16, 24, 32), options.seed)
    if options.quick:
        networks = replace(networks, sides=(12,), width=8, heads=1, depth=1, epochs=3, most_ranks=6, judges=64)
    items = {
        f"{name}, side {side}": partial(networks.measure, name=name, side=side)
        for name in sets
        for side in networks.sides
    }
    title = "Accuracy of a transformer by rank along tokens"
    settings = settings_of(networks) | {"patch": PATCH, "left_out": left_out}
    return Study("elbow", title, settings, items, partial(summary, left_out=left_out), row=JudgedRank)


def at_hand(options: Options) -> tuple[dict[str, ImageSet], list[str]]:
    """Return the available sets of images by name, and reasons why others are unusable.

    It is the set asked for, or else the digits and all sets in `data_dir`.
    """
    if options.dataset is not None:
        return {options.dataset: load(options.dataset, data_dir=options.data_dir, seed=options.seed)}, []
    found, left_out = {"digits": load("digits", seed=options.seed)}, []
    for name in _prepared_in(options.data_dir):
        try:
            found[name] = load(name, data_dir=options.data_dir, seed=options.seed)
        except (DatasetUnavailable, ValueError) as error:
            left_out.append(f"{name}: {error}")
    return found, left_out


def summary(rows: Mapping[str, JudgedRank], left_out: Sequence[str]) -> Findings:
    """Find the elbows, and draw a figure for each set of images.

    Args:
        rows: accuracies of all networks.
        left_out: reasons why sets of images are unusable.
    """
    numbers: dict[str, dict] = {}
    told, plots = [], dict[str, list[Series]]()
    for key, row in rows.items():
        ranks, found = row.ranks, row.accuracies
        place = elbow(ranks, found)
        steps = zip(pairwise(ranks), pairwise(found), strict=True)
        rise, low, high = max((b - a, r, s) for (r, s), (a, b) in steps)
        at = None if place is None else found[ranks.index(place)]
        numbers[key] = {"elbow": place, "accuracy": at, "rise": rise, "from": low, "to": high}
        shown = "none" if place is None else str(place)
        accuracy = "" if at is None else f"{at:.3f}"
        ends = found[0], found[-1], row.exact
        told.append((row.dataset, row.side, ranks[-1], shown, accuracy, *ends, rise, low, high))
        plots.setdefault(row.dataset, []).append(Series(f"side {row.side}, elbow {shown}", ranks, found))
    about = (
        "The elbow is the rank whose accuracy lies farthest above the chord from the first point of the curve to the "
        "last. The table also has the largest rise between neighboring ranks, and its place."
    )
    return Findings(
        numbers={"elbows": numbers},
        remarks=[about, *(f"Left out: {line}" for line in left_out)],
        tables={"elbows": table(COLUMNS, told, caption="Elbows of the accuracy against the rank along tokens.")},
        plots=[
            Plot(
                name.replace("/", "-"),
                "rank along tokens",
                "test accuracy",
                series,
                title=name,
                caption="Test accuracy of transformers against the Chebyshev rank that is read out along tokens.",
            )
            for name, series in plots.items()
        ],
    )


def _prepared_in(data_dir: Path | None) -> list[str]:
    """Return the names of sets, taken from the paths NAME/VERSION/dataset_info.json."""
    if data_dir is None:
        return []
    return sorted({path.parts[-3] for path in data_dir.glob("*/*/dataset_info.json")})
