"""The networks of the three regimes on tiny images: what they are made of, their errors, their circuits."""

import math
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.claims.networks import norms
from qla_jax.experiments.coherent import job as main_job
from qla_jax.experiments.coherent import recipes
from qla_jax.experiments.coherent.job import Job
from qla_jax.experiments.coherent.own_claims import own_claim, own_claims
from qla_jax.experiments.coherent.recipes import RECIPES, REGIMES, build
from qla_jax.networks.residual import NORM_RANGE
from qla_jax.networks.terminal import TerminalBlock
from qla_jax.nn import CoherentResNet
from qla_jax.nn.circuit_check import circuit_check, instances_of
from qla_jax.nn.evaluation import output_error, terminal_norm
from qla_jax.nn.images import arranged
from qla_jax.nn.trace import Traced, trace
from tests.cases import real
from tests.experiments.test_main_job import tiny

pytestmark = pytest.mark.x64

NAMES = [name for regime in ("a", "b", "c") for name in REGIMES[regime]]
IMAGES = np.abs(real(3, 1, 4, 4)).astype(np.float32)


def network(name: str, monkeypatch: pytest.MonkeyPatch) -> CoherentResNet:
    monkeypatch.setattr(recipes, "MIN_OUTCOMES", 4)
    return build((1, 4, 4), 4, replace(RECIPES[name], blocks=2, degree=7))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_network_gives_probabilities_within_the_tracked_error_of_the_ideal_one(name, monkeypatch):
    model = network(name, monkeypatch)
    inputs = arranged(model, IMAGES)
    found = np.asarray(jax.jit(lambda x: model(x))(jnp.asarray(inputs)))
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    traced = trace(model, inputs)
    # In single precision weights are divided by a bound that covers 8 n units of rounding, 1.5e-5 here; what a terminal
    # block nearly cancels makes that ten times as much.
    np.testing.assert_allclose(traced.outcomes, found, atol=2e-4)
    told = output_error(traced)
    assert told.violations == 0 and 0 < told.actual_max <= told.eps < 0.01


@pytest.mark.slow
def test_what_the_terminal_block_says_is_measured_against_what_it_would_be_without(monkeypatch):
    model = network("a-dense", monkeypatch)
    inputs, labels = arranged(model, IMAGES), np.array([0, 1, 2])
    traced = trace(model, inputs)
    row = terminal_norm(traced, labels, model.terminal.tau)
    assert row.violations == 0 and 0.02 <= row.min <= row.mean <= row.max
    np.testing.assert_allclose(row.sampled_expected, traced.outcomes[[0, 1, 2], labels].mean(), rtol=1e-12)
    bare = CoherentResNet(list(model.weights), sizes=model.sizes, outcomes=model.outcomes, degree=model.degree)
    np.testing.assert_allclose(traced.outcomes_before, trace(bare, inputs).outcomes, rtol=0, atol=1e-12)
    assert 0 < row.contribution <= 0.49 / 0.51
    assert terminal_norm(traced._replace(terminal_norm=np.array([0.01, 1.0, np.nan])), labels, 0.51).violations == 2


@pytest.mark.slow
def test_claims_are_asked_of_the_networks_own_weights_and_images(monkeypatch):
    model = network("a-dense", monkeypatch)
    inputs = arranged(model, IMAGES)
    traced = Traced(model, inputs)
    rows = own_claims(traced)
    assert [row.where for row in rows] == ["block 1"] * 3 + ["block 2"] * 3 + ["terminal block"]
    assert not any(row.violated for row in rows)
    of_norm = [row.ratio for row in rows if row.claim == "skip-norm"]
    np.testing.assert_allclose(of_norm, NORM_RANGE[0] / traced.trace.norm.min(0), rtol=1e-4)  # there by the polynomial
    with_black = Traced(model, np.concatenate([inputs, 0 * inputs[:1]]))  # which encodes no unit vector
    assert own_claims(with_black) == rows
    uniform = jnp.full((1, 4), 0.5)
    assert not own_claim(norms.skip_norm, "here", -jnp.eye(4), uniform).violated
    assert own_claim(norms.skip_norm, "here", -1.3 * jnp.eye(4), uniform).violated  # negative control


def test_regimes_differ_by_their_start_and_their_end(monkeypatch):
    models = {name: network(name, monkeypatch) for name in NAMES}
    made_of = {name: (len(model.paths), model.terminal is not None) for name, model in models.items()}
    assert made_of == {
        "a-dense": (0, True),
        "a-conv": (0, True),
        "b": (2, True),
        "c": (2, False),
    }
    model = models["c"]
    assert math.prod(model.sizes) == 4**2 and [len(x[0]) for x in model.load(jnp.asarray(IMAGES))] == [4, 4]


@pytest.mark.slow
def test_a_bilinear_network_starts_from_the_product_of_its_paths(monkeypatch):
    model = network("b", monkeypatch)
    first, second = (np.asarray(path(jnp.asarray(IMAGES)))[0] for path in model.paths)
    encoded = model.encode(jnp.asarray(IMAGES[0]))
    assert isinstance(encoded, TerminalBlock)
    start = encoded.part.part.part.encoded  # before two blocks
    expected = np.kron(first, second) / np.linalg.norm(np.kron(first, second))
    np.testing.assert_allclose(start, expected, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_the_terminal_block_changes_what_is_read_out(monkeypatch):
    """Negative control: its matrix is in use."""
    model = network("a-dense", monkeypatch)
    inputs = jnp.asarray(arranged(model, IMAGES))
    bare = CoherentResNet(list(model.weights), sizes=model.sizes, outcomes=model.outcomes, degree=model.degree)
    assert np.abs(model(inputs) - bare(inputs)).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a-dense", "c"])
def test_the_circuits_of_a_regime_are_those_of_its_networks(name, monkeypatch):
    model = network(name, monkeypatch)
    instances = instances_of(Traced(model, arranged(model, IMAGES)))
    found = circuit_check(instances[-2:], 3)
    assert found.max_deviation <= 1e-9 and found.instances[0].amplitude > 0


def test_an_unknown_regime_raises():
    with pytest.raises(ValueError, match=r"`regime` must be one of \('a', 'b', 'c'\), but is 'd'"):
        main_job.study(Job(tiny(), Path("nowhere"), regime="d"))
    with pytest.raises(ValueError, match=r"`kind` must be one of \('c',\), but is 'dense'"):
        main_job.study(Job(tiny(), Path("nowhere"), regime="c", kind="dense"))
