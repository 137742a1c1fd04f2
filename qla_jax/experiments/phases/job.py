"""From a formula to phase factors in a file: the work of the command `qla-jax phases`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from qla_jax._checks import as_integer, as_real
from qla_jax._files import write as write_file
from qla_jax.experiments.phases.expression import Function, parse
from qla_jax.phases.conventions import convention
from qla_jax.phases.sequence import PhaseFactors
from qla_jax.phases.solve import phase_factors
from qla_jax.polynomials import chebyshev

NEGLIGIBLE = 1e-12
"""A coefficient of the other parity that counts as rounding, relative to the largest value."""
POLE = 1e9
"""Value from which on a target counts as infinite: points of a grid come next to a pole, and miss it by rounding."""
ROUNDING = 1e-12
"""What rounding may add to a target of size one."""
UNRESOLVED = 0.5
"""Error of an interpolant relative to the largest value of its target from which on it counts as not resolved: a
polynomial of zero has 1. Lower degrees than needed are a choice, and their error is stated."""
POINTS_PER_DEGREE = 10
FEWEST_POINTS = 1000
FORMAT = "qla-jax phase factors, version 1"


@dataclass(frozen=True)
class PhaseJob:
    """A formula with its degree, and the phases that were found for it.

    Attributes:
        expression: the formula f.
        scale: the target is `scale` times f.
        asked_degree: degree of the interpolant before its parity was known.
        coeffs: Chebyshev coefficients of the interpolant P of the target, shape (degree + 1,).
        dropped: the largest coefficient of the other parity, which is set to zero.
        error: max |P - target| over `points` points.
        points: number of these points.
        phases: in the convention asked for; |Re(<0|U|0>/c) - P| is at most their residual.
    """

    expression: str
    scale: float
    asked_degree: int
    coeffs: np.ndarray
    dropped: float
    error: float
    points: int
    phases: PhaseFactors

    @property
    def degree(self) -> int:
        """Degree of the polynomial: that asked for, or one less, by its parity."""
        return len(self.coeffs) - 1

    @property
    def parity(self) -> str:
        """Parity of the polynomial."""
        return ("even", "odd")[self.degree % 2]

    def document(self) -> dict:
        """Return everything as JSON has it: numbers, lists, text; what is infinite is null."""
        with jax.enable_x64(True):
            constant = complex(self.phases.global_phase)
        entry = convention(self.phases.convention)
        return {
            "format": FORMAT,
            "expression": self.expression,
            "scale": self.scale,
            "degree": self.degree,
            "parity": self.parity,
            "convention": entry.name,
            "how_to_read": HOW_TO_READ,
            "convention_source": entry.source,
            "global_phase": [constant.real, constant.imag],
            "phases": np.asarray(self.phases.values).tolist(),
            "chebyshev_coefficients": self.coeffs.tolist(),
            "approximation_error": self.error,
            "approximation_error_points": self.points,
            "residual": _finite(self.phases.residual),
            "sup_bound": _finite(self.phases.sup_bound),
            "converged": bool(self.phases.converged),
        }

    @property
    def title(self) -> str:
        """Title of a figure."""
        name = self.expression if self.scale == 1 else f"{self.scale:g} ({self.expression})"
        return f"{name}, degree {self.degree}, {self.phases.convention}"

    def target(self, x: np.ndarray) -> np.ndarray:
        """Return `scale` times f at points x."""
        return self.scale * parse(self.expression)(x)


HOW_TO_READ = (
    "phases: radians, in the order of the convention. With c = global_phase = [real, imaginary], the real part of "
    "<0|U(x)|0>/c is the polynomial sum_k chebyshev_coefficients[k] T_k(x) on [-1, 1], up to residual; the polynomial "
    "is scale times expression, up to approximation_error at the points where that was measured. In the convention "
    "wx, U(x) = e^(i phases[0] Z) W(x) e^(i phases[1] Z) W(x) ... e^(i phases[d] Z), W(x) = [[x, i s], [i s, x]], "
    "s = sqrt(1 - x^2), Z = diag(1, -1), c = 1; for others see convention_source."
)


def run(expression: str, degree: int, *, name: str = "wx", scale: float = 1.0) -> PhaseJob:
    """Interpolate at Chebyshev nodes, find the parity, and solve, in float64 whatever the caller's precision.

    Raises:
        ValueError: a formula that is not one, not finite or of no definite parity on [-1, 1]; a polynomial that reaches
            1; a target above 1, or one that the interpolant does not resolve; an unknown convention, or one without
            this degree.
    """
    degree, scale = as_integer("degree", degree, least=0), as_real("scale", scale)
    if not np.isfinite(scale):
        raise ValueError(f"`scale` must be finite, but is {scale}.")
    convention(name)  # before the work
    function = parse(expression)
    points = max(FEWEST_POINTS, POINTS_PER_DEGREE * (degree + 1)) + 1
    x = -np.cos(np.linspace(0, np.pi, points))
    target = scale * function(x)
    coeffs, dropped = _interpolate(function, degree, scale)
    _require_finite(target, x)
    _require_below_one(coeffs, scale, np.abs(target).max())
    error = float(np.abs(np.polynomial.chebyshev.chebval(x, coeffs) - target).max())
    _require_resolved(target, x, error, len(coeffs) - 1)
    with jax.enable_x64(True):
        phases = phase_factors(coeffs, parity=("even", "odd")[(len(coeffs) - 1) % 2]).to(name)
    return PhaseJob(expression, scale, degree, coeffs, dropped, error, points, phases)


def write(job: PhaseJob, path: Path) -> None:
    """Write the document as JSON in UTF-8, numbers with all of their digits."""
    write_file(path, text(job))


def text(job: PhaseJob) -> str:
    """Return the document as JSON."""
    return json.dumps(job.document(), indent=1, allow_nan=False) + "\n"


def _interpolate(function: Function, degree: int, scale: float) -> tuple[np.ndarray, float]:
    """Return coefficients of definite parity, and the largest one of the other parity."""
    nodes = chebyshev.nodes(degree + 1)
    values: Any = scale * function(nodes)  # the series of a NumPy array is one, too
    _require_finite(values, nodes)
    coeffs = chebyshev.interpolate(values)
    even, odd = (np.abs(coeffs[start::2]).max(initial=0.0) for start in (0, 1))
    dropped, parity = (odd, 0) if even >= odd else (even, 1)
    if dropped > NEGLIGIBLE * np.abs(values).max():
        raise ValueError(
            f"`expression` must be even or odd, but its interpolant has even coefficients up to {even:.3g} and odd "
            f"ones up to {odd:.3g}: take (f(x) + f(-x))/2 and (f(x) - f(-x))/2 apart."
        )
    coeffs = coeffs[: degree + 1 - (degree - parity) % 2]
    return np.where(np.arange(len(coeffs)) % 2 == parity, coeffs, 0.0), float(dropped)


def _require_below_one(coeffs: Any, scale: float, largest: float) -> None:
    peak = np.abs(chebyshev.at_nodes(coeffs, 8 * len(coeffs))).max()
    if not peak < 1:
        raise ValueError(
            f"the interpolant reaches {peak:.9g} on [-1, 1], and has to stay below 1; nothing is rescaled here: give "
            f"--scale below {scale / max(peak, largest):.6g}."
        )


def _require_resolved(target: np.ndarray, x: np.ndarray, error: float, degree: int) -> None:
    """Refuse a target that no phases answer, and an interpolant that says next to nothing about its target."""
    sizes = np.abs(target)
    peak, place = float(sizes.max()), x[sizes.argmax()]
    if peak > 1 + ROUNDING:
        raise ValueError(
            f"scale times `expression` must be at most 1 in size on [-1, 1], but at x = {place:.6g} it is "
            f"{target[sizes.argmax()]:.6g}: no phases answer that, whatever the degree. Give a smaller --scale."
        )
    if error > UNRESOLVED * peak:
        raise ValueError(
            f"`degree` must resolve `expression`, but at degree {degree} the interpolant is off by {error:.3g}, where "
            f"the largest value is {peak:.3g}: raise --degree, or smooth a jump, as erf(20*x) does for sign(x)."
        )


def _require_finite(values: np.ndarray, x: np.ndarray) -> None:
    infinite = ~(np.abs(values) < POLE)
    if infinite.any():
        place = np.flatnonzero(infinite)[0]
        raise ValueError(f"`expression` must be finite on [-1, 1], but at x = {x[place]:.6g} it is {values[place]}.")


def _finite(number: jax.Array) -> float | None:
    return float(number) if np.isfinite(number) else None
