"""The measured residual network, compared with plain Flax layers with the same parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qla_jax.arithmetic import Format
from qla_jax.measurement import chebyshev_readout, exact_readout, tomography
from qla_jax.nn.estimated_gradients import weight_gradients
from qla_jax.nn.qresnet import EVERY_BLOCK, EVERY_LAYER, QResidualBlock, QResNet
from qla_jax.nn.twins import PlainResNet
from qla_jax.training import TrainingConfig
from tests.cases import real
from tests.nn.twins import assert_within_a_point

SIZES = {"width": 2, "stages": 2, "blocks": 1}
IMAGES = np.abs(real(3, 1, 4, 4)).astype(np.float32)


def network(**options) -> QResNet:
    return QResNet(1, 3, **SIZES, **options, rngs=nnx.Rngs(0))


def twin_of(net: QResNet) -> PlainResNet:
    """Return the plain network with the parameters of the measured network."""
    plain = PlainResNet(1, 3, **SIZES, rngs=nnx.Rngs(1))
    pairs = [(plain.stem, net.stem)]
    for mine, theirs in zip(plain.blocks, net.blocks, strict=True):
        pairs += [(mine.first, theirs.first), (mine.second, theirs.second)]
        pairs += [(mine.shortcut, theirs.shortcut)] if theirs.shortcut is not None else []
    for mine, theirs in pairs:
        mine.conv.kernel[...] = jnp.transpose(theirs.kernel[...], (2, 3, 1, 0))
        mine.norm.scale[...], mine.norm.bias[...] = theirs.gamma[...], theirs.beta[...]
        mine.norm.mean[...], mine.norm.var[...] = theirs.mean[...], theirs.variance[...]
    plain.head.kernel[...], plain.head.bias[...] = net.head.kernel[...], net.head.bias[...]
    return plain


def ripple(x: jax.Array) -> np.ndarray:
    return np.sin(np.arange(x.size)).reshape(x.shape).astype(x.dtype)


@jax.jit
def outcomes(model: nnx.Module, images: jax.Array) -> jax.Array:
    return model(images)


@jax.jit
def trained_outcomes(model: nnx.Module, images: jax.Array) -> tuple:
    model = nnx.merge(*nnx.split(model))
    model.train()
    return model(images), nnx.state(model, nnx.BatchStat)


@pytest.fixture(scope="module")
def net() -> QResNet:
    """A network whose statistics and offsets differ from their initial values."""
    model = network()
    nnx.update(model, jax.tree.map(lambda x: x + 0.1 * np.abs(ripple(x)), nnx.state(model)))
    return model


@pytest.mark.numerics
def test_exact_network_agrees_with_its_twin(net):
    np.testing.assert_allclose(outcomes(net, IMAGES), outcomes(twin_of(net), IMAGES), rtol=0, atol=1e-5)


@pytest.mark.numerics
def test_training_uses_and_updates_the_same_statistics_as_the_twin(net):
    plain = twin_of(net)
    (found, moved), (expected, theirs) = (trained_outcomes(model, IMAGES) for model in (net, plain))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    pairs = [(moved.stem.mean, theirs.stem.norm.mean), (moved.stem.variance, theirs.stem.norm.var)]
    pairs += [(moved.blocks[1].shortcut.variance, theirs.blocks[1].shortcut.norm.var)]
    for mine, other in pairs:
        np.testing.assert_allclose(mine[...], other[...], rtol=1e-4, atol=1e-6)
    assert not np.allclose(moved.stem.mean[...], net.stem.mean[...]), "the statistics of the network itself stay"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("readout", "bound"),
    [
        (tomography(delta=0.002), 0.1),
        (chebyshev_readout(rank=(4, 4), relative_eps=1e-4, noise="uniform", cap=True), 2e-3),
    ],
    ids=["tomography", "chebyshev"],
)
def test_fine_readouts_approach_the_exact_readout_and_share_parameters(net, readout, bound):
    measured = net.with_readout(readout)
    found = jax.jit(lambda model, images, key: model(images, key=key))(measured, IMAGES, jax.random.key(1))
    error = np.abs(found - outcomes(net, IMAGES)).max()
    assert 0 < error < bound
    assert isinstance(net.readout, type(exact_readout()))
    assert measured.stem.kernel[...] is net.stem.kernel[...]


@pytest.mark.slow
def test_a_batch_agrees_with_its_images_one_by_one_each_with_its_own_key(net):
    measured = net.with_readout(chebyshev_readout(rank=(2, 2), relative_eps=0.1, noise="uniform"))
    key, twice = jax.random.key(2), np.stack([IMAGES[0], IMAGES[0]])
    found = jax.jit(lambda model, images, key: model(images, key=key))(measured, twice, key)
    again = jax.jit(lambda model, images, key: model(images, key=key))(measured, twice, key)
    np.testing.assert_array_equal(found, again)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_transfers_stand_at_the_chosen_places():
    image = jnp.asarray(IMAGES[0])
    block = QResidualBlock(1, 2, stride=2, rngs=nnx.Rngs(0))

    def names(transfers) -> list[str]:
        block.transfers = transfers
        return [t.name.removeprefix("block.") for t in jax.eval_shape(block.run, image).transfers]

    appendix = ["first.conv", "first", "shortcut.conv", "second.conv", "block"]
    assert names(QResidualBlock(1, 2, rngs=nnx.Rngs(0)).transfers) == appendix
    every = ["first.conv", "first.norm", "first", "shortcut.conv", "shortcut.norm", "second.conv", "second.norm"]
    assert names(EVERY_LAYER) == [*every, "block"]
    assert names(EVERY_BLOCK) == ["block"]


def test_depths_multiply_without_transfers():
    """The second of two convolutions without a readout in between computes its input anew for every product."""
    block = QResidualBlock(2, 2, transfers=EVERY_BLOCK, rngs=nnx.Rngs(0))
    (told,) = jax.eval_shape(block.run, jax.ShapeDtypeStruct((2, 4, 4), jnp.float32)).transfers
    inner = 18 + 1  # products of a pixel and of its normalization
    assert dict(told.operations)["multiply"] == 18 * (inner + 1) + 1


@pytest.mark.slow
def test_fixed_point_approaches_real_arithmetic(net):
    block = net.blocks[0]
    image = jnp.asarray(real(2, 4, 4), jnp.float32)
    exact = block.run(image).output
    fine = Format(bits=18, fraction=12, overflow="saturate")
    found = jax.jit(lambda model, image: model.run(image))(block.with_format(fine), image)
    error = np.abs(np.asarray(found.output - exact)).max()
    assert 0 < error < 100 * fine.step
    assert sum(int(t.misfits) for t in found.transfers) == 0


@pytest.mark.slow
def test_estimated_gradients_without_noise_agree_with_autodiff(net):
    def loss(model: QResidualBlock, image: jax.Array) -> jax.Array:
        return jnp.sum(jnp.tanh(model.run(image, key=jax.random.key(0)).output))

    block, image = net.blocks[1], jnp.asarray(real(2, 4, 4), jnp.float32)
    estimated = block.with_gradients(weight_gradients(relative_eps=0.1, noise="exact"))
    grads = [jax.jit(nnx.grad(loss))(model, image) for model in (estimated, block)]
    for found, expected in zip(*map(jax.tree.leaves, grads), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"width": 0}, "`width` must be at least 1, but is 0"),
        ({"stages": 0}, "`stages` must be at least 1, but is 0"),
        ({"blocks": 0}, "`blocks` must be at least 1, but is 0"),
    ],
)
def test_sizes_below_one_raise(sizes, message):
    with pytest.raises(ValueError, match=message):
        QResNet(1, 3, **{**SIZES, **sizes}, rngs=nnx.Rngs(0))


def test_arguments_that_cannot_be_measured_raise(net):
    with pytest.raises(ValueError, match="`key` must be given where values are drawn, but is None"):
        net.with_readout(tomography(delta=0.1))(IMAGES)
    with pytest.raises(ValueError, match="`key` must be given where values are drawn"):
        net.with_gradients(weight_gradients(relative_eps=0.1))(IMAGES)
    with pytest.raises(ValueError, match="`rank` must"):
        jax.eval_shape(
            net.with_readout(chebyshev_readout(rank=(3, 3), relative_eps=0.1)), IMAGES, key=jax.random.key(0)
        )


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            jnp.ones((2, 8, 8)),
            r"must be of \(channels, rows, columns\) = \(1, any, any\), but one has shape \(2, 8, 8\)",
        ),
        (jnp.ones((8, 8)), r"but one has shape \(8, 8\)"),
        (jnp.ones((1, 8, 8)).at[0, 3, 4].set(jnp.nan), r"must be finite, but entry \(0, 3, 4\) is nan"),
    ],
)
def test_images_that_do_not_fit_raise(net, image, message):
    with pytest.raises(ValueError, match=message):
        net.run(image)
    with pytest.raises(ValueError, match="`images` must be"):
        net(image[None])


def test_resnet_18_has_eighteen_layers():
    net = nnx.eval_shape(lambda: QResNet(3, 10, rngs=nnx.Rngs(0)))
    convolutions = 1 + 2 * len(net.blocks)
    shortcuts = [i for i, block in enumerate(net.blocks) if block.shortcut is not None]
    assert (convolutions + 1, shortcuts) == (18, [2, 4, 6])
    assert [block.second.kernel.shape[0] for block in net.blocks] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [block.first.stride for block in net.blocks] == [1, 1, 2, 1, 2, 1, 2, 1]


@pytest.mark.slow
def test_accuracy_on_digits_is_within_a_point_of_the_twin():
    sizes = {"width": 8, "stages": 2, "blocks": 1}
    assert_within_a_point(
        lambda kind, rngs: kind(1, 10, **sizes, rngs=rngs),
        (QResNet, PlainResNet),
        TrainingConfig(epochs=15, learning_rate=3e-3),
    )
