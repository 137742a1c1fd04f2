"""Phase factors as a picture: what they answer to each signal, and how far that is from what was wanted.

Example:
    >>> poly = polynomials.erf(4.0, degree=41).scaled(0.9)
    >>> figure = response(phase_factors(poly), poly, lambda x: 0.9 * scipy.special.erf(4 * x))  # doctest: +SKIP
    >>> figure.savefig("erf.png")  # doctest: +SKIP
"""

from collections.abc import Callable

import jax
import numpy as np
from jax.typing import ArrayLike
from matplotlib.figure import Figure
from numpy.polynomial import chebyshev as series

from qla_jax.experiments.report.figures import BLUE, GREY, ORANGE
from qla_jax.phases.response import qsp_response
from qla_jax.phases.sequence import PhaseFactors
from qla_jax.polynomials.polynomial import Polynomial

FIGURE_POINTS = 1000
"""Fewest points of a curve."""

Target = Callable[[np.ndarray], np.ndarray]

SMALLEST = 1e-18
"""Errors of exactly zero have no place on a logarithmic axis."""


def response(
    phases: PhaseFactors, poly: Polynomial | ArrayLike, target: Target | None = None, title: str = ""
) -> Figure:
    """Target and response above, their distances below.

    Args:
        phases: in any convention.
        poly: what they were found for, or its Chebyshev coefficients.
        target: what that stands for, of a NumPy array; the polynomial itself unless given.
        title: of the figure; degree and convention unless given.
    """
    drawn = curves(phases, poly, target)
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    x = drawn["x"]
    above.plot(x, drawn["target"], color=GREY, linewidth=3, alpha=0.5, label="target")
    above.plot(x, drawn["response"], color=BLUE, linewidth=1, label="response")
    above.set(ylabel="amplitude", title=title or f"degree {phases.degree}, {phases.convention}")
    above.legend(frameon=False)
    for name, color, label in (
        ("approximation_error", ORANGE, "polynomial against target"),
        ("response_error", BLUE, "response against polynomial, rounding included"),
    )[target is None :]:
        below.semilogy(x, np.maximum(drawn[name], SMALLEST), color=color, linewidth=1, label=label)
    if drawn["residual"] is not None:
        below.axhline(max(drawn["residual"], SMALLEST), color=BLUE, linestyle="--", linewidth=1, label="residual")
    below.set(xlabel="x", ylabel="error", xlim=(-1, 1))
    below.legend(frameon=False, fontsize=8)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def curves(phases: PhaseFactors, poly: Polynomial | ArrayLike, target: Target | None = None) -> dict:
    """What such a figure shows, at Chebyshev points x."""
    x = -np.cos(np.linspace(0, np.pi, max(FIGURE_POINTS, 4 * phases.degree) + 1))
    with jax.enable_x64(True):
        answers = (np.asarray(qsp_response(phases, x)) / complex(phases.global_phase)).real
    polynomial = series.chebval(x, np.asarray(poly.coeffs if isinstance(poly, Polynomial) else poly))
    wanted = polynomial if target is None else target(x)
    return {
        "x": x,
        "target": wanted,
        "response": answers,
        "approximation_error": np.abs(polynomial - wanted),
        "response_error": np.abs(answers - polynomial),
        "residual": float(phases.residual) if np.isfinite(phases.residual) else None,
    }
