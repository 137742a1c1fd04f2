"""The study behind the command."""

from functools import partial

import jax
import numpy as np
import pytest

from qla_jax.experiments.core import runner
from qla_jax.experiments.phases import job as phase_job

pytestmark = pytest.mark.x64


@pytest.mark.parametrize(
    ("degree", "scale", "told"),
    [(-1, 1.0, "`degree` must be at least 0, but is -1"), (3, np.inf, "`scale` must be finite, but is inf")],
)
def test_bad_numbers_are_refused(degree, scale, told):
    with pytest.raises(ValueError, match=told):
        phase_job.run("x/2", degree, scale=scale)


def test_what_is_infinite_is_null_in_the_document(monkeypatch):
    assert phase_job.run("x/2", 3).report.residual < 1e-15
    solve = phase_job.phase_factors
    monkeypatch.setattr(
        phase_job, "phase_factors", lambda *some, **more: solve(*some, **more).replace(residual=np.array(np.inf))
    )
    found = phase_job.run("x/2", 3).report
    assert found.residual is None and not np.isfinite(found.factors().residual)


def test_phases_of_a_report_are_those_of_its_file_whatever_the_callers_precision():
    found = phase_job.run("erf(2*x)/2", 9).report
    with jax.enable_x64(False):
        factors = found.factors()
    assert factors.values.dtype == np.float64 and np.asarray(factors.values).tolist() == found.phases
    assert float(factors.residual) == found.residual


def test_the_study_says_what_was_found_and_that_phases_did_not_converge(monkeypatch):
    report = runner.run(phase_job.study("x/2", 3))
    assert report.findings.failures == [] and report.findings.numbers["report"].degree == 3
    assert [plot.name for plot in report.findings.plots] == ["response", "error"]
    monkeypatch.setattr(phase_job, "phase_factors", partial(phase_job.phase_factors, tol=1e-19))
    (line,) = runner.run(phase_job.study("sin(3*x)/2", 9)).findings.failures
    assert line == "the phases did not converge."
