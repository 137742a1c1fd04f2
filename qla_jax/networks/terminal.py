r"""Terminal block of a coherent network: full-rank linear residual pooling, Lemma C.1.

$$\psi \mapsto \gamma/\|\gamma\|,\qquad \gamma = \tau\psi + (1 - \tau)W|\psi|^2.$$
The product with the squared moduli is that of Theorem 1, so that a dense W of full rank costs no Frobenius norm. For a
unit $\psi$ and $\|W\| \le 1$ the skip connection keeps $\|\gamma\| \ge 2\tau - 1$. Pooling over blocks of entries and
sampling turn the result into a class.

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
from qla_jax.linalg.products import matmul

TAU = 0.51

Vector = Num[Array, " n"]


class TerminalBlock(Composed, kw_only=True):
    r"""Vector encoding of a terminal block (Lemma C.1), which calls the circuit of its input three times.

    Attributes:
        tau: weight of the skip connection.
        squares: vector encoding of $W|\psi|^2$.
        part: vector encoding of $\psi$.
        norm: norm $\|\gamma\|$ before normalization.
        contribution: ratio $(1-\tau)\|W|\psi|^2\|/(\tau\|\psi\|)$ of the matrix's share to that of the skip connection.
    """

    tau: Array
    squares: SquareProduct
    part: VectorEncoding
    norm: Array

    @property
    def circuit(self) -> Normalized:
        """Encoding of the block by Lemma 1 and Theorem 1, whose circuit runs."""
        return _compose(self.squares, self.part, self.tau)

    @property
    def contribution(self) -> Array:
        """Length of the matrix's share of the sum relative to that of the skip connection."""
        return (1 - self.tau) * length(self.squares.encoded) / (self.tau * length(self.part.encoded))

    @property
    def least_amplitude(self) -> Array:
        r"""Lower bound on the success amplitude for every unit input, from $\|\gamma\| \ge 2\tau - 1$."""
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
    r"""Encode a terminal block $\gamma/\|\gamma\|$ with $\gamma = \tau\psi + (1-\tau)W|\psi|^2$: Lemma C.1.

    The result is a $\big((\tau\alpha + (1-\tau)\alpha^2\max_j\|w_j\|)/\|\gamma\|,\ a + \min(a, 1) + n + 2,\
    \epsilon'\big)$-vector-encoding. The error follows from the rules of `square_product`, `vector_sum` and `normalize`.

    Args:
        matrix: square matrix W with $\|W\| \le 1$.
        vec: vector encoding of $\psi$; the norm is conserved for unit vectors.
        tau: weight of the skip connection, between 1/2 and 1.
        bits: number of bits of the column norms; exact unless given.
        norm_bound: trusted upper bound on $\|W\|$, by default its largest singular value.

    Raises:
        ValueError: a tau outside (1/2, 1), a matrix that is not square, a matrix or a column with a norm above 1
            (inside jit: `eps = inf`), or the conditions of `square_product`.

    Example:
        >>> block = terminal_block(jnp.array([[0.0, 1.0], [1.0, 0.0]]), vector_encode(jnp.array([0.6, 0.8])))
        >>> ideal, norm = ideal_terminal(jnp.array([[0.0, 1.0], [1.0, 0.0]]), jnp.array([0.6, 0.8]))
        >>> bool(jnp.allclose(block.encoded, ideal)), block.num_ancillas
        (True, 3)

    References:
        Rattew et al. (2025), Lemma C.1. https://arxiv.org/abs/2510.07195
    """
    require_kind("vec", vec, VectorEncoding)
    matrix = as_inexact("matrix", matrix, like=vec.alpha)
    tau = jnp.asarray(tau, vec.alpha.dtype)
    if is_concrete(tau):
        require(bool((tau > 0.5) & (tau < 1)), f"`tau` must lie between 0.5 and 1, but is {tau}.")
    if norm_bound is None:
        # The bound is a certificate and not trained: the derivative of a singular value may not exist.
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
    """Return the ideal terminal block of a vector, and its norm before normalization, without a circuit.

    Args:
        matrix: square matrix W.
        psi: input.
        tau: weight of the skip connection.
    """
    squares = jnp.square(psi.real) + jnp.square(psi.imag)
    gamma = jnp.asarray(tau) * psi + (1 - jnp.asarray(tau)) * matmul(matrix, squares)
    norm = length(gamma)
    return gamma / norm, norm


def _compose(squares: SquareProduct, vec: VectorEncoding, tau: Array) -> Normalized:
    return normalize(vector_sum(vec, squares, weights=jnp.stack([tau, 1 - tau])))
