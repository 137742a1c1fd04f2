r"""Phase factors of real polynomials of definite parity, by complementary polynomial and layer stripping.

With $x = \cos\theta$ and $z = e^{2i\theta}$ the polynomial is $z^{-d/2}b(z)$ for a palindromic b. The sequence whose
nonlinear Fourier transform has this b and the outer $a^*$ is symmetric, so that stripping half of it in real arithmetic
suffices. The angles $\psi_k = \arctan\gamma_k$ are phase factors with target $\mathrm{Im}\langle0|U|0\rangle$; an
eighth of a turn at each end makes the target the real part.

References:
    Ying (2022) and Alexis et al. (2024), the approach. https://arxiv.org/abs/2407.05634
    Dong, Meng, Whaley, Lin (2021), symmetric phase factors. https://arxiv.org/abs/2002.11649
"""

import math
from functools import partial
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import as_inexact, in_known_types
from qla_jax._modes import default_promotion
from qla_jax.phases import checks, complementary
from qla_jax.phases.backends import JAX, NUMPY, Backend, backend_of
from qla_jax.phases.blocks import Either
from qla_jax.phases.sequence import CANONICAL, PhaseFactors
from qla_jax.polynomials.foreign import as_chebyshev
from qla_jax.polynomials.polynomial import Polynomial, polynomial

TOLERANCE = 1e-11


@default_promotion
def phase_factors(poly: Polynomial | ArrayLike, *, parity: str | None = None, tol: float = TOLERANCE) -> PhaseFactors:
    r"""Compute QSP phase factors with $\mathrm{Re}\langle 0|U|0\rangle = f$ for a real polynomial f of definite parity.

    The polynomial must satisfy $|f| < 1$ on [-1, 1]. Concrete coefficients are solved in NumPy without compilation.
    Traced ones (jit, vmap, grad) are solved by a compiled program, of which there are four per octave of the degree d.
    Both take $O(d\log^2 d)$ operations and $O(d)$ memory, times about $1/\sqrt{1-\|f\|}$ for the complementary
    polynomial. The finest grid of that polynomial has 2^24 samples for concrete coefficients and the larger of 2^19 and
    768 d samples for traced ones, which suffices for $\|f\| \le 1 - 2\cdot10^{-4}$. Closer to 1, `residual` and
    `converged` show whether the solution is good. Derivatives are exact, in reverse mode, for a few times the cost.

    Args:
        poly: `Polynomial`, or Chebyshev coefficients with the lowest degree first. Zeros of the highest degrees are
            kept and have phase factors of their own. A polynomial of NumPy is converted, a function is interpolated
            (`polynomials.interpolant`).
        parity: "even" or "odd" for an array of coefficients. By default the parity of concrete coefficients is
            determined, and that of traced ones is the parity of their highest degree. Traced coefficients of the other
            parity count as residual.
        tol: tolerance of the residual for `converged`, absolute.

    Returns:
        The d + 1 symmetric phase factors in the convention "wx", with their residual. Traced coefficients that reach 1
        or are not finite give NaN, residual `inf` and `converged` False.

    Raises:
        ValueError: complex coefficients; concrete coefficients that are not finite, not of definite parity, of size 1
            or more somewhere on [-1, 1], or not in double precision.

    Example:
        >>> phases = phase_factors([0.0, 0.0, 0.8])  # 0.8 T_2(x)
        >>> bool(jnp.allclose(qsp_response(phases, 0.3).real, 0.8 * (2 * 0.3**2 - 1))), bool(phases.converged)
        (True, True)

    References:
        Alexis, Lin, Mnatsakanyan, Thiele, Wang (2024). https://arxiv.org/abs/2407.05634
        Dong, Meng, Whaley, Lin (2021), symmetric phase factors. https://arxiv.org/abs/2002.11649
    """
    coeffs, degree = _read(poly, parity)
    checks.require_double(coeffs)
    return _found(coeffs, degree, tol)


def find(poly: Polynomial | ArrayLike, parity: str | None, tol: float) -> PhaseFactors:
    """Return `phase_factors` of coefficients of any precision; concrete ones are solved in double precision.

    Args:
        poly: polynomial, or Chebyshev coefficients.
        parity: "even" or "odd", or None to determine the parity.
        tol: tolerance of the residual, absolute.
    """
    return _found(*_read(poly, parity), tol)


