r"""Functions of matrices as block encodings: each a named polynomial, `qsvt`, and what it means for alpha and eps.

References:
    Gilyen, Su, Low, Wiebe (2018), Sections 4 and 5. https://arxiv.org/abs/1806.01838
    Lin, Tong (2020), Theorem 3 for the filter. https://arxiv.org/abs/1910.14596
"""

import math

import jax.numpy as jnp
import numpy as np

from qla_jax import polynomials
from qla_jax.encodings.algebra import adjoint, scale
from qla_jax.encodings.block import BlockEncoding
from qla_jax.encodings.checks import is_concrete, require, require_kind
from qla_jax.encodings.vector import same_place
from qla_jax.transforms._gqet import gqet
from qla_jax.transforms._qsvt import qsvt

MARGIN = 1e-3
"""How far below 1 the polynomials are kept that reach it: phase factors cost the more the closer they come."""


def hamiltonian_simulation(enc: BlockEncoding, time: float, *, eps: float) -> BlockEncoding:
    r"""$e^{-iAt}$ of a Hermitian A: a $(1/0.999,\ a + 2,\ \epsilon')$-block-encoding.

    The Jacobi-Anger series of $e^{-i\alpha tx}$ by `gqet`: about $4(\alpha|t| + \log(1/\epsilon))$ calls, and no
    amplification.

    Args:
        enc: square, A Hermitian; not checked. alpha is concrete: the degree follows from it.
        time: t, of either sign.
        eps: what the series may be wrong by; the result's `eps` adds the part's.

    Raises:
        ValueError: a part that is not square, a traced alpha or time, an eps that no degree reaches.
    """
    _require_square(enc)
    require(is_concrete(enc.alpha, time), "`enc.alpha` and `time` must be concrete: the degree follows from them.")
    reach = float(enc.alpha) * float(time)
    if reach == 0:
        return scale(1 / (1 - MARGIN), gqet(enc, jnp.array([1 - MARGIN], enc.alpha.dtype)))
    cos, sin = (wave(abs(reach), eps=eps / 2) for wave in (polynomials.cos, polynomials.sin))
    degree = max(cos.degree, sin.degree)
    even, odd = (np.pad(wave.coeffs, (0, degree - wave.degree)) for wave in (cos, sin))
    series = polynomials.polynomial(even - 1j * math.copysign(1, reach) * odd, "none")
    series = series.replace(error_bound=cos.error_bound + sin.error_bound)
    return scale(1 / (1 - MARGIN), gqet(enc, series.scaled(1 - MARGIN)))


def pseudo_inverse(enc: BlockEncoding, kappa: float, *, eps: float) -> BlockEncoding:
    r"""$A^+$ by the best polynomial for 1/x, on the adjoint: $\alpha' = s/\alpha$ with s its largest value.

    Args:
        enc: the part. The nonzero singular values of A are at least $\alpha/\kappa$: yours to vouch for.
        kappa: above 1.
        eps: error of the pseudo-inverse that the polynomial may have, in units of $1/\alpha$.

    Raises:
        ValueError: a kappa not above 1, an eps below rounding, a zero matrix encoded with alpha 0.
    """
    require_kind("enc", enc, BlockEncoding)
    if is_concrete(enc.alpha):
        require(bool(enc.alpha > 0), f"`enc` must have a positive alpha, but has {enc.alpha}.")
    poly = polynomials.inverse(kappa, eps=eps)
    largest = poly.sup_bound / (1 - MARGIN)
    inverted = qsvt(adjoint(enc), poly.scaled(1 / largest), in_domain=True)
    return scale(largest / enc.alpha, inverted)


def eigenstate_filter(enc: BlockEncoding, gap: float, *, eps: float) -> BlockEncoding:
    r"""The projector on the null space of a Hermitian A whose other eigenvalues exceed `gap` times alpha in size.

    The polynomial is 1 at zero and at most eps from the gap on; the encoding has $\alpha' = 1/0.999$.

    Raises:
        ValueError: a part that is not square, a gap not between 0 and 1.
    """
    _require_square(enc)
    poly = polynomials.eigenstate_filter(gap, eps=eps)
    return scale(1 / (1 - MARGIN), qsvt(enc, poly.scaled(1 - MARGIN), in_domain=True))


def _require_square(enc: BlockEncoding) -> None:
    require_kind("enc", enc, BlockEncoding)
    require(same_place(enc.domain, enc.codomain), f"`enc` must be square, but is {enc.codomain} x {enc.domain}.")
