r"""Functions of matrices as block encodings: time evolution, pseudo-inverse, and eigenstate filter.

Each function applies a named polynomial by `qsvt` or `gqet` and states alpha and eps of the result.

References:
    Gilyen, Su, Low, Wiebe (2018), Sections 3.7 and 5. https://arxiv.org/abs/1806.01838
    Lin, Tong (2020), Theorem 3, the filter. https://arxiv.org/abs/1910.14596
"""

import math

import jax.numpy as jnp
import numpy as np

from qla_jax import polynomials
from qla_jax._bounds import times
from qla_jax._checks import as_real, is_concrete, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.combine.algebra import adjoint, scale
from qla_jax.transforms.eigenvalues import gqet
from qla_jax.transforms.merged_walk import walked
from qla_jax.transforms.qubitization import require_square
from qla_jax.transforms.requests import as_eps, as_margin, as_relative_eps, shared_eps, warn_below_rounding
from qla_jax.transforms.singular_values import qsvt
from qla_jax.transforms.spectrum import hermitian_error

MARGIN = 1e-3
"""Default distance from 1 of polynomials that would reach it; a smaller distance makes phase factors more costly."""


@default_promotion
def hamiltonian_simulation(
    enc: BlockEncoding, time: float, *, eps: float, margin: float = MARGIN, hermitian: bool = False
) -> BlockEncoding:
    r"""Encode the time evolution $e^{-iAt}$ of a Hermitian A with alpha close to 1.

    The result is a $((1 + \epsilon)/(1 - \text{margin}),\ a + 1,\ \epsilon')$-block-encoding. The Jacobi-Anger series
    of $e^{-i\alpha tx}$ has a degree of about $d = \alpha|t| + \log(1/\epsilon)$ and needs no amplification. A circuit
    that is its own inverse by its structure (`is_self_inverse`) is called d + 1 times, and a control reaches two of
    these calls, for $d \le 200$; the angles take up to some seconds. For larger d it is called 2d times by `gqet`, with
    a control on each call. Any other circuit takes 4d controlled calls and one ancilla more.

    Args:
        enc: block encoding of a Hermitian A with concrete alpha, from which the degree follows. Small matrices are
            checked (`transforms.spectrum`).
        time: time t of either sign.
        eps: error of the series, absolute; the `eps` of the result adds the effect of the part's error.
        margin: distance of the polynomial from 1; computing phase factors costs about $1/\sqrt{\text{margin}}$.
        hermitian: True to assert that A is Hermitian where it is too large to be checked; without the assertion `eps`
            is `inf` there.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a matrix that is not square or not Hermitian, a traced alpha or time, an eps that no degree reaches,
            or a margin outside (0, 1).

    Example:
        >>> evolution = hamiltonian_simulation(block_encode_pauli({"X": 1.0}), jnp.pi / 2, eps=1e-6)
        >>> bool(jnp.allclose(block(evolution), -1j * jnp.array([[0, 1], [1, 0]]), atol=1e-6))
        True
        >>> cost(evolution).calls["PauliSum[0]"]
        Calls(forward=7, adjoint=0, controlled=2, controlled_adjoint=0)

    References:
        Low, Chuang (2017). https://arxiv.org/abs/1606.02685
        Berry, Motlagh, Pantaleoni, Wiebe (2024). https://arxiv.org/abs/2401.10321
        Gilyen, Su, Low, Wiebe (2018), Section 5. https://arxiv.org/abs/1806.01838
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
    with shared_eps(eps, eps / 2, "each of cosine and sine"):
        cos, sin = _waves(abs(reach), eps)
    degree = max(cos.degree, sin.degree)
    even, odd = (np.pad(wave.coeffs, (0, degree - wave.degree)) for wave in (cos, sin))
    series = polynomials.polynomial(even - 1j * math.copysign(1, reach) * odd, "none")
    series = series.replace(error_bound=np.asarray(cos.error_bound) + np.asarray(sin.error_bound))
    # The ideal series has modulus 1, and the truncated one exceeds 1 by up to its error; this has to stay below 1, too.
    below = (1 - margin) / (1 + float(series.error_bound))
    found = _unitary(scale(walked(enc, series.scaled(below), hermitian=hermitian), 1 / below))
    warn_below_rounding(found, eps, 1.0, times(reach, enc.eps))
    return found


def _waves(reach: float, eps: float) -> tuple[polynomials.Polynomial, polynomials.Polynomial]:
    """Return cos(reach x) and sin(reach x) of the least degree for which their errors add up to eps at most."""
    cos, sin = (wave(reach, eps=eps / 2) for wave in (polynomials.cos, polynomials.sin))
    while max(cos.degree, sin.degree) > 1:
        # The one of higher degree gives up its last term, as long as the other one is exact enough for both.
        even, odd = cos, sin
        if cos.degree > sin.degree:
            even = polynomials.cos(reach, degree=cos.degree - 2)
        else:
            odd = polynomials.sin(reach, degree=sin.degree - 2)
        if not float(even.error_bound) + float(odd.error_bound) <= eps:
            break
        cos, sin = even, odd
    return cos, sin


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
    r"""Encode the pseudo-inverse $A^+$ by the best odd polynomial for 1/x, applied to the adjoint matrix.

    The result has $\alpha' = s/((1 - \text{margin})\alpha)$ with the largest value s of the polynomial on [-1, 1].

    Args:
        enc: block encoding of A, whose nonzero singular values are at least $\alpha/\kappa$. Small matrices are checked
            (`transforms.spectrum`); where a singular value lies between 0 and $\alpha/\kappa$, `eps` is `inf`.
        kappa: number above 1, the inverse of the smallest nonzero singular value over alpha.
        eps: error that the polynomial may add to the pseudo-inverse, absolute in units of $A^+$.
        relative_eps: error in units of $1/\alpha$, instead of `eps`; needed inside jit, where alpha is not known.
        margin: distance of the polynomial from 1, between 0 and 1.
        in_domain: True to assert the bound on the singular values where A is too large to be checked; without the
            assertion `eps` is `inf` there.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a kappa not above 1, an eps below rounding, a zero matrix encoded with alpha 0, or a margin outside
            (0, 1).

    Example:
        >>> enc = block_encode(jnp.diag(jnp.array([1.0, 0.5])))
        >>> inverse = pseudo_inverse(enc, 2.5, eps=1e-4)
        >>> bool(jnp.allclose(block(inverse), jnp.diag(jnp.array([1.0, 2.0])), atol=1e-4)), bool(inverse.eps < 2e-4)
        (True, True)

    References:
        Gilyen, Su, Low, Wiebe (2018), Theorem 41. https://arxiv.org/abs/1806.01838
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
    r"""Encode the projector onto the null space of a Hermitian A that has a spectral gap around zero.

    All other eigenvalues of A are at least `gap` times alpha in modulus. The polynomial is 1 at zero and at most eps in
    modulus from the gap on. The result has $\alpha' = 1/(1 - \text{margin})$.

    Args:
        enc: block encoding of a Hermitian A. For small matrices this and the gap are checked (`transforms.spectrum`).
        gap: smallest modulus of the other eigenvalues relative to alpha, between 0 and 1.
        eps: error of the projector due to the polynomial, absolute.
        margin: distance of the polynomial from 1, between 0 and 1.
        in_domain: True to assert the gap where A is too large to be checked. Without the assertion, and where an
            eigenvalue lies in the gap, `eps` is `inf`.
        hermitian: True to assert that A is Hermitian where it is too large to be checked; otherwise `eps` is `inf`.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a matrix that is not square or not Hermitian, or a gap or a margin outside (0, 1).

    Example:
        >>> enc = block_encode(jnp.diag(jnp.array([0.0, 1.0])))
        >>> bool(jnp.allclose(block(eigenstate_filter(enc, 0.5, eps=1e-3)), jnp.diag(jnp.array([1.0, 0.0])), atol=1e-3))
        True

    References:
        Lin, Tong (2020), Theorem 3. https://arxiv.org/abs/1910.14596
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
    """Return the same encoding with norm bound 1, since the ideal matrix is unitary."""
    return enc.replace(norm_bound=jnp.ones_like(enc.alpha))
