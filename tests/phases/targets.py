"""What the laws of phase factors run over, and oracles that share no code with the package.

The oracles multiply 2 x 2 matrices in extended precision where NumPy has it (80 bits on x86), so that what they say
about a residual of 1e-15 is not their own rounding.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev as series
from scipy.special import jv

DEGREES = (0, 1, 2, 3, 8, 9, 50, 51, 300)
SUP_NORMS = (0.5, 0.99, 0.9999, 1 - 1e-6)


@dataclass(frozen=True)
class Target:
    """A polynomial by its Chebyshev coefficients, |f| up to `sup`."""

    name: str
    coeffs: np.ndarray
    sup: float

    @property
    def degree(self) -> int:
        return len(self.coeffs) - 1

    @property
    def parity(self) -> str:
        return ("even", "odd")[self.degree % 2]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return series.chebval(x, self.coeffs.astype(x.dtype))


def sup_norm(coeffs: np.ndarray) -> float:
    """The maximum over so many points that it is within 1e-7 of the true one."""
    count = 1 << (4000 * len(coeffs)).bit_length()
    return float(np.abs(np.fft.rfft(coeffs, count).real).max())


@functools.cache
def random_coeffs(degree: int, seed: int = 0) -> np.ndarray:
    coeffs = np.random.default_rng([degree, seed]).normal(size=degree + 1)
    coeffs[1 - degree % 2 :: 2] = 0
    return coeffs / sup_norm(coeffs)


def cosine_coeffs(degree: int) -> np.ndarray:
    """Jacobi-Anger: cos(tx), or sin(tx), with the t of which this degree is about enough."""
    k = np.arange(degree + 1)
    coeffs = 2 * jv(k, 0.8 * degree) * (-1.0) ** (k // 2)
    coeffs[0] /= 2
    coeffs[1 - degree % 2 :: 2] = 0
    return coeffs / sup_norm(coeffs)


def chebyshev_coeffs(degree: int) -> np.ndarray:
    """T_d touches its bound d + 1 times."""
    return np.eye(1, degree + 1, degree)[0]


def _targets() -> list[Target]:
    found = [Target("zero", np.zeros(d + 1), 0.0) for d in (0, 1, 8, 51)]
    found += [Target("leading zeros", np.r_[random_coeffs(d), np.zeros(d)] / 2, 0.5) for d in (2, 8, 50)]
    for degree in DEGREES:
        shapes = {"random": random_coeffs(degree), "chebyshev": chebyshev_coeffs(degree)}
        if degree > 3:
            shapes["cosine"] = cosine_coeffs(degree)
        found += [Target(name, sup * coeffs, sup) for name, coeffs in shapes.items() for sup in SUP_NORMS]
    return found


TARGETS = _targets()
IDS = [f"{target.name}-{target.degree}-{1 - target.sup:.0e}-below-1" for target in TARGETS]


@functools.cache
def points(count: int = 97, seed: int = 1) -> np.ndarray:
    """Both ends, the middle, and points that no solver's grid has, in extended precision."""
    inner = np.random.default_rng(seed).uniform(-1, 1, count - 3)
    return np.r_[-1, 0, 1, inner].astype(np.longdouble)


def product(phases: np.ndarray, x: np.ndarray) -> np.ndarray:
    r"""$e^{i\phi_0Z}\prod_jW(x)e^{i\phi_jZ}$, shape (len(x), 2, 2), in the precision of x."""
    complex_type = np.result_type(x.dtype, np.complex64)
    signal = np.empty((len(x), 2, 2), complex_type)
    signal[:, 0, 0] = signal[:, 1, 1] = x
    signal[:, 0, 1] = signal[:, 1, 0] = 1j * np.sqrt((1 - x) * (1 + x))
    turns = np.exp(1j * np.asarray(phases).astype(x.dtype))
    result = np.zeros_like(signal)
    result[:, 0, 0], result[:, 1, 1] = turns[0], turns[0].conj()
    for turn in turns[1:]:
        result = np.einsum("xij,xjk->xik", result, signal) * np.array([turn, turn.conj()])
    return result


def largest_error(values: np.ndarray, target: Target, x: np.ndarray) -> float:
    """Of Re <0|U|0> against the target."""
    return float(np.abs(product(values, x)[:, 0, 0].real - target(x)).max())
