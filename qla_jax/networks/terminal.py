r"""The terminal block: full-rank linear residual pooling, Lemma C.1.

$$\psi \mapsto \gamma/\|\gamma\|,\qquad \gamma = \tau\psi + (1 - \tau)W|\psi|^2,$$
the squared product by Theorem 1, so that a dense W of full rank costs no Frobenius norm. For a unit $\psi$ and $\|W\|
\le 1$ the skip connection keeps $\|\gamma\| \ge 2\tau - 1$. Pooled over blocks of entries and sampled, that is a class.

References:
    Rattew et al. (2025), Lemmas C.1 and B.20. https://arxiv.org/abs/2510.07195
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import ROUNDING, as_inexact, is_concrete, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, combination
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.composed import Composed
from qla_jax.encodings.combine.lemmas import vector_sum
from qla_jax.encodings.combine.normalized import Normalized, normalize
from qla_jax.encodings.combine.squares import SquareProduct, square_product
from qla_jax.linalg.preparation import length

TAU = 0.51

Vector = Num[Array, " n"]


class TerminalBlock(Composed, kw_only=True):
    r"""Lemma C.1. The input's circuit stands in this one three times.

    Attributes:
        tau: weight of the skip connection.
        squares: $W|\psi|^2$.
        part: $\psi$.
        norm: $\|\gamma\|$.
        contribution: $(1-\tau)\|W|\psi|^2\|/(\tau\|\psi\|)$, how much the matrix has to say.
    """

    tau: Array
    squares: SquareProduct
    part: VectorEncoding
    norm: Array

    @property
    def circuit(self) -> Normalized:
        """The block in terms of Lemma 1 and Theorem 1."""
        return _compose(self.squares, self.part, self.tau)

    @property
    def contribution(self) -> Array:
        """How long the matrix's part of the sum is, relative to the skip connection's."""
        return (1 - self.tau) * length(self.squares.encoded) / (self.tau * length(self.part.encoded))

    @property
    def least_amplitude(self) -> Array:
        r"""A lower bound on the flagged amplitude for every unit input: $2\tau - 1$ before it is normalized."""
        return (2 * self.tau - 1) / (self.alpha * self.norm)

    def uses(self) -> tuple[Use, ...]:
        return Use(self.squares, controlled=True), Use(self.part, controlled=True)

    def gates(self) -> Gates:
        return combination(2)


@default_promotion
def terminal_block(
    matrix: ArrayLike,
    vec: VectorEncoding,
    *,
    tau: ArrayLike = TAU,
    bits: int | None = None,
    norm_bound: ArrayLike | None = None,
) -> TerminalBlock:
    r"""Lemma C.1: encode $\gamma/\|\gamma\|$ for $\gamma = \tau\psi + (1-\tau)W|\psi|^2$.

    A $\big((\tau\alpha + (1-\tau)\alpha^2\max_j\|w_j\|)/\|\gamma\|,\ 2a + n + 2,\ \epsilon'\big)$-vector-encoding, its
    error by the rules of `square_product`, `vector_sum` and `normalize`.

    Args:
        matrix: W, square, $\|W\| \le 1$.
        vec: $\psi$; its norm is conserved for unit vectors.
        tau: between 1/2 and 1.
        bits: of the column norms; exact unless given.
        norm_bound: a bound on $\|W\|$ that you vouch for; its largest singular value unless given.

    Raises:
        ValueError: a tau outside of (1/2, 1), a matrix with a column or itself of a norm above 1 (inside jit: `eps =
            inf`), one that is not square, what `square_product` raises.
    """
    require_kind("vec", vec, VectorEncoding)
    matrix = as_inexact("matrix", matrix, like=vec.alpha)
    tau = jnp.asarray(tau, vec.alpha.dtype)
    if is_concrete(tau):
        require(bool((tau > 0.5) & (tau < 1)), f"`tau` must lie between 0.5 and 1, but is {tau}.")
    if norm_bound is None:
        norm_bound = jnp.linalg.norm(jax.lax.stop_gradient(matrix), 2)
    squares = square_product(matrix, vec, bits=bits, sizes=vec.sizes, norm_bound=norm_bound)
    slack = 1 + ROUNDING * jnp.finfo(squares.alpha.dtype).eps
    longest = squares.norms.alpha
    if is_concrete(longest):
        told = f"`matrix` must have columns of a norm of at most 1, but the longest has {longest}."
        require(bool(longest <= slack), told)
    if is_concrete(norm_bound):
        require(bool(norm_bound <= slack), f"`matrix` must have a norm of at most 1, but its norm is {norm_bound}.")
    circuit = _compose(squares, vec, tau)
    proven = (norm_bound <= slack) & (longest <= slack) & (tau > 0.5) & (tau < 1)
    return TerminalBlock(
        alpha=circuit.alpha,
        eps=jnp.where(proven, circuit.eps, jnp.inf),
        num_ancillas=circuit.num_ancillas,
        num_qubits=circuit.num_qubits,
        encoded=circuit.encoded,
        sizes=vec.sizes,
        tau=tau,
        squares=squares,
        part=vec,
        norm=circuit.norm,
    )


def ideal_terminal(matrix: Num[Array, "n n"], psi: Vector, tau: ArrayLike = TAU) -> tuple[Vector, Array]:
    """The block of a vector without a circuit, and its norm."""
    squares = jnp.square(psi.real) + jnp.square(psi.imag)
    gamma = jnp.asarray(tau) * psi + (1 - jnp.asarray(tau)) * (matrix @ squares)
    norm = length(gamma)
    return gamma / norm, norm


def _compose(squares: SquareProduct, vec: VectorEncoding, tau: Array) -> Normalized:
    return normalize(vector_sum(vec, squares, weights=jnp.stack([tau, 1 - tau])))
