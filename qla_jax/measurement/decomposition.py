r"""Discrete Chebyshev decomposition: readout of the first few coefficients of a state in the basis of `quantum_dct`.

For each $|t_k\rangle$ a Hadamard test between the circuits of the state and of $|t_k\rangle$ succeeds with probability
$\frac12(1 + c_k)$, sign included, and amplitude estimation with $M = \lceil2\pi/\epsilon\rceil$ points gives $c_k$
within $\epsilon$. The values are $\sum_k\tilde c_k|t_k\rangle$ times the norm. With R coefficients the error is
$$\|\tilde x - x\| \le \|x\|\sqrt{R\epsilon^2 + \text{tail}^2},$$
where tail is the norm of the part of the unit vector beyond the rank, which the simulator knows. R is the product of
the ranks and of the lengths of all other axes: each entry along another axis is a register value of its own.

The theorem counts $\tilde O(rT/\epsilon)$ queries. This module takes it as R estimations of $2M - 1$ calls each, where
T is the price of a call. Coefficients in superposition would change the depth of the circuit, but not this number.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Algorithm 1 and Theorem II.1.
    https://arxiv.org/abs/2402.18940
"""

import math
from typing import Self

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

from qla_jax._checks import as_integers, require
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.linalg.derivatives import straight_through
from qla_jax.measurement.noise import EstimationModel, noise_model
from qla_jax.measurement.quantum_dct import (
    Axes,
    as_wholes,
    chebyshev_coefficients,
    chebyshev_state,
    checked_rank,
    from_chebyshev,
    kept_shape,
)
from qla_jax.measurement.readout import Amplitudes, Price, Readout, ReadoutMethod, as_precision


class ChebyshevReadout(ReadoutMethod):
    """Readout protocol that estimates the coefficients of low Chebyshev modes of a real tensor along some axes.

    Attributes:
        rank: number of modes kept along each axis.
        axes: axes along which modes are taken; negative ones count from the end.
        relative_eps: precision of each coefficient of the unit vector; 0 where nothing is estimated.
        noise: model of the estimation.
        cap: whether a rank above the length of its axis means all of the axis.
    """

    rank: tuple[int, ...] = struct.field(pytree_node=False)
    axes: Axes = struct.field(pytree_node=False)
    relative_eps: float = struct.field(pytree_node=False)
    noise: EstimationModel
    cap: bool = struct.field(pytree_node=False, default=False)

    real = True

    def measure(self, amplitudes: Amplitudes, *, key: Array) -> Readout:
        shape = amplitudes.state.shape
        rank, axes = self.modes(shape)
        unit = jax.lax.stop_gradient(amplitudes.direction).reshape(shape)
        exact = chebyshev_coefficients(unit, rank, axes)
        kept = from_chebyshev(exact, shape, axes)
        found = from_chebyshev(self.noise.sample(exact, self.relative_eps, key=key), shape, axes)
        projected = from_chebyshev(chebyshev_coefficients(amplitudes.state, rank, axes), shape, axes)
        lost = unit - kept
        # At full rank the tail is exactly 0, rather than the rounding of a transform and its inverse.
        tail = jnp.where(jnp.array(rank == tuple(shape[axis] for axis in axes)), 0, jnp.linalg.norm(lost.reshape(-1)))
        total = jnp.sqrt(exact.size * self.relative_eps**2 + jnp.square(tail))
        return amplitudes.readout(
            straight_through(projected, amplitudes.norm * found),
            shots=exact.size * self.noise.repetitions,
            queries=exact.size * self.noise.queries(self.relative_eps),
            entry=jnp.minimum(
                total, self.relative_eps * _peak(shape, rank, axes) + jnp.where(tail > 0, jnp.abs(lost).max(), 0)
            ),
            total=total,
            failure=self.noise.failure(exact.size),
            method=f"chebyshev, {self.noise.name}",
        )

    @property
    def random(self) -> bool:
        return not self.noise.exact

    def price(self, shape: tuple[int, ...]) -> Price:
        count = self.num_coefficients(as_integers("shape", shape, least=1))
        return Price(count * self.noise.repetitions, count * self.noise.queries(self.relative_eps))

    def kept_modes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], bool]:
        rank, _ = self.modes(shape)
        return rank, rank != self.rank

    def capped(self) -> Self:
        return self.replace(cap=True)

    def modes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], Axes]:
        """Return ranks and non-negative axes for a tensor of this shape.

        Raises:
            ValueError: axes that the tensor does not have, or ranks above their lengths unless `cap`.
        """
        if not self.cap:
            return checked_rank(shape, self.rank, self.axes)
        _, axes = checked_rank(shape, (1,) * len(self.rank), self.axes)
        return tuple(min(r, shape[axis]) for r, axis in zip(self.rank, axes, strict=True)), axes

    def reprepared(self, found: Readout) -> VectorEncoding:
        r"""Prepare the measured tensor for the next layer: coefficients from a memory, then the inverse transform.

        The result is a $(\|\tilde x\|, m, \Delta)$-vector-encoding of the tensor itself, where m is the number of axes
        and $\Delta$ the error bound of the readout, which holds except with its failure probability.

        Args:
            found: result of this readout for a tensor whose axes have powers of two as lengths.

        Raises:
            ValueError: what `chebyshev_state` raises.

        Example:
            >>> readout = chebyshev_readout(rank=2, relative_eps=0.1, noise="exact")
            >>> vec = readout.reprepared(readout(jnp.array([4.0, 3.0, 2.0, 1.0]), key=jax.random.key(0)))
            >>> [round(entry, 2) for entry in vec.encoded.tolist()], round(float(vec.eps), 2)
            ([3.96, 3.1, 1.9, 1.04], 0.16)
        """
        shape = found.values.shape
        rank, axes = self.modes(shape)
        vec = chebyshev_state(chebyshev_coefficients(found.values, rank, axes), shape, axes=axes)
        return vec.replace(eps=vec.eps + found.error_bound)

    def num_coefficients(self, shape: tuple[int, ...]) -> int:
        """Return the number R of coefficients that are estimated for a tensor of this shape."""
        return math.prod(kept_shape(shape, *self.modes(shape)))


