r"""Phase factors of merged steps: a polynomial of a walk by half of the calls of GQSP, none of them controlled.

Let $P = C - iS$ with real functions C, even in $z = e^{i\theta}$, and S, odd, both symmetric in $\theta$, as for
$e^{-i\tau\cos\theta}$. With the Hadamard gate H and $\mathrm{diag}(z, 1)$ for one step that a control allows,
$$P = \langle0|H\,\mathrm{diag}(z, 1)\,A(z)\,\mathrm{diag}(z^{-1}, 1)\,H|0\rangle, \qquad
A = \begin{pmatrix}C + iE & b\\ -b^* & C - iE\end{pmatrix}, \qquad zb = -iS - o.$$
Here $iE + io$ with $E^2 + o^2 = 1 - C^2 - S^2$ completes P, and A is even in z if the real functions E and o are even
and odd. Hence A is a product of rotations of the control and of merged steps $D = \mathrm{diag}(z, z^{-1})$. If the
degree of P is even, the rightmost rotation is none, and $D\,\mathrm{diag}(z^{-1}, 1) = \mathrm{diag}(1, z^{-1})$. A
polynomial of degree d takes d rotations with $d - 1$ merged steps in between, and one controlled step on either side.

**Completion.** An outer R with $|R(z^2)|^2 = 1 - |P|^2$ is split as $R(z^2) = F(z)F(-z)$, and $E + io = F(z)F^*(-z)$.
Each root of R leaves a choice of the sign of its square root; signs that alternate along the circle keep F close to a
constant.

**Precision.** The first rotations follow from coefficients that are products of all sines, at the rim of the Laurent
polynomials, and errors in them grow exponentially. Stripping in double precision misses P by 0.05 at degree 40; at
degree 100, 250 bits miss it by 7e-6 and 300 bits by 3e-14, the rounding of the angles.

References:
    Berry, Motlagh, Pantaleoni, Wiebe (2024), twice the efficiency by steps in either direction.
    https://arxiv.org/abs/2401.10321
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg

from qla_jax.phases.complementary import outer_numpy
from qla_jax.phases.integers import Fixed, fixed, floating, shifted

BITS, GUARD = 2.5, 100
"""Number of bits for each degree, and number of bits at any degree; 400 bits in all were enough at degree 190."""
MOST = 200
"""Largest degree that is solved; degree 100 took 0.2 s, and degree 200 took 3 s (one core, 2026)."""


class MergedFactors(NamedTuple):
    r"""Angles of the rotations in the order in which the circuit runs them, and the measured error.

    Rotation k is $\mathrm{diag}(e^{i\phi_k}, 1)$ after the rotation by $\theta_k$, and
    $e^{i\mu}\mathrm{diag}(e^{i\lambda}, 1)$ is before all others. Between two rotations there is a merged step. The
    first controlled step is where the control has the value `first(degree)`, the last one where it is 0.
    """

    theta: np.ndarray
    phi: np.ndarray
    lam: float
    mu: float
    residual: float


def first(degree: int) -> int:
    """Return the value of the control for which the circuit begins with a step backward.

    Args:
        degree: degree of the polynomial, the number of rotations.
    """
    return (degree + 1) % 2


def merges(coeffs: np.ndarray) -> bool:
    """Return whether Chebyshev coefficients are real for even and imaginary for odd degrees, and neither few nor many.

    Args:
        coeffs: Chebyshev coefficients, lowest degree first.
    """
    coeffs = np.asarray(coeffs, complex)
    alternates = not coeffs[::2].imag.any() and not coeffs[1::2].real.any()
    return alternates and 3 <= len(coeffs) - 1 <= MOST and coeffs[-1] != 0


def find_merged(coeffs: np.ndarray) -> MergedFactors | None:
    """Return the phase factors of a polynomial that `merges`, or None where there are none in the chosen precision.

    Args:
        coeffs: Chebyshev coefficients of a polynomial below 1 on [-1, 1].
    """
    coeffs = np.asarray(coeffs, complex)
    degree = len(coeffs) - 1
    bits = GUARD + math.ceil(BITS * degree)
    laurent = np.concatenate([coeffs[:0:-1] / 2, coeffs[:1], coeffs[1:] / 2])
    target = fixed(laurent, bits)
    whole = _outer(target, laurent, bits)
    rotations = None if whole is None else _stripped(*_completed(target, whole, bits), bits)
    if rotations is None:
        return None
    theta, phi, lam, mu = _angles(rotations)
    if len(theta) > degree:
        # Of even degree: the first angle is 0, and its phase joins the one before.
        theta, phi, lam = theta[1:], phi[1:], lam + float(phi[0])
    points = 9 * (degree + 2)  # of a Laurent polynomial of degree d + 1, as for `gqsp_phase_factors`
    z = np.exp(2j * np.pi * np.arange(points) / points)
    difference = merged_response(theta, phi, lam, mu, z) - _value(laurent, z)
    residual = float(np.abs(difference).max() / math.cos(math.pi * (degree + 1) / points))
    return MergedFactors(theta, phi, lam, mu, residual if math.isfinite(residual) else math.inf)


def merged_response(theta: np.ndarray, phi: np.ndarray, lam: float, mu: float, z: np.ndarray) -> np.ndarray:
    r"""Return $\langle0|U|0\rangle$ of the circuit on the eigenvectors of the walk, matrix by matrix.

    Args:
        theta: angles of the rotations.
        phi: angles of the phases.
        lam: angle of the phase of the control before the rotations.
        mu: angle of the global phase.
        z: eigenvalues of the walk.
    """
    start = np.exp(1j * mu) * math.sqrt(0.5)
    value = first(len(theta))
    up, down = start * np.exp(1j * lam) * z ** (value - 1.0), start * z**-value
    for place, (angle, phase) in enumerate(zip(theta, phi, strict=True)):
        if place:
            up, down = z * up, down / z
        cos, sin = math.cos(angle), math.sin(angle)
        up, down = np.exp(1j * phase) * (cos * up - sin * down), sin * up + cos * down
    return (z * up + down) * math.sqrt(0.5)


def _value(laurent: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.polynomial.polynomial.polyval(z, laurent) / z ** (len(laurent) // 2)


def _completed(target: Fixed, whole: Fixed, bits: int) -> tuple[Fixed, Fixed]:
    """Return the coefficients of the first row (a, b) of A, of even powers of z, from those of P and of R."""
    degree = len(whole.re) - 1
    signs = _signs(degree)
    half = _half(whole, bits)
    full = half.convolved(half.times(signs).reflected()).shifted(-bits)
    sign = np.concatenate([signs[:0:-1], signs])
    # The signs of all roots, and of q as a whole, are free: for one of both, the lowest coefficient of b or a cancels.
    if degree % 2 and abs(full.re[0] + target.im[0]) > abs(full.re[0] - target.im[0]):
        full = full.times(sign)
    elif degree % 2 == 0 and abs(target.re[0] - full.im[0]) > abs(target.re[0] + full.im[0]):
        full = full.times(np.array(-1, object))
    even, odd = (sign + 1) // 2, (1 - sign) // 2
    # With q = E + io: a = C + iE and zb = -iS + i(io).
    upper = Fixed(target.re - full.im, full.re).times(even)
    lower = Fixed(-full.im, target.im + full.re).times(odd)
    lower = Fixed(np.append(lower.re[1:], 0), np.append(lower.im[1:], 0))
    powers = slice(degree % 2, 2 * degree + 1 - degree % 2, 2)
    return upper.part(powers), lower.part(powers)


def _outer(target: Fixed, laurent: np.ndarray, bits: int) -> Fixed | None:
    """Return the coefficients of R, or None if P reaches 1 or the last coefficient of R vanishes.

    Newton's method takes the derivative at the solution in double precision, and gains its digits in each step.
    """
    degree = len(laurent) // 2
    # |P|^2 is a polynomial in z^2, and so is R; R has every second coefficient of the outer polynomial of P.
    outer = outer_numpy(laurent, 2 * degree + 1)
    if not outer.peak < 1:
        return None
    start = outer.coeffs[::2].real
    square = -target.convolved(target.reflected()).re
    square[2 * degree] += 1 << 2 * bits
    goal = Fixed(square[2 * degree :: 2], np.zeros(degree + 1, object))
    places = np.arange(degree + 1)
    below, above = places[:, None] + places, places - places[:, None]
    slope = np.where(below <= degree, start[np.minimum(below, degree)], 0)
    slope = slope + np.where(above >= 0, start[np.maximum(above, 0)], 0)

    def residual(found: Fixed) -> Fixed:
        return goal.minus(found.convolved(found.reflected()).part(slice(degree, None)))

    found = _newton(fixed(start, bits), residual, slope, bits)
    return found if floating(found, bits)[-1] else None


def _half(whole: Fixed, bits: int) -> Fixed:
    """Return the coefficients of F with F(z) F(-z) = R(z^2)."""
    degree = len(whole.re) - 1
    ends = floating(whole, bits).real[[0, -1]]
    # Powers of the mean modulus of the roots give all coefficients about one size, and thus relative precision.
    radius = int(math.ldexp(abs(ends[0] / ends[1]) ** (0.5 / degree), bits))
    powers = [1 << bits]
    for _ in range(2 * degree):
        powers.append(powers[-1] * radius >> bits)
    scaled = Fixed(whole.re * np.array(powers[::2], object), whole.im).shifted(-bits)
    start = _from_roots(floating(scaled, bits).real)
    signs, goal = _signs(degree), scaled.shifted(bits)
    places = 2 * np.arange(degree + 1)[:, None] - np.arange(degree + 1)
    inside = (places >= 0) & (places <= degree)
    # Both terms of the derivative have the same coefficients of even powers.
    slope = np.where(inside, 2 * (start * signs.astype(float))[np.clip(places, 0, degree)], 0)

    def residual(found: Fixed) -> Fixed:
        return goal.minus(found.convolved(found.times(signs)).part(slice(None, None, 2)))

    found = _newton(fixed(start, bits), residual, slope, bits)
    return Fixed(*(np.array([(x << bits) // y for x, y in zip(part, powers, strict=False)], object) for part in found))


def _from_roots(whole: np.ndarray) -> np.ndarray:
    """Return the coefficients of F from those of R, in double precision."""
    roots = np.roots(whole[::-1])
    # Conjugates take the same sign, so that only square roots of negative numbers are without their conjugates.
    upper = roots[roots.imag >= 0]
    chosen: list[complex] = []
    for place, root in enumerate(upper[np.argsort(np.angle(upper))]):
        square_root = (-1) ** place * np.sqrt(complex(root))
        chosen += [square_root] if root.imag == 0 else [square_root, square_root.conjugate()]
    left, found = np.array(chosen), np.ones(1, complex)
    logs = np.log(np.abs(left))
    while len(left):
        # In the order of Leja the coefficients of all partial products are of moderate size.
        place = int(np.argmax(logs))
        root, left, logs = left[place], np.delete(left, place), np.delete(logs, place)
        found = np.convolve(found, [1, -1 / root])
        logs = logs + np.log(np.maximum(np.abs(left - root), np.finfo(float).tiny))
    return found * np.sqrt(whole[0])


def _newton(start: Fixed, residual: Callable[[Fixed], Fixed], slope: np.ndarray, bits: int) -> Fixed:
    factors, found, last = scipy.linalg.lu_factor(slope), start, None
    while True:
        rest = residual(found)
        size = rest.bits
        if size <= bits + 8 or (last is not None and size >= last):
            return found
        last = size
        step = scipy.linalg.lu_solve(factors, floating(rest, size))
        found = found.plus(fixed(step, 60).shifted(size - bits - 60))


def _stripped(upper: Fixed, lower: Fixed, bits: int) -> np.ndarray | None:
    """Return the rotations of A, leftmost first, by removing one rotation and one step after another."""
    rotations = []
    for _ in range(len(upper.re) - 1):
        # The leading coefficient has the range of the rotation's first column, in either column of A.
        columns = [
            (upper.re[-1], upper.im[-1], -lower.re[0], lower.im[0]),
            (lower.re[-1], lower.im[-1], upper.re[0], -upper.im[0]),
        ]
        column = max(columns, key=lambda numbers: sum(x * x for x in numbers))
        length = math.isqrt(sum(x * x for x in column))
        if length == 0:
            return None
        c, s, x, y = ((number << bits) // length for number in column)
        rotations.append(floating(Fixed(np.array([c, x], object), np.array([s, y], object)), bits))
        second = lower.reflected().times(np.array(-1, object)), upper.reflected()
        upper, lower = (
            Fixed(
                shifted(c * one.re + s * one.im + x * two.re + y * two.im, -bits)[1:],
                shifted(c * one.im - s * one.re + x * two.im - y * two.re, -bits)[1:],
            )
            for one, two in zip((upper, lower), second, strict=True)
        )
    a, b = floating(upper, bits)[0], floating(lower, bits)[0]
    rotations.append(np.array([a, -b.conjugate()]) / math.hypot(abs(a), abs(b)))
    return np.array(rotations)


def _angles(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return theta, phi, lam and mu, with phases moved through the steps to the rotation before."""
    theta, phi, up, down = [], [], 0.0, 0.0
    for a, b in columns:
        # diag(e^(i up), e^(i down)) G = diag(e^(i phase), 1) R(angle) diag(e^(i up'), e^(i down'))
        turn_a, turn_b = float(np.angle(a)), float(np.angle(b))
        theta.append(math.atan2(abs(b), abs(a)))
        phi.append(math.remainder(up + turn_a - down - turn_b, 2 * math.pi))
        up, down = math.remainder(down + turn_b, 2 * math.pi), math.remainder(down - turn_a, 2 * math.pi)
    return np.array(theta[::-1]), np.array(phi[::-1]), up - down, down


def _signs(degree: int) -> np.ndarray:
    return np.array([(-1) ** place for place in range(degree + 1)], object)
