"""Figures of phase factors: their response to each signal, and its distance from the target.

Example:
    >>> poly = polynomials.erf(4.0, degree=41).scaled(0.9)
    >>> figure = response(phase_factors(poly), poly, lambda x: 0.9 * scipy.special.erf(4 * x))  # doctest: +SKIP
    >>> figure.savefig("erf.png")  # doctest: +SKIP
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike
from matplotlib.figure import Figure
from numpy.polynomial import chebyshev as series

from qla_jax.experiments.core.figures import Line, Plot, Series
from qla_jax.experiments.report.draw import draw_below_each_other
from qla_jax.phases.response import qsp_response
from qla_jax.phases.sequence import PhaseFactors
from qla_jax.polynomials.polynomial import Polynomial

FIGURE_POINTS = 1000
"""Least number of points of a curve."""
SMALLEST = 1e-18
"""Value that stands for errors of exactly zero on a logarithmic axis."""

Target = Callable[[np.ndarray], np.ndarray]


class Curves(NamedTuple):
    """Target, response, and errors of polynomial and response at Chebyshev points x, with a residual if it is known."""

    x: np.ndarray
    target: np.ndarray
    response: np.ndarray
    approximation_error: np.ndarray
    response_error: np.ndarray
    residual: float | None


def response(
    phases: PhaseFactors, poly: Polynomial | ArrayLike, target: Target | None = None, title: str = ""
) -> Figure:
    """Draw target and response above, and their distances below.

    Args:
        phases: phases in any convention.
        poly: polynomial that they were found for, or its Chebyshev coefficients.
        target: function of a NumPy array that the polynomial stands for, by default the polynomial itself.
        title: title of the figure, by default degree and convention.
    """
    return draw_below_each_other(*plots(phases, poly, target, title))


def plots(
    phases: PhaseFactors, poly: Polynomial | ArrayLike, target: Target | None = None, title: str = ""
) -> tuple[Plot, Plot]:
    """Return both parts of the figure of `response` as data.

    Args:
        phases: phases in any convention.
        poly: polynomial that they were found for, or its Chebyshev coefficients.
        target: function of a NumPy array that the polynomial stands for, by default the polynomial itself.
        title: title of the figure, by default degree and convention.
    """
    drawn = curves(phases, poly, target)
    x = drawn.x.tolist()
    below = [
        Series(label, x, np.maximum(values, SMALLEST).tolist(), style="-", color=color)
        for values, color, label in (
            (drawn.approximation_error, "orange", "polynomial against target"),
            (drawn.response_error, "blue", "response against polynomial, rounding included"),
        )[target is None :]
    ]
    residual = [] if drawn.residual is None else [Line(max(drawn.residual, SMALLEST), "residual")]
    return (
        Plot(
            "response",
            "x",
            "amplitude",
            [
                Series("target", x, drawn.target.tolist(), style="-", color="#bbbbbb"),
                Series("response", x, drawn.response.tolist(), style="--", color="blue"),
            ],
            title=title or f"degree {phases.degree}, {phases.convention}",
            caption="The target function, and the response of the phase factors by products of 2 x 2 matrices.",
        ),
        Plot(
            "error",
            "x",
            "error",
            below,
            yscale="log",
            lines=residual,
            caption="Distances of the response from the polynomial and of the polynomial from the target; the dashed "
            "line is the residual that the phase factors report.",
        ),
    )


def curves(phases: PhaseFactors, poly: Polynomial | ArrayLike, target: Target | None = None) -> Curves:
    """Return the curves of the figure of `response`.

    Args:
        phases: phases in any convention.
        poly: polynomial that they were found for, or its Chebyshev coefficients.
        target: function of a NumPy array that the polynomial stands for, by default the polynomial itself.
    """
    x = -np.cos(np.linspace(0, np.pi, max(FIGURE_POINTS, 4 * phases.degree) + 1))
    with jax.enable_x64(True):
        answers = (np.asarray(qsp_response(phases, x)) / complex(phases.global_phase)).real
    polynomial = series.chebval(x, np.asarray(poly.coeffs if isinstance(poly, Polynomial) else poly))
    wanted = polynomial if target is None else target(x)
    residual = float(phases.residual) if np.isfinite(phases.residual) else None
    return Curves(x, wanted, answers, np.abs(polynomial - wanted), np.abs(answers - polynomial), residual)