def _found(coeffs: Either, degree: int, tol: float) -> PhaseFactors:
    on = backend_of(coeffs)
    if on is NUMPY:
        half, residual, sup_bound = _solve(np.asarray(coeffs, np.float64), degree, NUMPY)
    else:
        padding = (0, complementary.bucket(len(coeffs)) - len(coeffs))
        half, residual, sup_bound = _solve_compiled(jnp.pad(coeffs, padding), degree)
    values = _symmetric(half, degree, degree + 1, on.xp)
    ends = np.pi / 4 * ((np.arange(degree + 1) == 0) + 1.0 * (np.arange(degree + 1) == degree))
    converged = (residual <= tol) & (values.dtype == np.float64)
    # `device_put` takes NumPy arrays without compiling anything, which `asarray` does not.
    return PhaseFactors(*jax.device_put((values - ends.astype(values.dtype), residual, sup_bound, converged)))


def _solve(coeffs: Either, degree: int | Array, on: Backend) -> tuple[Either, Either, Either]:
    """Return half of the symmetric sequence, the residual, and the bound on |f|."""
    xp = on.xp
    b = _laurent(coeffs, degree, xp)
    count = (len(b) + 1) // 2
    outer = on.outer(b, count)
    on.require_below_one(xp.sqrt(outer.peak), "[-1, 1]")
    sequence = on.inverse(outer.coeffs, b[:count])
    half = xp.arctan(sequence)
    samples = xp.asarray(complementary.grids(len(b)), b.dtype)[outer.grid]
    sup_bound = complementary.sup_bound(b, outer.peak, math.pi / 2 * degree / samples, xp)
    ignored = xp.sum(xp.abs(coeffs) * ((xp.arange(len(coeffs)) - degree) % 2 != 0))
    residual = _residual(half, b, degree, on) + ignored
    return half, xp.where(xp.isfinite(residual), residual, np.inf), sup_bound + ignored


_solve_compiled = jax.jit(partial(_solve, on=JAX))


def _laurent(coeffs: Either, degree: int | Array, xp: ModuleType) -> Either:
    """Return the palindromic b of degree d with $f = z^{-d/2}b(z)$, padded to the length of the coefficients."""
    k = xp.arange(len(coeffs))
    place = xp.abs(degree - 2 * k)
    share = xp.asarray(0.5, coeffs.dtype) * (k <= degree) * (1 + (place == 0))
    return coeffs[xp.minimum(place, len(coeffs) - 1)] * share


def _symmetric(half: Either, degree: int | Array, count: int, xp: ModuleType) -> Either:
    k = xp.arange(count)
    return xp.where(k <= degree, half[xp.clip(xp.minimum(k, degree - k), 0, len(half) - 1)], 0)


