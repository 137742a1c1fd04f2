r"""Amplification: of a vector encoding to its own length, of an isometry to itself, of a matrix to a smaller alpha.

**Fixed point.** A vector encoding is a block encoding of rank one, $g|\hat x\rangle\langle0|$ with $g = \|x\|/\alpha$,
between the flags "ancillas in 0" and "everything in 0". An odd polynomial close to 1 on $[\Delta, 1]$ takes g to nearly
1, whatever it is, and the vector keeps its phase.

**Oblivious.** Where all singular values of $A/\alpha$ are $\sin\frac{\pi}{2m}$ for an odd m, the Chebyshev polynomial
$T_m$, whose phases are zero, takes them to $\pm1$ exactly.

**Uniform.** Where all singular values of $A/\alpha$ are at most $(1-\delta)/\gamma$, the polynomial $\gamma x$ times a
window takes them to $\gamma$ times themselves.

References:
    Gilyen, Su, Low, Wiebe (2018), Theorems 27, 28 and 30. https://arxiv.org/abs/1806.01838
    Rattew et al. (2025), for vector encodings. https://arxiv.org/abs/2510.07195
"""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from qla_jax import polynomials
from qla_jax._checks import ROUNDING, as_integer, as_real, is_concrete, require, require_kind, times
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, flag_phase
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.algebra import scale
from qla_jax.linalg.preparation import length
from qla_jax.phases.sequence import PhaseFactors
from qla_jax.phases.solve import TOLERANCE, find
from qla_jax.polynomials import Polynomial, chebyshev
from qla_jax.transforms.alternation import Alternation, Flags, ancilla_flag, origin_flag
from qla_jax.transforms.requests import as_fraction, as_margin, as_relative_eps, warn_below_rounding
from qla_jax.transforms.robustness import robust_error
from qla_jax.transforms.singular_values import QSVT, qsvt
from qla_jax.transforms.spectrum import isometric


class AmplifiedVector(Alternation, VectorEncoding, kw_only=True):
    """$x$ with an amplitude close to 1; the ancilla of the real part stands in front of the part's own."""

    @property
    def flags(self) -> Flags:
        return Flags(ancilla_flag(self.part), origin_flag(self.part))

    def gates(self) -> Gates:
        ancillas, out = self.part.num_ancillas, len(self.phases) // 2
        into = len(self.phases) - out
        return out * flag_phase(ancillas) + into * flag_phase(ancillas + self.part.num_qubits)


@default_promotion
def amplify(
    vec: VectorEncoding,
    *,
    amplitude_bound: float,
    eps: float | None = None,
    relative_eps: float | None = None,
    margin: float = 1e-3,
) -> AmplifiedVector:
    r"""Fixed-point amplification of $x$ to $\alpha' = \|\tilde x\|/(1 - \text{margin})$, phase and all.

    The length of the circuit comes from the static bound alone: a polynomial for the sign outside of
    $[-\Delta, \Delta]$, of degree about $\log(2/\epsilon)/\Delta$, times $1 - $ margin, since phase factors want a
    polynomial below 1 (their cost grows with $1/\sqrt{\text{margin}}$).

    Args:
        vec: the part, $\tilde x$ the vector that it encodes.
        amplitude_bound: $\Delta$, a proven lower bound on `vec.amplitude`, between 0 and 1.
        eps: how far the result may be from $\tilde x$, absolute, less than the length of $\tilde x$.
        relative_eps: the same relative to that length, instead of `eps`; needed inside jit, where it is not known.
        margin: between 0 and 1.

    Returns:
        One ancilla more. Its error is that of the part and $\epsilon\|\tilde x\|$; where the amplitude is below the
        bound nothing is proven: `eps` is `inf`.

    Raises:
        TypeError: `vec` is not a vector encoding.
        ValueError: `amplitude_bound`, `relative_eps` or `margin` outside of (0, 1), not exactly one of `eps` and
            `relative_eps`, or an `eps` that is not positive and less than the length.
    """
    require_kind("vec", vec, VectorEncoding)
    amplitude_bound, margin = as_fraction("amplitude_bound", amplitude_bound), as_margin(margin)
    size = length(vec.encoded)
    share = as_relative_eps(eps, relative_eps, size, "the length of `vec`", below=1.0, parts=2)
    sign = np.asarray(polynomials.sign(amplitude_bound, eps=share / 2).coeffs)  # |P| <= 1 + share / 2
    coeffs = sign * ((1 - margin) / (1 + share / 2))
    found = find(coeffs, "odd", TOLERANCE)
    amplitude = vec.amplitude
    reached = chebyshev.evaluate(jnp.asarray(coeffs, size.dtype), amplitude) / (1 - margin)
    enough = amplitude >= amplitude_bound * (1 - ROUNDING * jnp.finfo(size.dtype).eps)
    error = times(size, share + found.residual / (1 - margin))
    amplified = AmplifiedVector(
        alpha=size / (1 - margin),
        eps=vec.eps + jnp.where(enough, error, jnp.inf).astype(size.dtype),
        num_ancillas=vec.num_ancillas + 1,
        num_qubits=vec.num_qubits,
        encoded=reached * vec.encoded,
        sizes=vec.sizes,
        phases=found.to("reflection").values.astype(size.dtype),
        part=vec,
    )
    warn_below_rounding(amplified, share, size, vec.eps)
    return amplified


