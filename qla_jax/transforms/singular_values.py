r"""The quantum singular value transformation: a real polynomial of definite parity of the singular values.

With $A/\alpha = W S V^\dagger$ the circuit alternates $U$ and $U^\dagger$ with phases on the flag of the ancillas, and
encodes $W P(S) V^\dagger$ for odd P, $V P(S) V^\dagger$ for even P. In front stands one more ancilla: it turns the
phases around in half of the state, and a Hadamard on either side leaves the real part. For a matrix that is not
Hermitian the real part is of P, not of the matrix.

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
    r"""$P^{(SV)}(A/\alpha)$; the ancilla of the real part stands in front of the part's own.

    Attributes:
        steepest: the largest $|P'|$ seen on the domain, by which the part's rounding is multiplied.
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
    r"""A polynomial of the singular values of $A/\alpha$: a $(1, a + 1, \epsilon')$-block-encoding, d calls.

    The encoded view is a Chebyshev recurrence of d matvecs; of a `decomposed` part it takes two products. The error is
    the sum of the polynomial's own error bound on [-1, 1], the residual of the phases, and what the part's $\epsilon$
    becomes (`transforms.robustness`): with $\delta = \epsilon/\alpha$ the smallest of $4d\sqrt\delta$,
    $d\sqrt{2/(1-\mu^2)}\,\delta$ where the norm is below a $\mu < 1$, and $\sum_k|c_k|\min(k^2\delta, 2)$. All ask for
    $\|A\| \le \alpha$; where `norm_bound` does not show that, `eps` is `inf`.

    Args:
        enc: the part, $\|A\| \le \alpha$.
        poly: a `Polynomial` below 1, its real Chebyshev coefficients, or phase factors that were found before. The
            target is then their own polynomial: their residual to another one is not counted. A polynomial of NumPy is
            converted; a function is interpolated, with `eps = inf`, since samples prove nothing.
        in_domain: whether you vouch for the nonzero singular values of $A/\alpha$ to lie in the polynomial's domain,
            where that is not all of [-1, 1] and A is too large to be looked at (`transforms.spectrum`). Without your
            word, and where they are seen to lie elsewhere, nothing is proven, and `eps` is `inf`.

    Returns:
        Odd P: codomain and domain of A. Even P: the domain on both sides.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: what `phase_factors` refuses: no definite parity, size 1 or more on [-1, 1], complex coefficients.
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