def chebyshev_readout(
    *,
    rank: int | tuple[int, ...],
    relative_eps: float,
    noise: str | EstimationModel = "qae",
    axes: int | Axes | None = None,
    cap: bool = False,
) -> ChebyshevReadout:
    r"""Read the first `rank` Chebyshev coefficients along each axis, each to $\epsilon$ times the norm of the tensor.

    R coefficients with K runs each take $R K(2M - 1)$ queries. The models "gaussian" and "uniform" simulate no protocol
    and are charged single runs; "exact" is charged nothing. `failure_probability` is the union bound over all R
    coefficients. For single runs ("qae") the bound reaches 1 already at a few coefficients; a median of $K = O(\log R)$
    runs keeps it small. The derivative of the values is that of the projection.

    Args:
        rank: number of modes for each axis.
        relative_eps: precision of a coefficient, relative to the norm of the tensor, in (0, 2); unused by "exact".
        noise: model of the estimation, or its name; see `noise_model`.
        axes: one axis for each rank, by default the last ones; `(-2,)` is the token axis of (tokens, features).
        cap: whether all modes of an axis shorter than its rank are taken; otherwise such an axis is an error.

    Raises:
        ValueError: a value out of its range, or ranks and axes that are no integers or do not match. The readout raises
            it for a rank above the length of its axis, a precision that amplitude estimation cannot have in these
            floats, and a complex state, whose imaginary part the Hadamard test for real parts would lose.

    Example:
        >>> image = jnp.outer(jnp.arange(1.0, 9.0), jnp.ones(8))
        >>> found = chebyshev_readout(rank=(4, 1), relative_eps=0.01, noise="uniform")(image, key=jax.random.key(0))
        >>> int(found.queries), bool(jnp.linalg.norm(found.values - image) <= found.error_bound), found.method
        (5028, True, 'chebyshev, uniform')
    """
    rank, noise = as_wholes("rank", rank), noise_model(noise)
    require(len(rank) > 0, f"`rank` must name at least one axis, but is {rank}.")
    axes = tuple(range(-len(rank), 0)) if axes is None else as_wholes("axes", axes)
    require(len(rank) == len(axes), f"`rank` must have an entry for each axis of {axes}, but is {rank}.")
    for r in rank:
        require(r >= 1, f"`rank` must be at least 1, but is {r}.")
    relative_eps = 0.0 if noise.exact else as_precision("relative_eps", relative_eps, below=2)
    return ChebyshevReadout(rank=rank, axes=axes, relative_eps=relative_eps, noise=noise, cap=cap)


def _peak(shape: tuple[int, ...], rank: tuple[int, ...], axes: Axes) -> float:
    r"""Return $\max_i\sum_{k<r}|t_k(i)|$ over all axes: the error of an entry for unit errors of coefficients."""
    per_axis = ((1 + math.sqrt(2) * (r - 1)) / math.sqrt(shape[axis]) for r, axis in zip(rank, axes, strict=True))
    return math.prod(per_axis)