def _residual(half: Either, b: Either, degree: int | Array, on: Backend) -> Either:
    r"""Return a bound on the error at all z, from the polynomial b of the phases on an independent grid.

    The sequence is its first half followed by the reversed first half, each with half of the middle entry if d is even.
    Reversing a sequence maps $(a^*, b)$ to $(a^*, z^db^*)$.
    """
    xp = on.xp
    k, middle = xp.arange(len(b)), degree // 2
    share = (k < middle) + xp.where(degree % 2 == 0, 0.5, 1.0) * (k == middle)
    psi = half * share[: len(half)].astype(half.dtype)
    outer, inner = (xp.pad(part, (0, len(b) - len(part))) for part in on.forward(xp.cos(psi), xp.sin(psi)))
    mirrored = xp.where(k <= degree, inner[xp.abs(degree - k)], 0)
    size = 9 * -(-len(b) // 2)  # at most one point in nine is on the solver's grid, so that the check is independent
    outer, inner, mirrored, wanted = xp.fft.rfft(xp.stack([outer, inner, mirrored, b]), size)
    error = outer.conj() * mirrored + inner * outer - wanted
    largest = xp.sqrt(xp.max(xp.square(error.real) + xp.square(error.imag)))
    return largest / xp.cos(math.pi / 2 * degree / size)


def _read(poly: Polynomial | ArrayLike, parity: str | None) -> tuple[Either, int]:
    """Return the coefficients, as a NumPy array if they are concrete, and the degree."""
    poly = as_chebyshev(poly)
    if isinstance(poly, Polynomial):
        known: str = poly.parity
        if parity not in (None, known):
            raise ValueError(f"`parity` must be that of `poly`, {known!r}, but is {parity!r}.")
        poly, parity = poly.coeffs, known
    if parity not in (None, "even", "odd"):
        raise ValueError(
            f"`parity` must be 'even' or 'odd', of `poly` too, but is {parity!r}: solve for the even and the odd part "
            "apart and add them by a linear combination, or take `gqsp_phase_factors`. If the function is odd or even, "
            "say so where the polynomial is made, as in `interpolant(f, degree, parity='odd')`."
        )
    coeffs: Either = poly if isinstance(poly, jax.core.Tracer) else np.asarray(poly)
    checks.require_vector(coeffs)
    coeffs = as_inexact("poly", coeffs) if isinstance(coeffs, jax.core.Tracer) else in_known_types(coeffs)
    if not np.issubdtype(coeffs.dtype, np.floating):
        if np.issubdtype(coeffs.dtype, np.complexfloating):
            raise ValueError(f"`poly` must be real, but is {coeffs.dtype}; `gqsp_phase_factors` takes complex ones.")
        coeffs = coeffs.astype(jnp.result_type(float))
    if isinstance(coeffs, np.ndarray):
        parity = _parity(coeffs, parity)
    odd = len(coeffs) % 2 == 0 if parity is None else parity == "odd"
    degree = len(coeffs) - 1 - (len(coeffs) - 1 - odd) % 2
    if degree < 0:
        raise ValueError("`poly` must have a coefficient of T_1 to be odd, but has one of T_0 only.")
    return coeffs, degree


def _parity(coeffs: Either, parity: str | None) -> str:
    """Return the parity of concrete coefficients, or raise an error if they have none or are not finite."""
    checks.require_finite(coeffs)
    even, odd = (np.abs(coeffs[start::2]).max(initial=0) for start in (0, 1))
    if (even and odd) or (parity == "even" and odd) or (parity == "odd" and even):
        raise ValueError(
            f"`poly` must have definite parity, but has even coefficients up to {even:.3g} and odd ones up to "
            f"{odd:.3g}: solve for coeffs of either parity apart, and add them by a linear combination."
        )
    return parity or ("odd" if odd or (not even and len(coeffs) % 2 == 0) else "even")


@default_promotion
def polynomial_of(phases: PhaseFactors | ArrayLike) -> Polynomial:
    r"""Return the polynomial $\mathrm{Re}\langle0|U|0\rangle$ of canonical phase factors, inverting `phase_factors`.

    The Chebyshev coefficients are the coefficients of $a^*$ of the sequence $\tan\phi_k$, where $a^*_k$ adds to
    $c_{|d-2k|}$. The computation takes $O(d\log^2 d)$ operations.

    Raises:
        ValueError: phases in another convention, which `.to("wx")` converts, or concrete phases that are not finite.

    Example:
        >>> bool(jnp.allclose(polynomial_of(phase_factors([0.0, 0.3, 0.0, 0.5])).coeffs, jnp.array([0, 0.3, 0, 0.5])))
        True

    References:
        Alexis, Lin, Mnatsakanyan, Thiele, Wang (2024). https://arxiv.org/abs/2407.05634
    """
    if isinstance(phases, PhaseFactors) and phases.convention != CANONICAL:
        raise ValueError(f"`phases` must be in the convention 'wx', but are in {phases.convention!r}: use .to('wx').")
    values: Either = phases.values if isinstance(phases, PhaseFactors) else phases
    on = backend_of(values)
    values = np.asarray(values) if on is NUMPY else values
    checks.require_vector(values, "phases", "angles")
    if on is NUMPY and not np.all(np.isfinite(values)):
        raise ValueError("`phases` must be finite, but hold NaN or infinity: no solution was found.")
    values = checks.in_floats(values) if on is NUMPY else as_inexact("phases", values)
    degree = len(values) - 1
    outer, _ = on.forward(on.xp.cos(values), on.xp.sin(values))
    coeffs = jnp.zeros_like(outer).at[np.abs(degree - 2 * np.arange(degree + 1))].add(outer)
    return polynomial(coeffs, "odd" if degree % 2 else "even")
