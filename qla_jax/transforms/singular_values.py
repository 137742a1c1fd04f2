r"""Quantum singular value transformation (QSVT): a real polynomial of definite parity of the singular values.

With $A/\alpha = W S V^\dagger$ the circuit alternates $U$ and $U^\dagger$ with phases on the flag of the ancillas. It
encodes $W P(S) V^\dagger$ for odd P and $V P(S) V^\dagger$ for even P. One more ancilla in front reverses the sign of
the phases in half of the state, and a Hadamard gate on either side leaves the real part of the complex polynomial of
the phase factors, also for a matrix that is not Hermitian.

References:
    Gilyen, Su, Low, Wiebe (2018), Theorem 17, Corollary 18, Lemmas 22 and 23. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num

from qla_jax._checks import require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, flag_phase
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.phases.sequence import PhaseFactors
from qla_jax.phases.solve import TOLERANCE, find, polynomial_of
from qla_jax.polynomials.foreign import as_chebyshev
from qla_jax.polynomials.polynomial import Polynomial, polynomial
from qla_jax.transforms.alternation import Alternation, Flags, ancilla_flag
from qla_jax.transforms.decomposed import transform
from qla_jax.transforms.robustness import recurrence_rounding, steepest, target_bound, transformed_error
from qla_jax.transforms.spectrum import in_domain_of

Vector = Num[Array, " n"]


class QSVT(Alternation, BlockEncoding, kw_only=True):
    r"""Block encoding of $P^{(SV)}(A/\alpha)$, with the ancilla of the real part in front of the part's ancillas.

    Attributes:
        steepest: largest $|P'|$ at nodes in the domain, by which the part's rounding is multiplied.
    """

    coeffs: Float[Array, " d_plus_1"]
    steepest: Float[Array, ""]
    part: BlockEncoding

    @property
    def flags(self) -> Flags:
        return Flags(ancilla_flag(self.part), ancilla_flag(self.part))

    def relative_rounding(self, parts: Sequence[Array]) -> Array:
        return recurrence_rounding(self, len(self.coeffs) - 1, self.steepest, parts[0])

    def hermitian_defect(self) -> Array | None:
        return jnp.zeros_like(self.alpha) if len(self.coeffs) % 2 else None  # V P(S) V^H for an even P

    def gates(self) -> Gates:
        return len(self.phases) * flag_phase(self.part.num_ancillas)

    @jax.jit
    def _matvec(self, x: Vector) -> Vector:
        return transform(self.coeffs, self.part, x)

    @jax.jit
    def _rmatvec(self, y: Vector) -> Vector:
        return transform(self.coeffs, self.part, y, adjoint=len(self.coeffs) % 2 == 0)


@default_promotion
def qsvt(enc: BlockEncoding, poly: Polynomial | PhaseFactors | ArrayLike, *, in_domain: bool = False) -> QSVT:
    r"""Apply a real polynomial of degree d to the singular values of $A/\alpha$ with d calls of the circuit of A.

    For $A/\alpha = WSV^\dagger$ the result is a $(1, a + 1, \epsilon')$-block-encoding of $WP(S)V^\dagger$ for odd P,
    or of $VP(S)V^\dagger$ for even P. The encoded view is a Chebyshev recurrence of d matrix-vector products, or two
    products for a `decomposed` part.

    The error is the sum of the polynomial's error bound on its domain, of the residual of the phase factors, and of the
    effect of the part's error (`transforms.robustness`). With $\delta = \epsilon/\alpha$ this effect is the smallest of
    $4d\sqrt\delta$, of $d\sqrt{2/(1-\mu^2)}\,\delta$ where the norm is below a $\mu < 1$, and of
    $\sum_k|c_k|\min(k^2\delta, 2)$. All three assume $\|A\| \le \alpha$; where `norm_bound` does not prove this, `eps`
    is `inf`.

    Args:
        enc: block encoding of A with $\|A\| \le \alpha$.
        poly: `Polynomial` with $|P| < 1$ on [-1, 1], real Chebyshev coefficients, or `PhaseFactors`, whose own
            polynomial is then the target, with no residual. A polynomial of NumPy is converted. A function is
            interpolated, with `eps = inf`, since samples prove nothing.
        in_domain: True to assert that the nonzero singular values of $A/\alpha$ lie in the polynomial's domain, needed
            where the domain is not all of [-1, 1] and A is too large to be checked (`transforms.spectrum`). Without the
            assertion, and where the check fails, nothing is proven, and `eps` is `inf`.

    Returns:
        Encoding with codomain and domain of A for odd P, and with the domain of A on both sides for even P.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a polynomial that `phase_factors` rejects: no definite parity, size 1 or more on [-1, 1], or complex
            coefficients.

    Example:
        >>> enc = block_encode(jnp.diag(jnp.array([1.0, 0.5])), alpha=1.0)
        >>> cube = qsvt(enc, [0.0, 0.6, 0.0, 0.2])  # 0.8 x^3 in the Chebyshev basis
        >>> [round(x, 6) for x in cube.matvec(jnp.ones(2)).tolist()], cost(cube).num_queries
        ([0.8, 0.1], {'Dense[0]': 3})

    References:
        Gilyen, Su, Low, Wiebe (2018), Corollary 18. https://arxiv.org/abs/1806.01838
    """
    require_kind("enc", enc, BlockEncoding)
    poly, found = _read(poly)
    degree, real = found.degree, enc.alpha.dtype
    return QSVT(
        alpha=jnp.ones_like(enc.alpha),
        eps=transformed_error(enc, poly, found.residual, in_domain_of(enc, poly, vouched=in_domain)),
        num_ancillas=enc.num_ancillas + 1,
        num_qubits=enc.num_qubits,
        norm_bound=target_bound(poly).astype(real),
        domain=enc.domain,
        codomain=enc.codomain if degree % 2 else enc.domain,
        coeffs=poly.coeffs[: degree + 1].astype(real),
        steepest=steepest(poly).astype(real),
        phases=found.to("reflection").values.astype(real),
        part=enc,
    )


def _read(poly: Polynomial | PhaseFactors | ArrayLike) -> tuple[Polynomial, PhaseFactors]:
    if isinstance(poly, PhaseFactors):
        canonical = poly.to("wx")
        return polynomial_of(canonical), canonical.replace(residual=jnp.zeros_like(poly.residual))
    series = as_chebyshev(poly)
    found = find(series, None, TOLERANCE)
    if isinstance(series, Polynomial):
        return series, found
    return polynomial(jnp.asarray(series)[: found.degree + 1], "odd" if found.degree % 2 else "even"), found