@default_promotion
def oblivious_amplification(enc: BlockEncoding, *, order: int, isometry: bool = False) -> BlockEncoding:
    r"""An isometry encoded with $\alpha = 1/\sin\frac{\pi}{2m}$ (2 for m = 3), encoded with alpha 1 by m calls.

    Its error is m times that of the part over alpha, by $|T_m'| \le m^2$ and sharper where the part's rule is.

    Args:
        enc: an isometry, $A^\dagger A = 1$, which is looked at (`transforms.spectrum`). Where it is seen to be none
            `eps` is `inf`.
        order: m, odd.
        isometry: whether you vouch for that where A is too large to be looked at. Without your word `eps` is `inf`
            there.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: an even or non-positive order.
    """
    require_kind("enc", enc, BlockEncoding)
    order = as_integer("order", order)
    require(order > 0 and order % 2 == 1, f"`order` must be odd and positive, but is {order}.")
    wanted = 1 / math.sin(math.pi / (2 * order))
    slack = ROUNDING * jnp.finfo(enc.alpha.dtype).eps
    fits = (jnp.abs(enc.alpha - wanted) <= slack * wanted) & isometric(enc, vouched=isometry)
    coeffs = jnp.zeros(order + 1, enc.alpha.dtype).at[order].set(1)
    one = jnp.ones_like(enc.alpha)
    zero = PhaseFactors(jnp.zeros(order + 1, enc.alpha.dtype), 0 * one, one, one > 0)
    amplified = QSVT(
        alpha=one,
        eps=jnp.where(fits, robust_error(enc, coeffs), jnp.inf),
        num_ancillas=enc.num_ancillas + 1,
        num_qubits=enc.num_qubits,
        norm_bound=one,
        domain=enc.domain,
        codomain=enc.codomain,
        coeffs=coeffs,
        steepest=jnp.full_like(one, order**2),
        phases=zero.to("reflection").values.astype(enc.alpha.dtype),
        part=enc,
    )
    return amplified if order % 4 == 1 else scale(amplified, -1.0)


