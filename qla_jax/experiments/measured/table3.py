"""Accuracy and overhead of the decomposition and of tomography, by rank and precision: the study `table3`.

The first item compares the formula of `printed_overheads` with all 36 printed numbers, which is the study's own check.
The other items train small residual networks on images that are up-sampled until ranks matter, and evaluate them with
every readout of the table. The protocol is not that of the reference, whose data, size and training are unknown, so no
agreement of accuracies is expected: remarks state both.

Coefficients of the decomposition have errors uniform in [-eps, eps]. This is a model, and protocols are worse or
better: single runs of amplitude estimation have outliers that ruin a network, and the median of five runs is mostly
well within the precision. Separate tables give the accuracy of one network under all models, at the price that
`measurement.noise` charges for each. Precisions are relative to the norm of the whole tensor, all channels together,
and R is the square of the rank times the number of channels. Tomography draws a Poisson number of copies
(`traced_readouts`). The fidelities of the states that are read out are reported next to accuracies.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Table 3. https://arxiv.org/abs/2402.18940
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from qla_jax.data import ImageSet, resized
from qla_jax.experiments.core.study import Options, Rows, Study, settings_of
from qla_jax.experiments.measured.networks import FORMAT, NetworkSetting, layers_of, residual_network, train
from qla_jax.experiments.measured.printed_overheads import PRECISIONS, PRINTED, RANKS, overhead
from qla_jax.experiments.measured.readout_accuracy import Judged, judged, restored, weights_of
from qla_jax.experiments.measured.table3_summary import ByModel, Overhead, Overheads, TrainedRow, summary
from qla_jax.measurement import ReadoutMethod
from qla_jax.measurement.traced_readouts import RankedChebyshev, poisson_tomography, ranked_chebyshev
from qla_jax.nn import QResNet

AXES = (-2, -1)
NOISE = "uniform"
MODELS = ("exact", "uniform", "gaussian", "qae", "qae-median-5")


@dataclass(frozen=True)
class Bench:
    """Networks and the settings of their evaluation.

    Attributes:
        images: images for training and evaluation.
        network: size of the networks and their training.
        seeds: seed of each network.
        ranks: ranks of the decomposition.
        precisions: precisions of both readouts.
        judges: largest number of test images.
        model_precisions: precisions of the table of models.
        model_judges: number of test images of that table.
    """

    images: ImageSet
    network: NetworkSetting
    seeds: Sequence[int]
    ranks: Sequence[int] = RANKS
    precisions: Sequence[float] = PRECISIONS
    judges: int = 360
    model_precisions: Sequence[float] = (0.001, 0.01)
    model_judges: int = 100

    def train(self, rows: object, seed: int) -> TrainedRow:
        """Train a network, and count the circuits before each of its transfers."""
        network, fresh = self.network, self._fresh(seed)
        model, loss, exact = train(fresh, self.images, network.epochs, network.learning_rate, seed)
        return TrainedRow(weights_of(model), loss, exact, layers_of(fresh, self.images))

    def judge_ranks(self, rows: Rows, seed: int, eps: float) -> Judged:
        """Evaluate a network with all ranks at one precision."""
        return self._judged(rows, seed, self._ranked(eps, NOISE), self.judges, round(1 / eps))

    def judge_tomography(self, rows: Rows, seed: int) -> Judged:
        """Evaluate a network with tomography at all precisions."""
        return self._judged(rows, seed, poisson_tomography(self.precisions), self.judges, 0)

    def judge_models(self, rows: Rows, seed: int, eps: float) -> ByModel:
        """Evaluate a network with all ranks and each model of noise."""
        found = {}
        for number, noise in enumerate(MODELS, start=1):
            draw = round(1 / eps) + number
            found[noise] = self._judged(rows, seed, self._ranked(eps, noise), self.model_judges, draw).accuracies
        return ByModel(found)

    def _fresh(self, seed: int) -> QResNet:
        return residual_network(self.images, self.network, seed)

    def _ranked(self, eps: float, noise: str) -> RankedChebyshev:
        return ranked_chebyshev(jnp.array(self.ranks), axes=AXES, relative_eps=eps, noise=noise)

    def _judged(self, rows: Rows, seed: int, readouts: ReadoutMethod, judges: int, draw: int) -> Judged:
        model = restored(self._fresh(seed), rows[f"network {seed}"].weights)
        images, labels = self.images.test_images[:judges], self.images.test_labels[:judges]
        return judged(model, images, labels, readouts, key=jax.random.fold_in(jax.random.key(seed), draw))


def study(options: Options) -> Study:
    """Build the study of overheads, then of networks with all readouts."""
    network = NetworkSetting(16, stages=1, epochs=2) if options.quick else NetworkSetting(32, stages=3, epochs=10)
    images = options.images()
    bench = Bench(resized(images, network.side), network, options.seeds(3))
    if options.quick:
        bench = Bench(bench.images, network, bench.seeds[:1], (4, 16), (0.001, 0.02), judges=32, model_precisions=())
    items: dict = {"printed overheads": lambda rows: printed()}
    for seed in bench.seeds:
        items[f"network {seed}"] = partial(bench.train, seed=seed)
        for eps in bench.precisions:
            items[f"network {seed}, eps {eps:g}"] = partial(bench.judge_ranks, seed=seed, eps=eps)
        items[f"network {seed}, tomography"] = partial(bench.judge_tomography, seed=seed)
    for eps in bench.model_precisions:
        items[f"models of noise, eps {eps:g}"] = partial(bench.judge_models, seed=bench.seeds[0], eps=eps)
    title = "Accuracy and overhead of two readouts by rank and precision"
    settings = settings_of(bench) | {"noise": NOISE, "bits": FORMAT.bits, "fraction": FORMAT.fraction}
    found = partial(summary, seeds=bench.seeds, ranks=bench.ranks, precisions=bench.precisions)
    return Study("table3", title, settings, items, found, row=Overheads | TrainedRow | Judged | ByModel)


def printed() -> Overheads:
    """Return all printed entries with the results of the formula for them."""
    return Overheads([Overhead(*entry, overhead(entry.rank, entry.eps)) for entry in PRINTED])
