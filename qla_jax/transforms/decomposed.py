r"""Block encodings with a stored singular value decomposition, with which a polynomial costs two matrix products.

The circuit is the part's circuit; only the encoded view uses the decomposition. Derivatives of singular vectors do not
exist where singular values coincide. The derivative is hence computed from divided differences of the polynomial: with
$B = WSV^\dagger$ and $E = W^\dagger\,dB\,V$
$$d(WP(S)V^\dagger) = W\,\tfrac12\big[(E + E^\dagger)\circ P[s_i, s_j] +
(E - E^\dagger)\circ P[s_i, -s_j]\big]\,V^\dagger$$
for odd P, and the same between V and $V^\dagger$ for even P. This is the rule of Daleckii and Krein for the Hermitian
dilation.

References:
    Higham (2008), Functions of Matrices, Theorem 3.11 for Hermitian matrices.
    Noferini (2017), derivatives of generalized matrix functions. https://doi.org/10.1137/16M1072851
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Num

from qla_jax._checks import require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.operations import Operation
from qla_jax.encodings.base.block import BlockEncoding, block
from qla_jax.encodings.base.encoding import State, contraction
from qla_jax.encodings.combine.algebra import Adjoint
from qla_jax.linalg.products import matmul
from qla_jax.polynomials import chebyshev
from qla_jax.transforms.recurrence import chebyshev_series

Vector = Num[Array, " n"]
Square = Num[Array, "n n"]


class Decomposition(NamedTuple):
    r"""Singular value decomposition $A/\alpha = WSV^\dagger$ of a matrix padded to a square."""

    left: Square
    values: Float[Array, " n"]
    right: Square


class Decomposed(BlockEncoding, kw_only=True):
    """Block encoding of its part with the stored matrix over alpha, padded to a square, and its decomposition."""

    contraction: Square
    kept: Decomposition
    part: BlockEncoding

    @property
    def zero_without_alpha(self) -> bool:  # type: ignore[override]
        return self.part.zero_without_alpha

    def apply(self, state: State) -> State:
        return self.part.apply(state)

    def apply_adjoint(self, state: State) -> State:
        return self.part.apply_adjoint(state)

    def flagged(self, system: Vector) -> Vector:
        return self.part.flagged(system)

    def _matvec(self, x: Vector) -> Vector:
        return self.part.matvec(x)

    def _rmatvec(self, y: Vector) -> Vector:
        return self.part.rmatvec(y)

    def hermitian_defect(self) -> Array | None:
        return self.part.hermitian_defect()

    def singular_values(self) -> Float[Array, " n"]:
        return self.kept.values * self.alpha

    @property
    def is_self_inverse(self) -> bool:
        return self.part.is_self_inverse

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.part),)

    def gates(self) -> Gates:
        return Gates()

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return [self.call(self.part, parts[0])]


@default_promotion
def decomposed(enc: BlockEncoding) -> Decomposed:
    r"""Return the same encoding with its singular value decomposition stored, at a cost of $O(N^3)$ for size N.

    In the encoded view `qsvt` of the result takes two products with a vector at any degree d instead of d products.
    Derivatives take $O(dN^2)$ and are exact for zero, repeated and coinciding singular values. The circuit does not
    change.

    Raises:
        TypeError: `enc` is not a block encoding.

    Example:
        >>> enc = decomposed(block_encode(jnp.array([[0.0, 0.5], [0.5, 0.0]]), alpha=1.0))
        >>> bool(jnp.allclose(qsvt(enc, [0.0, 0.9]).matvec(jnp.array([1.0, 0.0])), jnp.array([0.0, 0.45])))
        True

    References:
        Higham (2008), Functions of Matrices, Theorem 3.11.
        Noferini (2017), derivatives of generalized matrix functions. https://doi.org/10.1137/16M1072851
    """
    require_kind("enc", enc, BlockEncoding)
    size = max(enc.shape)
    matrix = block(enc) / contraction(enc)[0]
    matrix = jnp.pad(matrix, [(0, size - length) for length in enc.shape])
    left, values, adjoint = jnp.linalg.svd(jax.lax.stop_gradient(matrix))
    return Decomposed(
        **{name: getattr(enc, name) for name in BlockEncoding.__dataclass_fields__},
        contraction=matrix,
        kept=Decomposition(left, values, adjoint.conj().T),
        part=enc,
    )


def transform(coeffs: Float[Array, " d_plus_1"], enc: BlockEncoding, x: Vector, *, adjoint: bool = False) -> Vector:
    r"""Return $P^{(SV)}(A/\alpha)x$, or $P^{(SV)}(A^\dagger/\alpha)x$, for P of definite parity, without a circuit.

    Args:
        coeffs: Chebyshev coefficients of P.
        enc: block encoding of A.
        x: vector.
        adjoint: True for the polynomial of the adjoint matrix.
    """
    while isinstance(enc, Adjoint):
        enc, adjoint = enc.part, not adjoint
    if isinstance(enc, Decomposed):
        return _by_values(coeffs, enc, x, adjoint)
    safe, _ = contraction(enc)
    ways = (lambda v: enc.matvec(v) / safe), (lambda v: enc.rmatvec(v) / safe)
    return chebyshev_series(coeffs, *(ways[::-1] if adjoint else ways), x)


def _by_values(coeffs: Array, enc: Decomposed, x: Vector, adjoint: bool) -> Vector:
    size, odd = len(enc.kept.values), len(coeffs) % 2 == 0
    matrix, (left, values, right) = enc.contraction, enc.kept
    if adjoint:
        matrix, left, right = matrix.conj().T, right, left
    padded = jnp.pad(x, (0, size - len(x)))
    found = _transformed(coeffs, matrix, Decomposition(left, values, right), padded)
    return found[: enc.shape[0 if odd != adjoint else 1]]


@jax.custom_jvp
def _transformed(coeffs: Array, contraction: Square, kept: Decomposition, x: Vector) -> Vector:
    del contraction  # an argument for the derivative alone, which is taken with respect to the matrix
    left, values, right = kept
    seen = chebyshev.evaluate(coeffs, values) * matmul(right.conj().T, x)
    return matmul(left if len(coeffs) % 2 == 0 else right, seen)


@_transformed.defjvp
@default_promotion
def _transformed_jvp(primals: tuple, tangents: tuple) -> tuple[Vector, Vector]:
    (coeffs, contraction, kept, x), (d_coeffs, d_contraction, _, dx) = primals, tangents
    left, values, right = kept
    # The equation of the module's docstring: divided differences at (s_i, s_j) and at (s_i, -s_j).
    inner = matmul(left.conj().T, d_contraction, right)
    same, opposite = (chebyshev.divided_differences(coeffs, values, sign * values) for sign in (1, -1))
    middle = ((inner + inner.conj().T) * same + (inner - inner.conj().T) * opposite) / 2
    outer = left if len(coeffs) % 2 == 0 else right
    change = _transformed(coeffs, contraction, kept, dx) + _transformed(d_coeffs, contraction, kept, x)
    return _transformed(*primals), change + matmul(outer, matmul(middle, matmul(right.conj().T, x)))
