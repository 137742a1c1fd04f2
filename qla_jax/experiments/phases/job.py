"""Phase factors of a formula, written to a file: the work of the command `qla-jax phases`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax._checks import as_integer, as_real
from qla_jax.experiments.core.study import Findings, Study
from qla_jax.experiments.phases.figures import plots
from qla_jax.phases.conventions import convention
from qla_jax.phases.sequence import PhaseFactors, from_phases
from qla_jax.phases.solve import phase_factors
from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.formula import Function, parse

NEGLIGIBLE = 1e-12
"""Largest coefficient of the other parity that counts as rounding, relative to the largest value."""
POLE = 1e9
"""Value from which on a target counts as infinite, since points of a grid are next to a pole and not exactly at it."""
ROUNDING = 1e-12
"""Allowance for rounding of a target of size one."""
UNRESOLVED = 0.5
"""Error of an interpolant from which on its target counts as not resolved, relative to the target's largest value.

A polynomial of zero has the error 1. Lower degrees than needed are a choice of the user, and their error is stated.
"""
POINTS_PER_DEGREE = 10
FEWEST_POINTS = 1000
FORMAT = "qla-jax phase factors, version 1"


HOW_TO_READ = (
    "phases: radians, in the order of the convention. With c = global_phase = [real, imaginary], the real part of "
    "<0|U(x)|0>/c is the polynomial sum_k chebyshev_coefficients[k] T_k(x) on [-1, 1], up to residual; the polynomial "
    "is scale times expression, up to approximation_error at the points where that was measured. In the convention "
    "wx, U(x) = e^(i phases[0] Z) W(x) e^(i phases[1] Z) W(x) ... e^(i phases[d] Z), W(x) = [[x, i s], [i s, x]], "
    "s = sqrt(1 - x^2), Z = diag(1, -1), c = 1; for others see convention_source."
)


@dataclass(frozen=True)
class PhaseReport:
    """Content of the file, in the order of its keys.

    Attributes:
        format: name and version of this form.
        expression: formula f.
        scale: factor of f in the target.
        degree: degree of the polynomial P that interpolates the target: that asked for, or one less, by its parity.
        parity: parity of the polynomial.
        convention: name of the convention of the phases.
        how_to_read: meaning of the phases in words.
        convention_source: source of the convention.
        global_phase: real and imaginary part of the c of the convention.
        phases: phases in radians; |Re(<0|U|0>/c) - P| is at most their residual.
        chebyshev_coefficients: coefficients of the polynomial, low to high.
        approximation_error: max |P - target| over some points.
        approximation_error_points: number of these points.
        residual: residual of the phases, null where it is not known.
        sup_bound: proven upper bound on |P|, null where there is none.
        converged: whether the residual is rounding.
    """

    format: str
    expression: str
    scale: float
    degree: int
    parity: str
    convention: str
    how_to_read: str
    convention_source: str
    global_phase: tuple[float, float]
    phases: list[float]
    chebyshev_coefficients: list[float]
    approximation_error: float
    approximation_error_points: int
    residual: float | None
    sup_bound: float | None
    converged: bool

    @property
    def title(self) -> str:
        """Title of a figure of the phases."""
        name = self.expression if self.scale == 1 else f"{self.scale:g} ({self.expression})"
        return f"{name}, degree {self.degree}, {self.convention}"

    def target(self, x: np.ndarray) -> np.ndarray:
        """Return `scale` times f at points x."""
        return self.scale * parse(self.expression)(x)

    def factors(self) -> PhaseFactors:
        """Return the phases as a value in float64; an unknown residual is infinite."""
        with jax.enable_x64(True):
            known = from_phases(np.asarray(self.phases), self.convention)
            return known if self.residual is None else known.replace(residual=jnp.asarray(self.residual))


@dataclass(frozen=True)
class Found:
    """Report, and the largest coefficient of the other parity, which is set to zero."""

    report: PhaseReport
    dropped: float


def study(expression: str, degree: int, *, name: str = "wx", scale: float = 1.0) -> Study:
    """Build the study with a single item, the phases of a formula.

    Args:
        expression: formula in x.
        degree: degree of the polynomial.
        name: name of the convention.
        scale: factor of the formula.
    """
    settings = {"expression": expression, "degree": degree, "convention": name, "scale": scale}
    items = {"phases": lambda rows: run(expression, degree, name=name, scale=scale)}
    return Study("phases", "Phase factors", settings, items, summary, row=Found, bounded=False)


def summary(rows: Mapping[str, Found]) -> Findings:
    """Return the quality of the phases in lines, and both parts of the figure."""
    found = rows["phases"].report
    other, sup_bound = ("odd", "even")[found.degree % 2], math.inf if found.sup_bound is None else found.sup_bound
    residual = math.inf if found.residual is None else found.residual
    told = {
        "degree": f"{found.degree}, {found.parity}; {other} coefficients up to {rows['phases'].dropped:.1e} left out",
        "sup bound": f"{sup_bound:.9g}",
        "approximation error": f"{found.approximation_error:.3e} on {found.approximation_error_points} points",
        "residual": f"{residual:.3e}",
        "converged": "yes" if found.converged else "no",
        "phases": f"{len(found.phases)} in the convention {found.convention}",
    }
    return Findings(
        numbers={"report": found},
        remarks=[f"{name:<20} {one}" for name, one in told.items()],
        failures=[] if found.converged else ["the phases did not converge."],
        plots=plots(found.factors(), np.asarray(found.chebyshev_coefficients), found.target, found.title),
    )


def run(expression: str, degree: int, *, name: str = "wx", scale: float = 1.0) -> Found:
    """Interpolate at Chebyshev nodes, determine the parity and solve for phases, in float64.

    Args:
        expression: formula in x.
        degree: degree of the polynomial.
        name: name of the convention.
        scale: factor of the formula.

    Raises:
        ValueError: a formula that is not one, not finite or of no definite parity on [-1, 1]; a polynomial that reaches
            1; a target above 1, or one that the interpolant does not resolve; an unknown convention, or one without
            this degree.
    """
    degree, scale = as_integer("degree", degree, least=0), as_real("scale", scale)
    if not np.isfinite(scale):
        raise ValueError(f"`scale` must be finite, but is {scale}.")
    entry = convention(name)  # checked before any work
    function = parse(expression)
    points = max(FEWEST_POINTS, POINTS_PER_DEGREE * (degree + 1)) + 1
    x = -np.cos(np.linspace(0, np.pi, points))
    target = scale * function(x)
    coeffs, dropped = _interpolate(function, degree, scale)
    _require_finite(target, x)
    _require_below_one(coeffs, scale, np.abs(target).max())
    error = float(np.abs(np.polynomial.chebyshev.chebval(x, coeffs) - target).max())
    _require_resolved(target, x, error, len(coeffs) - 1)
    parity = ("even", "odd")[(len(coeffs) - 1) % 2]
    with jax.enable_x64(True):
        phases = phase_factors(coeffs, parity=parity).to(name)
        constant = complex(phases.global_phase)
    report = PhaseReport(
        format=FORMAT,
        expression=expression,
        scale=scale,
        degree=len(coeffs) - 1,
        parity=parity,
        convention=entry.name,
        how_to_read=HOW_TO_READ,
        convention_source=entry.source,
        global_phase=(constant.real, constant.imag),
        phases=np.asarray(phases.values).tolist(),
        chebyshev_coefficients=coeffs.tolist(),
        approximation_error=error,
        approximation_error_points=points,
        residual=_finite(phases.residual),
        sup_bound=_finite(phases.sup_bound),
        converged=bool(phases.converged),
    )
    return Found(report, dropped)


def _interpolate(function: Function, degree: int, scale: float) -> tuple[np.ndarray, float]:
    """Return coefficients of definite parity, and the largest one of the other parity."""
    nodes = chebyshev.nodes(degree + 1)
    values: Any = scale * function(nodes)  # a NumPy array gives a NumPy array
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
    """Refuse a target that no phases can represent, and an interpolant that does not resolve its target."""
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
