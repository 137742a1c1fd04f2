"""The measured transformer, compared with plain Flax layers with the same parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qla_jax.arithmetic import Format
from qla_jax.measurement import chebyshev_readout, tomography
from qla_jax.nn.qtransformer import EVERYTHING, QTransformer, patches
from qla_jax.nn.softmax import arithmetic_softmax
from qla_jax.nn.twins import PlainTransformer
from qla_jax.training import TrainingConfig
from tests.cases import real
from tests.nn.twins import assert_within_a_point

SHAPE = (2, 4, 4)
SIZES = {"patch": 2, "width": 6, "heads": 2, "depth": 1, "hidden": 5}
IMAGES = real(2, *SHAPE).astype(np.float32)


def network(**options) -> QTransformer:
    return QTransformer(SHAPE, 3, **{**SIZES, **options}, rngs=nnx.Rngs(0))


def twin_of(net: QTransformer, **options) -> PlainTransformer:
    """Return the plain network with the parameters of the measured network."""
    plain = PlainTransformer(SHAPE, 3, **SIZES, **options, rngs=nnx.Rngs(1))
    weight = net.embed.weight[...].reshape(-1, SHAPE[0], SIZES["patch"], SIZES["patch"])
    plain.embed.kernel[...] = jnp.transpose(weight, (2, 3, 1, 0))
    plain.embed.bias[...] = net.embed.bias[...]
    plain.first[...], plain.positions[...] = net.first[...], net.positions[...]
    linear = [(plain.head, net.head)]
    norms = [(plain.norm, net.norm)]
    heads = SIZES["heads"]
    for mine, theirs in zip(plain.blocks, net.blocks, strict=True):
        linear += [(mine.into, theirs.into), (mine.out_of, theirs.out_of)]
        norms += [(mine.before_attention, theirs.before_attention), (mine.before_hidden, theirs.before_hidden)]
        for name in ("query", "key", "value"):
            part, source = getattr(mine.attention, name), getattr(theirs.attention, name)
            part.kernel[...] = source.weight[...].T.reshape(part.kernel[...].shape)
            part.bias[...] = source.bias[...].reshape(heads, -1)
        out = mine.attention.out
        out.kernel[...] = theirs.attention.out.weight[...].T.reshape(out.kernel[...].shape)
        out.bias[...] = theirs.attention.out.bias[...]
    for mine, theirs in linear:
        mine.kernel[...], mine.bias[...] = theirs.weight[...].T, theirs.bias[...]
    for mine, theirs in norms:
        mine.scale[...], mine.bias[...] = theirs.gamma[...], theirs.beta[...]
    return plain


def ripple(x: jax.Array) -> np.ndarray:
    return np.sin(np.arange(x.size)).reshape(x.shape).astype(x.dtype)


def stirred(model: QTransformer) -> QTransformer:
    """Return a network whose offsets and factors differ from their initial values."""
    state = nnx.state(model)
    nnx.update(model, jax.tree.map(lambda x: x + 0.2 * ripple(x), state))
    return model


@jax.jit
def outcomes(model: nnx.Module, images: jax.Array) -> jax.Array:
    return model(images)


@pytest.fixture(scope="module")
def net() -> QTransformer:
    return stirred(network())


@pytest.mark.numerics
@pytest.mark.parametrize("gelu", [False, True], ids=["relu", "gelu"])
@pytest.mark.sample(1)
def test_exact_network_agrees_with_its_twin(gelu):
    net = stirred(network(gelu=gelu))
    np.testing.assert_allclose(outcomes(net, IMAGES), outcomes(twin_of(net, gelu=gelu), IMAGES), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_both_ways_to_merge_heads_compute_the_same_outcomes(net):
    other = stirred(network(merge_by_arithmetic=True))
    np.testing.assert_allclose(outcomes(other, IMAGES), outcomes(net, IMAGES), rtol=0, atol=1e-5)


def test_transfers_stand_at_the_chosen_places():
    image = jax.ShapeDtypeStruct(SHAPE, jnp.float32)
    fixed = arithmetic_softmax(Format(bits=8, fraction=4))

    def names(**options) -> list[tuple]:
        told = jax.eval_shape(network(**options).run, image).transfers
        return [(t.name.removeprefix("block0."), t.shape) for t in told]

    attention, end = ("attention", (5, 6)), ("logits", (1, 3))
    assert names() == [attention, end]
    sums = [("middle", (5, 6)), ("block0", (5, 6))]
    scores, heads = ("scores", (2, 5, 5)), ("heads", (2, 5, 3))
    assert names(transfers=EVERYTHING) == [scores, attention, *sums, end]
    assert names(transfers=EVERYTHING, merge_by_arithmetic=True) == [scores, heads, attention, *sums, end]
    assert names(transfers=EVERYTHING, softmax=fixed) == [attention, *sums, end], "arithmetic needs no scores read"


@pytest.mark.slow
def test_success_amplitude_of_attention_is_that_of_its_encoding(net):
    told = jax.jit(lambda model, image: model.run(image))(net, jnp.asarray(IMAGES[0])).transfers[0]
    assert 0 < float(told.amplitude) < 1
    assert float(told.infidelity) < 1e-10


@pytest.mark.slow
def test_a_fine_readout_approaches_the_exact_readout_and_logits_keep_all_modes(net):
    fine = net.with_readout(chebyshev_readout(rank=5, axes=(-2,), relative_eps=1e-5, noise="uniform"))
    found = jax.jit(lambda model, images, key: model(images, key=key))(fine, IMAGES, key=jax.random.key(0))
    assert 0 < np.abs(found - outcomes(net, IMAGES)).max() < 1e-3
    told = jax.eval_shape(fine.run, jnp.asarray(IMAGES[0]), key=jax.random.key(0)).transfers
    assert [(t.rank, t.capped) for t in told] == [((5,), False), ((1,), True)]


def test_a_rank_above_the_number_of_tokens_raises(net):
    with pytest.raises(ValueError, match="`rank` must"):
        jax.eval_shape(
            net.with_readout(chebyshev_readout(rank=6, axes=(-2,), relative_eps=0.1)), IMAGES, key=jax.random.key(0)
        )
    with pytest.raises(ValueError, match="`key` must be given"):
        net.with_readout(tomography(delta=0.1))(IMAGES)


@pytest.mark.slow
def test_fixed_point_with_arithmetic_softmax_approaches_real_arithmetic():
    format = Format(bits=20, fraction=13, overflow="saturate")
    options = {"softmax": arithmetic_softmax(format), "transfers": EVERYTHING, "merge_by_arithmetic": True}
    net = stirred(network(format=format, **options))
    found = jax.jit(lambda model, image: model.run(image))(net, jnp.asarray(IMAGES[0]))
    exact = stirred(network()).run(jnp.asarray(IMAGES[0])).output
    assert 0 < np.abs(found.output - exact).max() < 0.02
    assert sum(int(t.misfits) for t in found.transfers) == 0


def test_patches_are_squares_in_reading_order():
    image = jnp.arange(2 * 4 * 6.0).reshape(2, 4, 6)
    found = patches(image, 2)
    assert found.shape == (6, 8)
    assert found[4].tolist() == [*np.asarray(image[0, 2:, 2:4]).reshape(-1), *np.asarray(image[1, 2:, 2:4]).reshape(-1)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 3}, "`patch` must divide the sides of the image, but is 3"),
        ({"heads": 4}, "`heads` must divide `width` = 6, but is 4"),
        ({"depth": 0}, "`depth` must be at least 1, but is 0"),
        ({"patch": 0}, "`patch` must be at least 1, but is 0"),
    ],
)
def test_sizes_that_do_not_fit_raise(options, message):
    with pytest.raises(ValueError, match=message):
        network(**options)


@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 4, 6), (4, 4)])
def test_images_of_another_shape_raise(net, shape):
    with pytest.raises(ValueError, match=r"`image` must be of \(channels, rows, columns\) = \(2, 4, 4\), but one has"):
        net.run(jnp.ones(shape))


@pytest.mark.slow
def test_accuracy_on_digits_is_within_a_point_of_the_twin():
    sizes = {"patch": 2, "width": 32, "heads": 4, "depth": 2, "hidden": 64}
    assert_within_a_point(
        lambda kind, rngs: kind((1, 8, 8), 10, **sizes, rngs=rngs),
        (QTransformer, PlainTransformer),
        TrainingConfig(epochs=30, learning_rate=3e-3, noise=0.3),
    )
