"""Training on a mesh of devices: the numbers of one device, divided work, and checkpoints that go on anywhere."""

import shutil
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import qla_jax as qla
from qla_jax._placement import Placement, placement
from qla_jax.nn import CoherentResNet, ConvolutionWeight, DenseWeight, QResNet
from qla_jax.nn.weights import encodings_of
from qla_jax.training import _optimizer as optimizer
from qla_jax.training import _step, accuracy, fit, plain_call
from tests.collectives import collectives
from tests.test_training import CONFIG, IMAGES, LABELS, Killed, kill_after

pytestmark = pytest.mark.x64
SHORT = replace(CONFIG, epochs=2)
PICTURES = IMAGES.astype(float).reshape(-1, 1, 4, 4)


def dense(size: int = 16, count: int = 2) -> CoherentResNet:
    weights = [DenseWeight(size, rngs=nnx.Rngs(i), dtype=jnp.float64) for i in range(count)]
    return CoherentResNet(weights, sizes=(1, size // 4, 4) if size == 16 else (size,))


def convolutional() -> CoherentResNet:
    weights = [ConvolutionWeight(1, (4, 4), rngs=nnx.Rngs(i), dtype=jnp.float64) for i in range(3)]
    return CoherentResNet(weights, sizes=(1, 4, 4))


def mixed() -> CoherentResNet:
    """Weights of unequal builds, in turn."""
    weights = [*dense().weights, *convolutional().weights]
    return CoherentResNet([weights[i] for i in (0, 2, 1, 3)], sizes=(1, 4, 4))


def leaves(model: nnx.Module) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(nnx.state(model, nnx.Param))]


def assert_same(found, wanted, tolerance):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module")
def alone():
    return fit(dense(), PICTURES, LABELS, SHORT)


@pytest.mark.parametrize("shard_parameters", [pytest.param(False, marks=pytest.mark.slow), True])
def test_losses_and_parameters_are_those_of_one_device(alone, shard_parameters):
    model, history = fit(dense(), PICTURES, LABELS, SHORT, mesh=qla.mesh(4), shard_parameters=shard_parameters)
    assert_same(history, alone[1], 1e-12)
    assert_same(leaves(model), leaves(alone[0]), 1e-12)
    assert leaves(model) and all(len(leaf.devices()) == 1 for leaf in jax.tree.leaves(nnx.state(model)))


@pytest.mark.slow
@pytest.mark.parametrize("build", [convolutional, mixed])
def test_weights_of_every_build_are_normalized_apart(build):
    wanted, history = fit(build(), PICTURES, LABELS, SHORT)
    model, told = fit(build(), PICTURES, LABELS, SHORT, mesh=qla.mesh(8))
    assert_same(told, history, 1e-12)
    assert_same(leaves(model), leaves(wanted), 1e-12)


def test_the_mesh_in_use_is_the_default(alone):
    with jax.set_mesh(qla.mesh(4)):
        assert placement(None, 8, shard_parameters=False) == divided_over(4, 8)
        model, _ = fit(dense(), PICTURES, LABELS, SHORT)
    assert_same(leaves(model), leaves(alone[0]), 1e-12)


@pytest.mark.slow
def test_running_statistics_are_those_of_the_whole_batch():
    def trained(**options):
        network = QResNet(1, 4, width=2, stages=1, blocks=1, rngs=nnx.Rngs(0))
        return fit(network, PICTURES.astype(np.float32), LABELS, SHORT, **options)

    (wanted, history), (model, told) = trained(), trained(mesh=qla.mesh(4))
    assert_same(told, history, 1e-5)
    found, expected = (jax.tree.leaves(nnx.state(one, nnx.BatchStat)) for one in (model, wanted))
    assert len(found) > 0
    assert_same(found, expected, 1e-5)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """What a run on four devices that was killed after one of two epochs leaves behind."""
    directory = tmp_path_factory.mktemp("killed") / "run"
    with pytest.raises(Killed):
        fit(dense(), PICTURES, LABELS, SHORT, directory=directory, report=kill_after(1), mesh=qla.mesh(4))
    return directory


@pytest.mark.parametrize("count", [4, 1])
def test_a_killed_run_goes_on_bit_for_bit_on_its_mesh_and_to_rounding_on_another(killed, alone, tmp_path, count):
    directory = shutil.copytree(killed, tmp_path / "run")
    options = {"mesh": qla.mesh(count)} if count > 1 else {}
    model, history = fit(dense(), PICTURES, LABELS, SHORT, directory=directory, resume=True, **options)
    assert_same(history, alone[1], 1e-12)
    assert_same(leaves(model), leaves(alone[0]), 1e-12)
    if count == 4:
        straight, _ = fit(dense(), PICTURES, LABELS, SHORT, mesh=qla.mesh(4))
        for one, other in zip(leaves(model), leaves(straight), strict=True):
            np.testing.assert_array_equal(one, other)


def compiled(placed: Placement, model: nnx.Module, batch: int):
    """The compiled step of a training on random images."""
    graph, params, statistics, rest = nnx.split(model, nnx.Param, nnx.BatchStat, ...)
    state = {"params": params, "optimizer": optimizer(SHORT, 4).init(params), "statistics": statistics}
    state, rest = placed.put((state, rest))
    chosen, images = np.arange(batch), np.ones((batch, *model.sizes))
    with placed.in_use():
        step = _step(graph, plain_call, SHORT, 4, placed)
        given = placed.batch(images, chosen), placed.batch(chosen % 4, chosen), jax.random.key(0)
        return step.lower(state, rest, *given).compile()


def divided_over(count: int, batch: int) -> Placement:
    return placement(qla.mesh(count), batch, shard_parameters=False)


def test_a_step_sums_the_gradients_in_one_all_reduce_and_gathers_what_weights_were_divided():
    found = collectives(compiled(divided_over(4, 8), dense(), 8).as_text())
    assert [one.kind for one in found if one.bytes > 64] == ["all-gather", "all-reduce", "all-gather"]
    assert all(one.times == 1 for one in found)
    assert max(one.bytes for one in found if one.kind == "all-reduce") <= 1.01 * (2 * 16 * 16 * 8)


@pytest.mark.slow
def test_a_step_of_six_large_layers_takes_less_than_a_quarter_of_the_operations_per_device():
    alone, divided = (compiled(placed, dense(256, 6), 512) for placed in (Placement(None), divided_over(8, 512)))
    assert collectives(alone.as_text()) == []
    assert divided.cost_analysis()["flops"] < 0.25 * alone.cost_analysis()["flops"]


@pytest.mark.parametrize(("encode", "part"), [(encodings_of, 1 / 4), (lambda ws: [w.encoding() for w in ws], 1)])
def test_every_device_computes_the_bounds_of_its_own_weights(encode, part):
    """One after the other, which is the control, every device computes all of them."""
    graph, state = nnx.split(nnx.List(dense(32, 4).weights))

    def flops(placed: Placement) -> float:
        with placed.in_use():
            step = jax.jit(lambda state: [enc.matrix for enc in encode(nnx.merge(graph, state))])
            return step.lower(placed.put(state)).compile().cost_analysis()["flops"]

    assert flops(divided_over(4, 8)) == pytest.approx(part * flops(Placement(None)), rel=0.02)


def test_outside_of_a_training_weights_are_encoded_one_by_one():
    weights = dense().weights
    for found, weight in zip(encodings_of(weights), weights, strict=True):
        np.testing.assert_array_equal(found.matrix, weight.encoding().matrix)


def test_what_does_not_divide_is_refused_by_name():
    with pytest.raises(ValueError, match=r"`batch_size` must be a multiple of .* `mesh`, 8, but is 12\."):
        fit(dense(), PICTURES, LABELS, replace(SHORT, batch_size=12), mesh=qla.mesh(8))
    with pytest.raises(ValueError, match="`shard_parameters` needs a `mesh`, but there is none"):
        fit(dense(), PICTURES, LABELS, SHORT, shard_parameters=True)


def test_the_caller_s_model_and_its_accuracy_stay(alone):
    model = dense()
    before = leaves(model)
    trained, _ = fit(model, PICTURES, LABELS, SHORT, mesh=qla.mesh(4))
    assert_same(leaves(model), before, 0)
    assert accuracy(trained, PICTURES, LABELS) == accuracy(alone[0], PICTURES, LABELS)
