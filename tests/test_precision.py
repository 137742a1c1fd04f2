"""Precision is the caller's: the environment decides, the package follows."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

pytestmark = pytest.mark.numerics

CONFIG_AROUND_IMPORT = """
import json, jax
before = dict(jax.config.values)
import qla_jax
print(json.dumps({name: [repr(before[name]), repr(value)]
                  for name, value in jax.config.values.items() if value != before[name]}))
"""


def test_lane_is_the_one_the_environment_names(x64):
    assert x64 == (os.environ["JAX_ENABLE_X64"] == "1")
    assert jnp.zeros(1).dtype == (jnp.float64 if x64 else jnp.float32)


def test_tolerances_are_above_rounding_and_below_significance(tol):
    unit = jnp.finfo(jnp.zeros(1).dtype).eps
    for name in ("exact", "rounding", "gradient"):
        assert 10 * unit < tol(name) < 1e-2


def changes_of_config(program: str) -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_the_package_leaves_the_configuration_of_jax_alone():
    assert changes_of_config(CONFIG_AROUND_IMPORT) == {}


def test_a_change_of_the_configuration_would_be_seen():
    program = CONFIG_AROUND_IMPORT.replace("import qla_jax", "jax.config.update('jax_debug_nans', True)")
    assert changes_of_config(program) == {"jax_debug_nans": ["False", "True"]}


def test_implicit_rank_promotion_raises():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.zeros(2) + jnp.zeros((2, 2))


@pytest.mark.x64
def test_what_is_marked_x64_runs_in_double_precision_only():
    assert jax.dtypes.canonicalize_dtype(float) == jnp.float64
