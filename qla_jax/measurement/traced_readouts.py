r"""Readouts whose rank or precision is traced, so that one compiled function serves all ranks or precisions.

The readouts are for the evaluation of a trained network; values have no derivative.

`RankedChebyshev` is `qla_jax.measurement.chebyshev_readout` with a rank that may be traced. All coefficients are
estimated; those beyond the rank are neither used nor charged. The law of the used ones is the same.

`PoissonTomography` is tomography in the maximum norm with a number of copies drawn from a Poisson law of mean N in each
round, rather than exactly N. This is a protocol of its own, with independent counts, and not a model of the other. The
shares are $n_i/N$, so the norm of the values has a relative error of $1/\sqrt{4N}$, which is small in each single
entry.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Algorithm 1. https://arxiv.org/abs/2402.18940
    Kerenidis, Landman, Prakash (2019), Theorem 4.3, the two rounds. https://arxiv.org/abs/1911.01117
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jax.typing import ArrayLike

from qla_jax.linalg.sampling import poisson
from qla_jax.measurement import Readout, ReadoutMethod
from qla_jax.measurement.noise import EstimationModel, noise_model
from qla_jax.measurement.quantum_dct import Axes, dct, inverse_dct
from qla_jax.measurement.readout import Amplitudes, as_precision
from qla_jax.measurement.vector_tomography import CONSTANT, THRESHOLD


class RankedChebyshev(ReadoutMethod):
    """Readout of the first Chebyshev modes along some axes, with a rank that may be traced.

    Attributes:
        rank: number of modes along each of the axes, all of an axis that has fewer; an integer, traced or not.
        axes: axes along which modes are taken, negative.
        relative_eps: precision of each coefficient of the unit vector.
        noise: model of the estimation.
    """

    rank: ArrayLike
    axes: Axes = struct.field(pytree_node=False)
    relative_eps: float = struct.field(pytree_node=False)
    noise: EstimationModel

    real = True

    def measure(self, amplitudes: Amplitudes, *, key: Array) -> Readout:
        shape = amplitudes.state.shape
        unit = jax.lax.stop_gradient(amplitudes.direction).reshape(shape)
        exact = dct(unit, self.axes)
        kept = jnp.ones(shape, bool)
        for axis in self.axes:
            below = jnp.arange(shape[axis]) < self.rank
            kept &= below.reshape([-1 if place == axis % len(shape) else 1 for place in range(len(shape))])
        found = inverse_dct(jnp.where(kept, self.noise.sample(exact, self.relative_eps, key=key), 0), self.axes)
        count, eps = kept.sum(), 0.0 if self.noise.exact else self.relative_eps
        total = jnp.sqrt(count * eps**2 + jnp.sum(jnp.square(jnp.where(kept, 0, exact))))
        return amplitudes.readout(
            jax.lax.stop_gradient(amplitudes.norm * found),
            shots=count * self.noise.repetitions,
            queries=count * self.noise.queries(self.relative_eps),
            entry=total,
            total=total,
            failure=jnp.minimum(1.0, count * self.noise.single_failure),
            method=f"chebyshev, {self.noise.name}",
        )


class PoissonTomography(ReadoutMethod):
    r"""Tomography of all entries in the maximum norm, by independent Poisson counts.

    Attributes:
        delta: precision of each entry of the unit vector, traced or not: $N = \lceil36\ln d/\delta^2\rceil$.
    """

    delta: ArrayLike

    real = True

    def measure(self, amplitudes: Amplitudes, *, key: Array) -> Readout:
        x = jax.lax.stop_gradient(amplitudes.direction)
        copies = jnp.ceil(CONSTANT * math.log(max(x.size, 2)) / jnp.square(jnp.asarray(self.delta, x.dtype)))

        def look(sizes: Array, key: Array) -> tuple[Array, Array]:
            """Return sizes and counts of (x + sizes) / 2; for sizes = x these are the plain counts of x.

            Both rounds have this form, so that a loop compiles the sampler once.
            """
            seen = poisson(copies * jnp.square((x + sizes) / 2), key=key).astype(x.dtype)
            return jnp.sqrt(seen / copies), seen

        _, (first, second) = jax.lax.scan(look, x, jax.random.split(key))
        sizes = jnp.sqrt(first / copies)
        found = jnp.where(second > THRESHOLD * first, sizes, -sizes)
        return amplitudes.readout(
            jax.lax.stop_gradient((amplitudes.norm * found).reshape(amplitudes.state.shape)),
            shots=2 * copies,
            queries=2 * copies,
            entry=jnp.inf,
            total=jnp.inf,
            failure=1.0,
            method="tomography, Poisson",
        )


def ranked_chebyshev(ranks: ArrayLike, *, axes: Axes, relative_eps: float, noise: str = "qae") -> RankedChebyshev:
    """Return a stack of readouts, one for each rank, to be mapped over.

    The model of the noise holds no arrays, so the ranks are the only leaf of the stack.

    Args:
        ranks: number of modes of each readout.
        axes: axes along which modes are taken, negative.
        relative_eps: precision of each coefficient relative to the norm of the tensor, in (0, 2).
        noise: name of the model of the estimation.

    Raises:
        ValueError: a precision out of its range, or an unknown model.

    Example:
        >>> stack = ranked_chebyshev(jnp.array([1, 2]), axes=(-1,), relative_eps=0.1, noise="exact")
        >>> read = lambda readout: readout(jnp.array([3.0, 1.0]), key=jax.random.key(0)).values
        >>> jax.lax.map(read, stack).round(6).tolist()
        [[2.0, 2.0], [3.0, 1.0]]
    """
    return RankedChebyshev(
        jnp.asarray(ranks), axes, as_precision("relative_eps", relative_eps, below=2), noise_model(noise)
    )


def poisson_tomography(deltas: Sequence[float]) -> PoissonTomography:
    """Return a stack of readouts, one for each precision, to be mapped over.

    Raises:
        ValueError: a precision that is not in (0, 1).
    """
    return PoissonTomography(jnp.array([as_precision("delta", delta, below=1) for delta in deltas]))
