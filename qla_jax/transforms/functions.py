r"""Functions of matrices as block encodings: each a named polynomial, `qsvt`, and what it means for alpha and eps.

References:
    Gilyen, Su, Low, Wiebe (2018), Sections 3.7 and 5. https://arxiv.org/abs/1806.01838
    Lin, Tong (2020), Theorem 3 for the filter. https://arxiv.org/abs/1910.14596
"""

import math

import jax.numpy as jnp
import numpy as np

from qla_jax import polynomials
from qla_jax._checks import ROUNDING, is_concrete, require, require_kind
from qla_jax.encodings.algebra import adjoint, scale
from qla_jax.encodings.block import BlockEncoding
from qla_jax.transforms._gqet import gqet
from qla_jax.transforms._qsvt import qsvt
from qla_jax.transforms.decomposed import Decomposed
from qla_jax.transforms.qubitization import require_square

MARGIN = 1e-3
"""How far below 1 the polynomials are kept that reach it: phase factors cost the more the closer they come."""


def hamiltonian_simulation(enc: BlockEncoding, time: float, *, eps: float, margin: float = MARGIN) -> BlockEncoding:
    r"""$e^{-iAt}$ of a Hermitian A: a $(1/(1 - \text{margin}),\ a + 2,\ \epsilon')$-block-encoding.

    The Jacobi-Anger series of $e^{-i\alpha tx}$ by `gqet`: about $4(\alpha|t| + \log(1/\epsilon))$ calls, and no
    amplification.

    Args:
        enc: square, A Hermitian; not checked. alpha is concrete: the degree follows from it.
        time: t, of either sign.
        eps: what the series may be wrong by; the result's `eps` adds the part's.
        margin: how far the polynomial is kept below 1; phase factors cost about $1/\sqrt{\text{margin}}$.

    Raises:
        ValueError: a part that is not square, a traced alpha or time, an eps that no degree reaches, a margin outside
            of (0, 1).
    """
    require_square(enc)
    _require_margin(margin)
    require(is_concrete(enc.alpha, time), "`enc.alpha` and `time` must be concrete: the degree follows from them.")
    reach = float(enc.alpha) * float(time)
    if reach == 0:
        return scale(1 / (1 - margin), gqet(enc, jnp.array([1 - margin], enc.alpha.dtype)))
    cos, sin = (wave(abs(reach), eps=eps / 2) for wave in (polynomials.cos, polynomials.sin))
    degree = max(cos.degree, sin.degree)
    even, odd = (np.pad(wave.coeffs, (0, degree - wave.degree)) for wave in (cos, sin))
    series = polynomials.polynomial(even - 1j * math.copysign(1, reach) * odd, "none")
    series = series.replace(error_bound=cos.error_bound + sin.error_bound)
    return scale(1 / (1 - margin), gqet(enc, series.scaled(1 - margin)))


def pseudo_inverse(enc: BlockEncoding, kappa: float, *, eps: float, margin: float = MARGIN) -> BlockEncoding:
    r"""$A^+$ by the best polynomial for 1/x, on the adjoint: $\alpha' = s/\alpha$ with s its largest value.

    Args:
        enc: the part. The nonzero singular values of A are at least $\alpha/\kappa$: yours to vouch for. Those of a
            `decomposed` part are looked at, and `eps` is `inf` where one lies in between.
        kappa: above 1.
        eps: error of the pseudo-inverse that the polynomial may have, in units of $1/\alpha$.
        margin: how far the polynomial is kept below 1.

    Raises:
        ValueError: a kappa not above 1, an eps below rounding, a zero matrix encoded with alpha 0, a margin outside of
            (0, 1).
    """
    require_kind("enc", enc, BlockEncoding)
    if is_concrete(enc.alpha):
        require(bool(enc.alpha > 0), f"`enc` must have a positive alpha, but has {enc.alpha}.")
    _require_margin(margin)
    poly = polynomials.inverse(kappa, eps=eps)
    largest = poly.sup_bound / (1 - margin)
    inverted = qsvt(adjoint(enc), poly.scaled(1 / largest), in_domain=True)
    found = scale(largest / enc.alpha, inverted)
    if not isinstance(enc, Decomposed):
        return found
    values = enc.kept.values
    rounding = ROUNDING * len(values) * jnp.finfo(values.dtype).eps
    invertible = (values >= 1 / kappa - rounding) | (values <= rounding)
    return found.replace(eps=jnp.where(jnp.all(invertible), found.eps, jnp.inf))


def eigenstate_filter(enc: BlockEncoding, gap: float, *, eps: float, margin: float = MARGIN) -> BlockEncoding:
    r"""The projector on the null space of a Hermitian A whose other eigenvalues exceed `gap` times alpha in size.

    The polynomial is 1 at zero and at most eps from the gap on; the encoding has $\alpha' = 1/(1 - \text{margin})$.

    Raises:
        ValueError: a part that is not square, a gap or a margin not between 0 and 1.
    """
    require_square(enc)
    _require_margin(margin)
    poly = polynomials.eigenstate_filter(gap, eps=eps)
    return scale(1 / (1 - margin), qsvt(enc, poly.scaled(1 - margin), in_domain=True))


def _require_margin(margin: float) -> None:
    require(0 < margin < 1, f"`margin` must lie between 0 and 1, but is {margin}.")
