"""The picture of phase factors, and the curves that it is drawn from."""

import numpy as np
import pytest
import scipy.special

from qla_jax import polynomials
from qla_jax.experiments.phases import job as phase_job
from qla_jax.experiments.phases.figures import curves, response
from qla_jax.phases.solve import phase_factors

pytestmark = pytest.mark.x64


@pytest.mark.parametrize("name", ["wx", "pyqsp", "cudaq", "wz"])
def test_the_curves_are_those_of_the_target_whatever_the_convention(name):
    job = phase_job.run("erf(2*x)", 9, name=name, scale=0.5).report
    drawn, error = curves(job.factors(), np.asarray(job.chebyshev_coefficients), job.target), job.approximation_error
    assert np.abs(drawn.response - 0.5 * scipy.special.erf(2 * drawn.x)).max() <= error + 1e-14
    assert drawn.response_error.max() <= drawn.residual + 1e-14
    assert 0.3 * error <= drawn.approximation_error.max() <= 1.01 * error
    assert job.title == f"0.5 (erf(2*x)), degree 9, {name}"


def test_a_figure_of_a_polynomial_and_its_phases_has_both_curves_and_their_distance():
    poly = polynomials.cos(5.0, degree=10).scaled(0.5)
    phases = phase_factors(poly)
    above, below = response(phases, poly).axes
    target, answer = above.lines
    np.testing.assert_allclose(answer.get_ydata(), target.get_ydata(), rtol=0, atol=1e-14)
    assert above.get_title() == "degree 10, wx"
    assert below.lines[0].get_label() == "response against polynomial, rounding included"
    assert [text.get_text() for text in below.texts] == ["residual"] and len(below.lines) == 2
    wrong = phases.replace(values=phases.values.at[3].add(0.1))  # negative control
    assert curves(wrong, poly).response_error.max() > 1e-3
