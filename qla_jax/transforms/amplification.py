r"""Amplification: encodings of the same vector, isometry or matrix with a smaller alpha.

**Fixed point.** A vector encoding is a block encoding of rank one, $g|\hat x\rangle\langle0|$ with $g = \|x\|/\alpha$,
between the flags "ancillas in 0" and "everything in 0". An odd polynomial close to 1 on $[\Delta, 1]$ maps every such g
to nearly 1, and the vector keeps its phase.

**Oblivious.** Where all singular values of $A/\alpha$ are $\sin\frac{\pi}{2m}$ for an odd m, the Chebyshev polynomial
$T_m$, whose phase factors are zero, maps them to $\pm1$ exactly.

**Uniform.** Where all singular values of $A/\alpha$ are at most $(1-\delta)/\gamma$, the polynomial $\gamma x$ times a
window multiplies them by $\gamma$.

References:
    Gilyen, Su, Low, Wiebe (2018), Theorems 27, 28 and 30. https://arxiv.org/abs/1806.01838
    Rattew et al. (2025), amplification of vector encodings. https://arxiv.org/abs/2510.07195
"""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from qla_jax import polynomials
from qla_jax._bounds import times
from qla_jax._checks import ROUNDING, as_integer, as_real, is_concrete, require, require_kind
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
    """Vector encoding of x with a success amplitude close to 1, by fixed-point amplification.

    The ancilla of the real part is in front of the part's ancillas.
    """

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
    r"""Amplify a vector encoding of $x$ to a success amplitude close to 1 by fixed-point amplification.

    The result has $\alpha' = \|\tilde x\|/(1 - \text{margin})$ and one ancilla more, where $\tilde x$ is the vector
    encoded by the part. The phase of x is kept. The length of the circuit follows from the bound $\Delta$ alone: the
    polynomial approximates the sign function outside $[-\Delta, \Delta]$ with degree about $\log(2/\epsilon)/\Delta$.
    It is multiplied by $1 - \text{margin}$, since phase factors need a polynomial below 1 and their cost grows with
    $1/\sqrt{\text{margin}}$.

    Args:
        vec: vector encoding of x.
        amplitude_bound: proven lower bound $\Delta$ on `vec.amplitude`, between 0 and 1.
        eps: distance of the result from $\tilde x$, absolute, less than the length of $\tilde x$.
        relative_eps: distance relative to the length of $\tilde x$, instead of `eps`; needed inside jit, where that
            length is not known.
        margin: distance of the polynomial from 1, between 0 and 1.

    Returns:
        Encoding with the error of the part plus `eps`. Where the amplitude is below the bound nothing is proven, and
        the error is `inf`.

    Raises:
        TypeError: `vec` is not a vector encoding.
        ValueError: `amplitude_bound`, `relative_eps` or `margin` outside (0, 1), not exactly one of `eps` and
            `relative_eps`, or an `eps` that is not positive and less than the length.

    Example:
        >>> vec = block_encode(jnp.diag(jnp.array([1.0, 0.5])), alpha=2.0) @ vector_encode(jnp.array([0.6, 0.8]))
        >>> amplified = amplify(vec, amplitude_bound=0.3, relative_eps=1e-3)
        >>> round(float(vec.amplitude), 2), round(float(amplified.amplitude), 2), cost(amplified).num_qubits
        (0.36, 1.0, 3)

    References:
        Gilyen, Su, Low, Wiebe (2018), Theorem 27. https://arxiv.org/abs/1806.01838
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
    r"""Amplify an isometry encoded with $\alpha = 1/\sin\frac{\pi}{2m}$ (2 for m = 3) to alpha = 1 by m calls.

    The error follows from `transforms.robustness` for the Chebyshev polynomial $T_m$, with $|T_m'| \le m^2$.

    Args:
        enc: block encoding of an isometry, $A^\dagger A = 1$. Small matrices are checked (`transforms.spectrum`); where
            the check fails `eps` is `inf`.
        order: odd number m.
        isometry: True to assert that A is an isometry where it is too large to be checked; without the assertion `eps`
            is `inf` there.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: an even or non-positive order.

    Example:
        >>> enc = block_encode(jnp.array([[0.0, 1.0], [1.0, 0.0]]), alpha=2.0)
        >>> amplified = oblivious_amplification(enc, order=3)
        >>> float(amplified.alpha), [round(x, 6) for x in amplified.matvec(jnp.array([1.0, 0.0])).tolist()][1]
        (1.0, 1.0)

    References:
        Gilyen, Su, Low, Wiebe (2018), Theorem 28. https://arxiv.org/abs/1806.01838
    """
    require_kind("enc", enc, BlockEncoding)
    order = as_integer("order", order)
    require(order > 0 and order % 2 == 1, f"`order` must be odd and positive, but is {order}.")
    wanted = 1 / math.sin(math.pi / (2 * order))
    slack = ROUNDING * jnp.finfo(enc.alpha.dtype).eps
    fits = (jnp.abs(enc.alpha - wanted) <= slack * wanted) & isometric(enc, vouched=isometry)
    # T_m maps sin(pi/2m) to (-1)^((m-1)/2). Its phase factors are zero in the W_x convention and need no solver.
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
    r"""Return an encoding of the same matrix with the smaller $\alpha' = \alpha/(\gamma(1 - \text{margin}))$.

    The circuit calls the part about $\frac{\gamma}{\delta}\log(1/\epsilon)$ times.

    Args:
        enc: block encoding of A with $\|A\| \le (1-\delta)\alpha/\gamma$; where `norm_bound` does not prove this, the
            error of the result is `inf`.
        gain: factor $\gamma$ above 1.
        gap: relative distance $\delta$ of the amplified norm from 1, between 0 and 1.
        eps: error that the polynomial may add to the matrix, absolute.
        relative_eps: error in units of $\alpha/\gamma$, instead of `eps`; needed inside jit, where alpha is not known.
        margin: distance of the polynomial from 1, between 0 and 1.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a gain not above 1, a gap, error or margin outside (0, 1), or not exactly one of `eps` and
            `relative_eps`.

    Example:
        >>> enc = block_encode(jnp.diag(jnp.array([0.25, 0.1])), alpha=1.0)
        >>> amplified = uniform_amplification(enc, 2.0, gap=0.5, eps=1e-2)
        >>> round(float(amplified.alpha), 2), bool(amplified.eps <= 1.01e-2)
        (0.5, True)

    References:
        Gilyen, Su, Low, Wiebe (2018), Theorem 30. https://arxiv.org/abs/1806.01838
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
    r"""Return an encoding of the same matrix with alpha close to twice its norm, by uniform amplification.

    The result has $\alpha' = \|A\|/((1-\delta)(1-\text{margin}))$, where `norm_bound` stands for the norm. The gain is
    $\gamma = (1 - \delta)\alpha/\|A\|$. An encoding whose gain is not above 1 is returned as it is. This is the last
    step of Lemma 5 of Rattew et al.

    Args:
        enc: block encoding of A.
        eps: error that the polynomial may add to the matrix, absolute.
        relative_eps: error in units of $\|A\|$, instead of `eps`; needed inside jit, where the norm is not known.
        gain: factor $\gamma$, needed for a traced encoding.
        gap: relative distance $\delta$ of the amplified norm from 1, between 0 and 1.
        margin: distance of the polynomial from 1, between 0 and 1.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a traced encoding without `gain`, an encoding with norm bound 0, or the conditions of
            `uniform_amplification`.

    Example:
        >>> enc = block_encode(jnp.diag(jnp.array([0.25, 0.1])), alpha=1.0)
        >>> round(float(amplify_to_norm(enc, eps=1e-2).alpha), 2)
        0.5

    References:
        Rattew et al. (2025), Lemma 5. https://arxiv.org/abs/2510.07195
        Gilyen, Su, Low, Wiebe (2018), Theorem 30. https://arxiv.org/abs/1806.01838
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
    """Return the polynomial of gain times x up to (1 - gap)/gain, and the factor that keeps it below 1."""
    # NumPy throughout, so that the polynomial, and with it the length of the circuit, is concrete also inside jit.
    window: Any = np.asarray(polynomials.rectangle((1 - gap / 2) / gain, gap / (2 * gain), eps=eps / gain).coeffs)
    line: Any = np.array([0.0, gain], window.dtype)
    product = chebyshev.multiply(line, window)
    _, coeffs = chebyshev.parity_parts(product)  # the product is odd but for its rounding
    largest = max(1.0, float(chebyshev.sup_bound(coeffs, oversampling=64)))
    below = (1 - margin) / largest
    poly = polynomials.polynomial(coeffs * below, "odd")
    return poly.replace(error_bound=np.asarray(eps * below, window.dtype)), below
