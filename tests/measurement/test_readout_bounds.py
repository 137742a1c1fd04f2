"""Bounds where they are tight: the worst errors that a protocol allows, made on purpose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.measurement import chebyshev_readout, from_chebyshev, shadow_readout
from qla_jax.measurement.noise import EstimationModel
from qla_jax.measurement.shadows import ShadowReadout
from tests.cases import real

TRUTH, OUTLIER = 0.25, 1e9


class WorstNoise(EstimationModel):
    """Every coefficient is off by the whole precision, all to one side: the error of the first entry adds up."""

    @property
    def name(self):
        return "worst"

    @property
    def single_failure(self):
        return 0.0

    def sample(self, c, eps, *, key):
        return c + eps


class RareOutliers(ShadowReadout):
    """Snapshots that tell the truth but for one in four hundred, which spoils the mean of all."""

    def snapshot(self, psi, *, key):
        return jnp.where(jax.random.uniform(key, (1,)) < 1 / 400, OUTLIER, TRUTH)


def test_the_bound_of_an_entry_is_attained():
    """Up to what the first entry lacks: the node next to the end is not the end."""
    readout = chebyshev_readout(rank=(2, 4), relative_eps=0.1, noise=WorstNoise())

    @jax.jit
    def views(c, key):
        x = from_chebyshev(c, (32, 64), (0, 1))
        return x, readout(x, key=key)

    x, found = views(jnp.asarray(real(2, 4)), jax.random.key(0))
    worst = np.abs(np.asarray(found.values) - x)
    assert worst.argmax() == 0
    assert 0.99 * float(found.entry_bound) < worst.max() <= float(found.entry_bound) * (1 + 1e-12)
    assert np.linalg.norm(worst) == pytest.approx(float(found.error_bound))
    assert float(found.entry_bound) < 0.7 * float(found.error_bound)


def test_medians_of_means_are_robust_to_outliers():
    """Fewer than half of the groups hold one."""
    settings = shadow_readout("ZZ", copies=1100)
    assert settings.plan()[:2] == (11, 100)
    readout = RareOutliers(**vars(settings))
    key = jax.random.key(0)
    values, everything = jax.jit(
        lambda state: (
            readout(state, key=key).values,
            jax.vmap(lambda key: readout.snapshot(state, key=key))(jax.random.split(key, 1100)),
        )
    )(jnp.ones(4))
    assert float(values[0]) == TRUTH
    assert float(everything.mean()) > 1000, "the mean must be spoilt"


def test_copies_that_cannot_be_counted_are_refused(key):
    state = np.ones(4)
    with pytest.raises(ValueError, match="`copies` must be at most 9223372036854775807, but is 1121999999999999"):
        shadow_readout("ZI", relative_eps=1e-8)(state, key=key)


def test_memory_does_not_grow_with_the_number_of_copies(key):
    """A compiled program says what it takes; copies of 2 GiB would be seen."""
    taken = [
        jax.jit(shadow_readout("ZI", copies=copies))
        .lower(jnp.ones(4), key=key)
        .compile()
        .memory_analysis()
        .temp_size_in_bytes
        for copies in (10**5, 10**9)
    ]
    assert taken[0] == taken[1] < 2**22


@pytest.mark.parametrize("ensemble", ["pauli", "clifford"])
def test_the_identity_alone_is_one_without_error(key, ensemble):
    found = shadow_readout(["II"], relative_eps=0.1, ensemble=ensemble)(jnp.array([1.0, 2.0, 0, 3.0]), key=key)
    np.testing.assert_allclose(found.values, [1.0], rtol=0, atol=1e-12)
    assert 1 <= int(found.shots) <= 20
