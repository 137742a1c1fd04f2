"""Costs of a trained network in its regime, compared with the circuit that is built from its weights."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qla_jax.accounting.costs import cost
from qla_jax.experiments.coherent.summary import regime_rows
from qla_jax.experiments.core.results import to_json
from qla_jax.networks.regimes import Setting, network, plan
from qla_jax.nn import CoherentResNet, ConvolutionWeight, DenseWeight
from qla_jax.nn.coherent_costs import Uncounted, regime_costs
from qla_jax.nn.trace import Traced
from tests.cases import real

pytestmark = pytest.mark.x64

IMAGES = np.ones((1, 4), np.float32)


def dense(blocks: int) -> CoherentResNet:
    return CoherentResNet([DenseWeight(4, rngs=nnx.Rngs(k)) for k in range(blocks)], sizes=(4,), outcomes=4)


def convolutional(blocks: int) -> CoherentResNet:
    weights = [ConvolutionWeight(4, (2, 2), rngs=nnx.Rngs(k)) for k in range(blocks)]
    return CoherentResNet(weights, sizes=(4, 2, 2), outcomes=4)


@pytest.mark.slow
def test_regime_costs_of_a_block_are_the_cost_of_its_built_circuit():
    traced = Traced(dense(1), IMAGES)
    (row,) = regime_costs(traced, "a")
    setting = Setting("a", 4, 1, 1e-2, channels=1)
    weights = traced.built.weights
    planned = plan(setting, [1.0])
    built = jax.jit(lambda *parts: network(setting, planned, *parts))
    found = cost(built(weights, [jnp.full(4, 0.5)], jnp.asarray(np.linalg.qr(real(4, 4))[0])))
    assert (row.depth, row.num_ancillas) == (found.gates.depth, found.num_ancillas)
    assert row.queries == sum(found.num_queries.values()) and row.uncounted == found.uncounted == ()
    assert row.classical == 4**2 + 4**2


@pytest.mark.parametrize(("build", "regime", "exact"), [(dense, "a", 16), (convolutional, "c", 16 * 4 * 9)])
@pytest.mark.sample(1)
def test_each_block_adds_depth_and_ancillas(build, regime, exact):
    first, second = regime_costs(Traced(build(2), IMAGES), regime)
    assert 100 * first.depth < second.depth and first.num_ancillas < second.num_ancillas
    assert second.classical - first.classical == exact


def test_an_error_out_of_reach_of_double_precision_is_uncounted():
    row = regime_costs(Traced(dense(1), IMAGES), "a", eps=1e-14)[0]
    assert row == Uncounted(1, 1e-14, 32) and set(to_json(row)) == {"blocks", "eps", "classical"}
    assert regime_rows(SimpleNamespace(regime_costs=[row])).rows[1] == ["1", "unknown", "32", *[""] * 6]
    assert regime_rows(SimpleNamespace(regime_costs=None)) is None