@default_promotion
def uniform_amplification(
    enc: BlockEncoding,
    gain: float,
    *,
    gap: float,
    eps: float | None = None,
    relative_eps: float | None = None,
    margin: float = 1e-3,
) -> BlockEncoding:
    r"""The same matrix with a smaller alpha, $\alpha' = \alpha/(\gamma(1 - \text{margin}))$.

    It takes about $\frac{\gamma}{\delta}\log(1/\epsilon)$ calls.

    Args:
        enc: the part, $\|A\| \le (1-\delta)\alpha/\gamma$; where `norm_bound` does not show that, `eps` is `inf`.
        gain: $\gamma$, above 1.
        gap: $\delta$, between 0 and 1.
        eps: error that the polynomial may add to the matrix, absolute.
        relative_eps: the same in units of $\alpha/\gamma$, instead of `eps`; needed inside jit, without alpha.
        margin: how far the polynomial is kept below 1.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a gain not above 1, a gap, error or margin outside of (0, 1), or not exactly one of `eps` and
            `relative_eps`.
    """
    require_kind("enc", enc, BlockEncoding)
    gain, gap, margin = as_real("gain", gain), as_fraction("gap", gap), as_margin(margin)
    require(1 < gain < math.inf, f"`gain` must be above 1 and finite, but is {gain}.")
    share = as_relative_eps(eps, relative_eps, enc.alpha / gain, "`enc.alpha`", below=1.0, parts=gain)
    poly, below = _window(gain, gap, share, margin)
    amplified = scale(qsvt(enc, poly), enc.alpha / (gain * below))
    certified = enc.norm_bound <= (1 - gap) * enc.alpha / gain
    if is_concrete(enc.eps) and float(enc.eps) == 0:
        warn_below_rounding(amplified, share, enc.alpha / gain)
    return amplified.replace(
        eps=jnp.where(certified, amplified.eps, jnp.inf), norm_bound=jnp.minimum(amplified.norm_bound, enc.norm_bound)
    )


@default_promotion
def amplify_to_norm(
    enc: BlockEncoding,
    *,
    eps: float | None = None,
    relative_eps: float | None = None,
    gain: float | None = None,
    gap: float = 0.5,
    margin: float = 1e-3,
) -> BlockEncoding:
    r"""The last step of Lemma 5: the same matrix with $\alpha' = \|A\|/((1-\delta)(1-\text{margin}))$, twice its norm.

    The gain is $\gamma = (1 - \delta)\alpha/\|A\|$, with `norm_bound` for the norm. Where it is not above 1 there is
    nothing to amplify, and the encoding comes back as it is.

    Args:
        enc: the part.
        eps: error that the polynomial may add to the matrix, absolute.
        relative_eps: the same in units of $\|A\|$, instead of `eps`; needed inside jit, where the norm is not known.
        gain: $\gamma$, for a traced encoding.
        gap: $\delta$, between 0 and 1.
        margin: how far the polynomial is kept below 1.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a traced encoding without `gain`, one with norm bound 0, what `uniform_amplification` raises.
    """
    require_kind("enc", enc, BlockEncoding)
    gap, margin = as_fraction("gap", gap), as_margin(margin)
    if gain is None:
        known = is_concrete(enc.alpha, enc.norm_bound)
        require(known, "`gain` must be given inside jit: the circuit's length follows from it.")
        require(float(enc.norm_bound) > 0, f"`enc` must have a positive norm bound, but has {enc.norm_bound}.")
        slack = ROUNDING * float(jnp.finfo(enc.alpha.dtype).eps)
        gain = (1 - gap) * float(enc.alpha) / float(enc.norm_bound) * (1 - slack)
    gain = as_real("gain", gain)
    parts = max(gain, 1.0) / (1 - gap)
    share = as_relative_eps(eps, relative_eps, enc.norm_bound, "`enc.norm_bound`", below=1.0, parts=parts)
    if gain <= 1:
        return enc
    return uniform_amplification(enc, gain, gap=gap, relative_eps=share * (1 - gap), margin=margin)


def _window(gain: float, gap: float, eps: float, margin: float) -> tuple[Polynomial, float]:
    """The gain times x up to (1 - gap)/gain, times the factor that keeps it below 1; known inside jit, too."""
    window: Any = np.asarray(polynomials.rectangle((1 - gap / 2) / gain, gap / (2 * gain), eps=eps / gain).coeffs)
    line: Any = np.array([0.0, gain], window.dtype)
    product = chebyshev.multiply(line, window)
    _, coeffs = chebyshev.parity_parts(product)  # the product is odd but for its rounding
    largest = max(1.0, float(chebyshev.sup_bound(coeffs, oversampling=64)))
    below = (1 - margin) / largest
    poly = polynomials.polynomial(coeffs * below, "odd")
    return poly.replace(error_bound=np.asarray(eps * below, window.dtype)), below
