r"""Functions of matrices as block encodings: each a named polynomial, `qsvt`, and what it means for alpha and eps.

References:
    Gilyen, Su, Low, Wiebe (2018), Sections 3.7 and 5. https://arxiv.org/abs/1806.01838
    Lin, Tong (2020), Theorem 3 for the filter. https://arxiv.org/abs/1910.14596
"""

import math

import jax.numpy as jnp
import numpy as np

from qla_jax import polynomials
from qla_jax._checks import as_real, is_concrete, require, require_kind, times
from qla_jax._modes import default_promotion
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.combine.algebra import adjoint, scale
from qla_jax.transforms.eigenvalues import gqet
from qla_jax.transforms.qubitization import require_square
from qla_jax.transforms.requests import as_eps, as_margin, as_relative_eps, warn_below_rounding
from qla_jax.transforms.singular_values import qsvt
from qla_jax.transforms.spectrum import hermitian_error

MARGIN = 1e-3
"""How far below 1 the polynomials are kept that reach it: phase factors cost the more the closer they come."""


@default_promotion
def hamiltonian_simulation(
    enc: BlockEncoding, time: float, *, eps: float, margin: float = MARGIN, hermitian: bool = False
) -> BlockEncoding:
    r"""$e^{-iAt}$ of a Hermitian A: a $((1 + \epsilon)/(1 - \text{margin}),\ a + 2,\ \epsilon')$-block-encoding.

    The Jacobi-Anger series of $e^{-i\alpha tx}$ by `gqet`: about $4(\alpha|t| + \log(1/\epsilon))$ calls, and no
    amplification.

    Args:
        enc: square, A Hermitian, which is looked at (`transforms.spectrum`). alpha is concrete: the degree follows from
            it.
        time: t, of either sign.
        eps: what the series may be wrong by, absolute; the result's `eps` adds the part's.
        margin: how far the polynomial is kept below 1; phase factors cost about $1/\sqrt{\text{margin}}$.
        hermitian: whether you vouch for A to be Hermitian where it is too large to be looked at. Without your word
            `eps` is `inf` there.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a part that is not square or not Hermitian, a traced alpha or time, an eps that no degree reaches, a
            margin outside of (0, 1).
    """
    require_square(enc)
    eps, margin = as_eps(eps), as_margin(margin)
    require(is_concrete(enc.alpha, time), "`enc.alpha` and `time` must be concrete: the degree follows from them.")
    reach = float(enc.alpha) * as_real("time", time)
    require(math.isfinite(reach), f"`time` must be finite, and alpha, but alpha t is {reach}.")
    if reach == 0:
        return _unitary(
            scale(gqet(enc, jnp.array([1 - margin], enc.alpha.dtype), hermitian=hermitian), 1 / (1 - margin))
        )
    cos, sin = (wave(abs(reach), eps=eps / 2) for wave in (polynomials.cos, polynomials.sin))
    degree = max(cos.degree, sin.degree)
    even, odd = (np.pad(wave.coeffs, (0, degree - wave.degree)) for wave in (cos, sin))
    series = polynomials.polynomial(even - 1j * math.copysign(1, reach) * odd, "none")
    series = series.replace(error_bound=np.asarray(cos.error_bound) + np.asarray(sin.error_bound))
    # The ideal series has size 1, the truncated one up to its error more: that, too, has to stay below 1.
    below = (1 - margin) / (1 + float(series.error_bound))
    found = _unitary(scale(gqet(enc, series.scaled(below), hermitian=hermitian), 1 / below))
    warn_below_rounding(found, eps, 1.0, times(reach, enc.eps))
    return found


@default_promotion
def pseudo_inverse(
    enc: BlockEncoding,
    kappa: float,
    *,
    eps: float | None = None,
    relative_eps: float | None = None,
    margin: float = MARGIN,
    in_domain: bool = False,
) -> BlockEncoding:
    r"""$A^+$ by the best polynomial for 1/x, on the adjoint: $\alpha' = s/\alpha$ with s its largest value.

    Args:
        enc: the part. The nonzero singular values of A are to be at least $\alpha/\kappa$. They are looked at where
            that is cheap (`transforms.spectrum`); where one lies in between, `eps` is `inf`.
        kappa: above 1.
        eps: error that the polynomial may add to the pseudo-inverse, absolute, in units of $A^+$.
        relative_eps: the same in units of $1/\alpha$, instead of `eps`; needed inside jit, where alpha is not known.
        margin: how far the polynomial is kept below 1.
        in_domain: whether you vouch for the singular values where A is too large to be looked at. Without your word
            `eps` is `inf` there.

    Raises:
        ValueError: a kappa not above 1, an eps below rounding, a zero matrix encoded with alpha 0, a margin outside of
            (0, 1).
    """
    require_kind("enc", enc, BlockEncoding)
    if is_concrete(enc.alpha):
        require(float(enc.alpha) > 0, f"`enc` must have a positive alpha, but has {enc.alpha}.")
    margin, kappa = as_margin(margin), as_real("kappa", kappa)
    relative_eps = as_relative_eps(eps, relative_eps, 1 / enc.alpha, "`enc.alpha`")
    poly = polynomials.inverse(kappa, eps=relative_eps)
    largest = float(poly.sup_bound) / (1 - margin)
    found = scale(qsvt(adjoint(enc), poly.scaled(1 / largest), in_domain=in_domain), largest / enc.alpha)
    if is_concrete(enc.eps) and float(enc.eps) == 0:
        warn_below_rounding(found, relative_eps, 1 / enc.alpha)
    return found.replace(norm_bound=jnp.minimum(found.norm_bound, kappa / enc.alpha))


@default_promotion
def eigenstate_filter(
    enc: BlockEncoding,
    gap: float,
    *,
    eps: float,
    margin: float = MARGIN,
    in_domain: bool = False,
    hermitian: bool = False,
) -> BlockEncoding:
    r"""The projector on the null space of a Hermitian A whose other eigenvalues exceed `gap` times alpha in size.

    The polynomial is 1 at zero and at most eps from the gap on; the encoding has $\alpha' = 1/(1 - \text{margin})$.

    Args:
        enc: square, A Hermitian; both this and the gap are looked at where that is cheap (`transforms.spectrum`).
        gap: between 0 and 1, relative to alpha.
        eps: what the filter may be wrong by, absolute.
        margin: how far the polynomial is kept below 1.
        in_domain: whether you vouch for the gap where A is too large to be looked at. Without your word, and where an
            eigenvalue is seen to lie in it, `eps` is `inf`.
        hermitian: the same for A to be Hermitian.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a part that is not square or not Hermitian, a gap or a margin not between 0 and 1.
    """
    require_square(enc)
    eps, margin, gap = as_eps(eps), as_margin(margin), as_real("gap", gap)
    poly = polynomials.eigenstate_filter(gap, eps=eps)
    below = (1 - margin) / max(1.0, float(poly.sup_bound))
    found = scale(qsvt(enc, poly.scaled(below), in_domain=in_domain), 1 / below)
    if is_concrete(enc.eps) and float(enc.eps) == 0:
        warn_below_rounding(found, eps, 1.0)
    return found.replace(eps=found.eps + hermitian_error(enc, vouched=hermitian), norm_bound=jnp.ones_like(found.alpha))


def _unitary(enc: BlockEncoding) -> BlockEncoding:
    """The same encoding, known to be of a unitary matrix."""
    return enc.replace(norm_bound=jnp.ones_like(enc.alpha))
