"""The study behind the command: what its figure is drawn from."""

import dataclasses

import numpy as np
import pytest

from qla_jax.studies import phase_job

pytestmark = pytest.mark.x64


@pytest.mark.parametrize("name", ["wx", "pyqsp", "cudaq", "wz"])
def test_the_curves_are_those_of_the_target_whatever_the_convention(name):
    job = phase_job.run("erf(2*x)", 9, name=name, scale=0.5)
    curves = job.curves()
    assert np.abs(curves["response"] - curves["target"]).max() <= job.error + 1e-14
    assert curves["response_error"].max() <= curves["residual"] + 1e-14
    assert 0.3 * job.error <= curves["approximation_error"].max() <= 1.01 * job.error
    assert curves["title"] == f"0.5 (erf(2*x)), degree 9, {name}"
    assert all(curves[key].shape == curves["x"].shape for key in ("target", "response", "response_error"))


@pytest.mark.parametrize(
    ("degree", "scale", "told"),
    [(-1, 1.0, "`degree` must be 0 or more, but is -1"), (3, np.inf, "`scale` must be finite, but is inf")],
)
def test_bad_numbers_are_refused(degree, scale, told):
    with pytest.raises(ValueError, match=told):
        phase_job.run("x/2", degree, scale=scale)


def test_what_is_infinite_is_null_in_the_document():
    job = phase_job.run("x/2", 3)
    unsolved = dataclasses.replace(job, phases=job.phases.replace(residual=np.array(np.inf)))
    assert unsolved.document()["residual"] is None
    assert job.document()["residual"] < 1e-15
