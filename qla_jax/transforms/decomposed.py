r"""A block encoding with its singular value decomposition kept, so that a polynomial of it costs two products.

The circuit is the part's own; only the encoded view knows the decomposition. Derivatives never go through that of the
singular vectors, which does not exist where singular values coincide, but through divided differences of the
polynomial: with $B = WSV^\dagger$ and $E = W^\dagger\,dB\,V$
$$d(WP(S)V^\dagger) = W\,\tfrac12\big[(E + E^\dagger)\circ P[s_i, s_j] +
(E - E^\dagger)\circ P[s_i, -s_j]\big]\,V^\dagger$$
for odd P, and the same between V and $V^\dagger$ for even P: the rule of Daleckii and Krein on the Hermitian dilation.

References:
    Higham (2008), Functions of Matrices, Theorem 3.11 for Hermitian matrices.
    Noferini (2017), derivatives of generalized matrix functions. https://doi.org/10.1137/16M1072851
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Num

from qla_jax._checks import require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.encodings.base.block import BlockEncoding, block
from qla_jax.encodings.base.encoding import State, contraction
from qla_jax.encodings.combine.algebra import Adjoint
from qla_jax.polynomials import chebyshev
from qla_jax.transforms.recurrence import chebyshev_series

Vector = Num[Array, " n"]
Square = Num[Array, "n n"]


class Decomposition(NamedTuple):
    r"""$A/\alpha = WSV^\dagger$, padded to a square."""

    left: Square
    values: Float[Array, " n"]
    right: Square


class Decomposed(BlockEncoding, kw_only=True):
    """The part, and beside it what it encodes: over alpha, padded to a square, and decomposed."""

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

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.part),)

    def gates(self) -> Gates:
        return Gates()


@default_promotion
def decomposed(enc: BlockEncoding) -> Decomposed:
    r"""The same encoding with its singular value decomposition kept: $O(N^3)$ once, for N rows or columns.

    In the encoded view, `qsvt` of it then takes two products with a vector at any degree, not one for each. Derivatives
    take $O(dN^2)$ and are exact for zero, repeated and coinciding singular values. The circuit does not change.

    Raises:
        TypeError: `enc` is not a block encoding.
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
    r"""$P^{(SV)}(A/\alpha)x$ in the encoded view, P of definite parity; or that of $A^\dagger$."""
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
    del contraction  # the derivative is to it, not to its decomposition
    left, values, right = kept
    seen = chebyshev.evaluate(coeffs, values) * (right.conj().T @ x)
    return (left if len(coeffs) % 2 == 0 else right) @ seen


@_transformed.defjvp
@default_promotion
def _transformed_jvp(primals: tuple, tangents: tuple) -> tuple[Vector, Vector]:
    (coeffs, contraction, kept, x), (d_coeffs, d_contraction, _, dx) = primals, tangents
    left, values, right = kept
    inner = left.conj().T @ d_contraction @ right
    same, opposite = (chebyshev.divided_differences(coeffs, values, sign * values) for sign in (1, -1))
    middle = ((inner + inner.conj().T) * same + (inner - inner.conj().T) * opposite) / 2
    outer = left if len(coeffs) % 2 == 0 else right
    change = _transformed(coeffs, contraction, kept, dx) + _transformed(d_coeffs, contraction, kept, x)
    return _transformed(*primals), change + outer @ (middle @ (right.conj().T @ x))
