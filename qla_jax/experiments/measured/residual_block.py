"""Residual block of quantum arithmetic compared with the same convolutions by linear algebra: study `residual-block`.

Both read an image out by tomography at the same precision. The first is `nn.QResidualBlock`, with transfers as in
appendix C of the reference and the tomography of `traced_readouts`. The second has the two convolutions of that block
in the network of Kerenidis, Landman and Prakash (`prior.convolutional`), whose inner products are estimated to the same
precision and whose activation is a cap. Each is compared with its own exact function, so that differences between the
two functions do not count: the second network has no normalization and no shortcut, and it pools. The quick form reads
the block out only at its end.

The study reports the infidelity of the last state, and the number of reads of a memory for one image. For the block
these are the queries of each transfer times the numbers that one preparation reads one after another, $C_{in}K^2$
products and the shortcut's. For the network of linear algebra they are its calls. The printed table of the reference is
not legible, so there is no comparison with it.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Table 2. https://arxiv.org/abs/2402.18940
    Kerenidis, Landman, Prakash (2020). https://arxiv.org/abs/1911.01117
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from qla_jax.data import ImageSet, resized
from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.fits import power
from qla_jax.experiments.core.study import Findings, Options, Study, settings_of
from qla_jax.experiments.core.tables import Column, table
from qla_jax.experiments.measured.networks import FORMAT
from qla_jax.measurement import ReadoutMethod, exact_readout, tomography
from qla_jax.measurement.traced_readouts import poisson_tomography
from qla_jax.nn import EVERY_BLOCK, BlockTransfers, MeasuredRun, QResidualBlock, infidelity, overhead
from qla_jax.nn.measured import Pass
from qla_jax.nn.qam import Arithmetic
from qla_jax.prior import convolutional, exact_convolution

ARITHMETIC, LINEAR = "arithmetic", "linear algebra"


@dataclass(frozen=True)
class Transferred:
    """Block at all precisions: infidelities of each image, queries, reads of a memory, and queries times T-depth."""

    infidelities: list[list[float]]
    queries: list[int]
    reads: list[int]
    quantum: list[int]


@dataclass(frozen=True)
class Convolved:
    """Linear algebra at one precision: infidelities of each image, and the mean number of reads of a memory."""

    infidelities: list[float]
    reads: float


@dataclass(frozen=True)
class Duel:
    """Settings of the comparison.

    Attributes:
        images: images, scaled to the side that is used.
        precisions: precisions, falling.
        seed: seed of weights and draws.
        channels: number of channels of the block's output.
        runs: number of images, with one draw of each.
        transfers: places where the block is read out.
        cap: cap of the activation by linear algebra.
    """

    images: ImageSet
    precisions: Sequence[float]
    seed: int
    channels: int = 4
    runs: int = 5
    transfers: BlockTransfers = BlockTransfers()  # noqa: RUF009 a tuple of constants
    cap: float = 4.0

    def arithmetic(self, rows: object) -> Transferred:
        """Run the block at all precisions, with one compile for all of them."""
        block, shape = self._block(), self.images.test_images.shape[1:]
        graph, state = nnx.split(block)

        @jax.jit
        def judge(state: Any, readouts: Any, keys: Array, images: Array) -> Array:
            def one(readout: ReadoutMethod, image: Array, key: Array) -> Array:
                network = nnx.merge(graph, state)
                found, exact = (
                    network.forward(image, Pass(method, Arithmetic(), key=key)).values
                    for method in (readout, exact_readout())
                )
                return infidelity(found, exact)

            over_images = jax.vmap(one, in_axes=(None, 0, 0))
            return jax.lax.map(lambda task: over_images(task[0], images, task[1]), (readouts, keys))

        images = jnp.asarray(self.images.test_images[: self.runs])
        keys = jax.random.split(jax.random.key(self.seed), (len(self.precisions), len(images)))
        found = judge(state, poisson_tomography(self.precisions), keys, images)
        layers = overhead(block, shape, FORMAT).layers
        reads = _reads(jax.eval_shape(block.run, jax.ShapeDtypeStruct(shape, jnp.float32)))
        queries = [[tomography(delta=eps).price(layer.shape)[1] for layer in layers] for eps in self.precisions]
        return Transferred(
            found.tolist(),
            [sum(row) for row in queries],
            [sum(count * read for count, read in zip(row, reads, strict=True)) for row in queries],
            [sum(q * layer.depth for q, layer in zip(row, layers, strict=True)) for row in queries],
        )

    def linear_algebra(self, rows: object, eps: float) -> Convolved:
        """Run the same kernels by linear algebra, in float64 for any precision of the caller."""
        block, found, reads = self._block(), [], []
        kernels = [np.asarray(part.kernel[...], np.float64) for part in (block.first, block.second)]
        with jax.enable_x64(True):
            keys = jax.random.split(jax.random.fold_in(jax.random.key(self.seed), round(1 / eps)), self.runs)
            for key, image in zip(keys, self.images.test_images.astype(np.float64), strict=False):
                told = convolutional(kernels, image, eps=eps, eta=eps, cap=self.cap, key=key)
                exact = image
                for kernel in kernels:
                    exact = exact_convolution(kernel, exact, self.cap)
                found.append(float(infidelity(told.states[-1], jnp.asarray(exact))))
                reads.append(sum(told.calls))
        return Convolved(found, sum(reads) / len(reads))

    def _block(self) -> QResidualBlock:
        return QResidualBlock(
            self.images.test_images.shape[1], self.channels, transfers=self.transfers, rngs=nnx.Rngs(self.seed)
        )


def study(options: Options) -> Study:
    """Build the study of both models at each precision."""
    images = options.images()
    duel = Duel(resized(images, 8 if options.quick else 16), (0.02, 0.01, 0.004, 0.002), options.seed)
    if options.quick:
        duel = replace(duel, precisions=(0.04, 0.02), runs=1, channels=2, transfers=EVERY_BLOCK)
    items: dict = {ARITHMETIC: duel.arithmetic}
    items |= {f"{LINEAR}, {eps:g}": partial(duel.linear_algebra, eps=eps) for eps in duel.precisions}
    title, found = "A residual block against a network of linear algebra", partial(summary, precisions=duel.precisions)
    return Study("residual-block", title, settings_of(duel), items, found, row=Transferred | Convolved)


def summary(rows: Mapping[str, Any], precisions: Sequence[float]) -> Findings:
    """Compare infidelities and reads of both models, and fit powers of the precision.

    Args:
        rows: results of both models.
        precisions: precisions, falling.
    """
    other = [rows[f"{LINEAR}, {eps:g}"] for eps in precisions]
    infidelities = {ARITHMETIC: rows[ARITHMETIC].infidelities, LINEAR: [one.infidelities for one in other]}
    means = {model: [float(np.mean(part)) for part in found] for model, found in infidelities.items()}
    reads = {ARITHMETIC: rows[ARITHMETIC].reads, LINEAR: [one.reads for one in other]}
    told = [
        (eps, model, means[model][place], reads[model][place])
        for place, eps in enumerate(precisions)
        for model in means
    ]
    inverse = [1 / eps for eps in precisions]
    laws = {
        model: {"infidelity": power(inverse, means[model]), "reads": power(inverse, reads[model])} for model in means
    }
    ratios = [b / a for a, b in zip(reads[ARITHMETIC], reads[LINEAR], strict=True)]
    grown = [
        f"{model}: reads grow like 1/precision to the {law['reads'].exponent:.2f}, the infidelity falls like "
        f"precision to the {-law['infidelity'].exponent:.2f}."
        for model, law in laws.items()
    ]
    columns = [
        Column("precision", "{0:g}", "precision of each transfer, or of each step of linear algebra"),
        Column("", "{1}", "model"),
        Column("infidelity", "{2:.2e}", "mean infidelity of the last state"),
        Column("reads of a memory", "{3:.2e}", "numbers read from a quantum memory"),
    ]
    series = [Series(model, reads[model], means[model]) for model in means]
    return Findings(
        numbers={"infidelity": means, "reads": reads, "laws": laws, "reads_of_linear_algebra_over_arithmetic": ratios},
        conclusions=[
            f"Linear algebra reads {min(ratios):.3g} to {max(ratios):.3g} times as often at the same precision.",
            *grown,
        ],
        tables={"residual block": table(columns, told, caption="Two models of one block at the same precision.")},
        plots=[
            Plot(
                "infidelity",
                "reads of a memory",
                "infidelity of the last state",
                series,
                "log",
                "log",
                caption="Mean infidelity of the last state against the reads of a memory that it takes.",
            )
        ],
    )


def _reads(run: MeasuredRun) -> list[int]:
    """Return the numbers that one preparation of each state reads: factors of products, and summands."""
    return [
        max(1, sum(count for name, count in transfer.operations if name == "multiply")) for transfer in run.transfers
    ]
