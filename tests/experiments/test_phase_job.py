"""The study behind the command."""

import dataclasses

import numpy as np
import pytest

from qla_jax.experiments.phases import job as phase_job

pytestmark = pytest.mark.x64


@pytest.mark.parametrize(
    ("degree", "scale", "told"),
    [(-1, 1.0, "`degree` must be at least 0, but is -1"), (3, np.inf, "`scale` must be finite, but is inf")],
)
def test_bad_numbers_are_refused(degree, scale, told):
    with pytest.raises(ValueError, match=told):
        phase_job.run("x/2", degree, scale=scale)


def test_what_is_infinite_is_null_in_the_document():
    job = phase_job.run("x/2", 3)
    unsolved = dataclasses.replace(job, phases=job.phases.replace(residual=np.array(np.inf)))
    assert unsolved.document()["residual"] is None
    assert job.document()["residual"] < 1e-15
