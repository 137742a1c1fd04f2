"""Quanvolutional modules: agreement with their functions, trained and frozen parameters, reach of gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qla_jax.nn import count_parameters
from qla_jax.nn.quanvolution import DenseHead, Frozen, QuantumHead, Quanvolution, ResQuNN, gradient_access, mean_loss
from qla_jax.nn.variational import QuantumClassifier, QuantumConvNet
from qla_jax.training import TrainingConfig, fit
from qla_jax.variational.ansatz import STRONG_RING
from qla_jax.variational.placements import direct_layers, placement, placements
from qla_jax.variational.quanvolution import quanvolution_spec, quanvolve, stacked
from qla_jax.variational.resqunn import features, resqunn_specs
from tests.cases import real

SHAPE = (1, 8, 8)
IMAGES = np.abs(real(6, *SHAPE)).astype(np.float32)
LABELS = np.arange(6, dtype=np.int32) % 3


def network(name="O1+O2", depths=(2, 1), **options):
    rngs = nnx.Rngs(0)
    head = options.pop("head", None)
    return ResQuNN(SHAPE, placement(name, len(depths)), resqunn_specs(depths), head=head, rngs=rngs, **options)


@pytest.mark.numerics
def test_modules_agree_with_the_functions_of_their_parameters():
    spec = quanvolution_spec(channels=stacked)
    layer = Quanvolution(spec, rngs=nnx.Rngs(1))
    found = jax.jit(layer)(jnp.asarray(IMAGES[:2]))
    expected = [
        jax.jit(quanvolve, static_argnums=2)(jnp.asarray(image), layer.angles[...], spec) for image in IMAGES[:2]
    ]
    np.testing.assert_allclose(found, np.stack(expected), rtol=0, atol=1e-5)
    model = network()

    @jax.jit
    def look(images):
        alone = features(images[0], model.layer_angles(), model.specs, model.placement)
        return alone, model.features(images), model(images)

    alone, together, outcomes = look(jnp.asarray(IMAGES))
    np.testing.assert_allclose(together[0], alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(outcomes.sum(axis=1), 1, rtol=1e-5)


def test_detached_layers_pass_no_gradient_to_their_input():
    def gradient(detach):
        layer = Quanvolution(quanvolution_spec(), detach_data=detach, rngs=nnx.Rngs(0))
        return jax.jit(jax.grad(lambda x: layer(x).sum()))(jnp.asarray(IMAGES[:1]))

    assert np.abs(gradient(False)).max() > 0
    np.testing.assert_array_equal(gradient(True), 0)


def assert_access(one, detached):
    """With detached data, gradients reach exactly the layers in the last sum, as in the table of the paper."""
    layers = one.num_layers
    model = ResQuNN(SHAPE, one, resqunn_specs((1,) * layers), detach_data=detached, rngs=nnx.Rngs(0))
    access = jax.jit(lambda x, y: gradient_access(model, x, y))(IMAGES, LABELS)
    reached = set(np.flatnonzero(np.asarray(access) > 0) + 1)
    assert reached == (set(direct_layers(one)) if detached else set(range(1, layers + 1)))


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("name", ["none", "O1+O2"])
@pytest.mark.sample(2)
def test_gradients_reach_every_layer_unless_data_are_detached(name, detached):
    assert_access(placement(name, 2), detached)


@pytest.mark.slow
@pytest.mark.parametrize("one", [*placements(2), *placements(3)], ids=str)
def test_gradients_reach_the_layers_of_every_placement(one):
    assert_access(one, detached=True)
    assert_access(one, detached=False)


@pytest.mark.slow
def test_frozen_layers_stay_fixed_while_trainable_layers_move():
    config = TrainingConfig(epochs=2, batch_size=3, learning_rate=0.05)
    for trainable in (True, False):
        model = network(depths=(1, 1), trainable=trainable, head=DenseHead(16, 3, rngs=nnx.Rngs(2)))
        before = [np.asarray(one) for one in model.layer_angles()]
        trained, history = fit(model, IMAGES, LABELS, config)
        moved = max(np.abs(a - b).max() for a, b in zip(before, trained.layer_angles(), strict=True))
        assert (moved > 1e-3) if trainable else (moved == 0)
        assert np.isfinite(history[-1].loss)
        assert count_parameters(model) == 16 * 3 + 3 + 8 * trainable


@pytest.mark.slow
def test_the_quantum_head_measures_four_of_ten_qubits_and_is_trained():
    head = QuantumHead(rngs=nnx.Rngs(0))
    assert head.angles.shape == (1, 1, 10)
    model = network(depths=(1, 1), head=QuantumHead(3, num_qubits=4, rngs=nnx.Rngs(1)))
    trained, _ = fit(model, IMAGES, LABELS, TrainingConfig(epochs=1, batch_size=3, learning_rate=0.05))
    assert np.abs(trained.head.angles[...] - model.head.angles[...]).max() > 1e-3


@pytest.mark.slow
def test_classifiers_return_probabilities_and_have_few_parameters():
    model = QuantumClassifier(4, 2, depth=2, ansatz=STRONG_RING, spread=0.1, rngs=nnx.Rngs(0))
    net = QuantumConvNet(8, 2, rngs=nnx.Rngs(0))
    for one, size, classes, count in ((model, 4, 2, 24), (net, 8, 2, 34)):
        found = jax.jit(one)(jnp.ones((3, size)))
        assert found.shape == (3, classes)
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
        assert count_parameters(one) == count
    assert isinstance(network(trainable=False).angles[0], Frozen)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ResQuNN((1, 7, 7), placement("none", 2), resqunn_specs(), rngs=nnx.Rngs(0)), "stride 2 fit"),
        (lambda: ResQuNN(SHAPE, placement("none", 3), resqunn_specs(), rngs=nnx.Rngs(0)), "of as many layers"),
        (lambda: mean_loss(network(), IMAGES, LABELS + 9), "`labels` must lie between 0 and 9, but one is 11"),
        (lambda: network()(jnp.ones((2, 3, 8, 8))), "(any, 1, 8, 8), but has (2, 3, 8, 8)"),
        (lambda: network()(jnp.full((1, *SHAPE), jnp.nan)), "`images` must be finite, but entry (0, 0, 0, 0) is nan"),
        (lambda: mean_loss(network(), IMAGES, LABELS[:2]), "`labels` must have shape (6,), but has (2,)"),
        (lambda: gradient_access(network(), IMAGES, LABELS - 1), "`labels` must lie between 0 and 9, but one is -1"),
        (lambda: QuantumConvNet(4, 3, rngs=nnx.Rngs(0)), "`stages` must leave two qubits"),
    ],
)
def test_bad_arguments_of_variational_modules_raise(make, told):
    with pytest.raises(ValueError) as failure:
        make()
    assert told in str(failure.value)
