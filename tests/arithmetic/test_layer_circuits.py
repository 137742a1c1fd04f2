"""A number of a layer by gates, against the layer's integers: exhaustively where it is small."""

import functools
import itertools

import jax
import numpy as np
import pytest

from qla_jax.arithmetic.circuit import ReversibleCircuit
from qla_jax.arithmetic.counts import counts
from qla_jax.arithmetic.formats import FixedPoint, Format, from_integers
from qla_jax.arithmetic.layer_circuits import batch_norm_circuit, dot_circuit, max_pool_circuit, pixel_circuit
from qla_jax.arithmetic.layers import batch_norm, batch_norm_constants, convolve, dot, max_pool
from tests.arithmetic.oracles import fitted, signed

WAYS = ("wrap", "saturate")


def draw(shape: tuple[int, ...], f: Format, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(f.least, f.largest + 1, shape)


def require_same(
    built: ReversibleCircuit, values: np.ndarray, flags: np.ndarray, f: Format, **numbers: np.ndarray
) -> None:
    """The registers of a run, ancillas, operands, and the way back."""
    run = built.on_basis(**numbers)
    np.testing.assert_array_equal(signed(run.registers["out"], f.bits), values)
    np.testing.assert_array_equal(run.registers.get("overflow", np.zeros(np.shape(flags), bool)), flags)
    assert run.clean.all()
    back = built.inverse().on_basis(**run.registers)
    assert back.clean.all() and not back.registers["out"].any()
    for name, number in numbers.items():
        np.testing.assert_array_equal(signed(back.registers[name], f.bits), number)


def require_layer(built: ReversibleCircuit, layer: FixedPoint, f: Format, **numbers: np.ndarray) -> None:
    require_same(built, np.ravel(layer.integers), np.ravel(layer.overflow), f, **numbers)


@pytest.mark.parametrize("f", [Format(3, 1), Format(3, 2, "saturate")], ids=str)
def test_a_pixel_by_gates_is_the_pixel_of_the_layer(f):
    x, kernel = draw((2, 3, 3), f, 8), draw((1, 2, 2, 2), f, 9)
    layer = jax.jit(functools.partial(convolve, padding="valid"))(from_integers(x, f), from_integers(kernel, f))
    patches = np.stack([x[:, i : i + 2, j : j + 2].ravel() for i in range(2) for j in range(2)], axis=1)
    run = pixel_circuit(kernel, f).on_basis(**{f"x{i}": row for i, row in enumerate(patches)})
    np.testing.assert_array_equal(signed(run.registers["out"], 3), np.ravel(layer.integers))
    np.testing.assert_array_equal(run.registers["overflow"], np.ravel(layer.overflow))
    assert run.clean.all()


@pytest.mark.parametrize("f", [Format(3, 1), Format(3, 1, "saturate")], ids=str)
def test_a_dot_by_gates_on_every_pair_of_vectors_is_that_of_the_layer(f):
    digits = np.arange(2**12)[:, None] >> np.arange(0, 12, 3) & 7
    values = signed(digits, 3)
    run = dot_circuit(2, f).on_basis(x0=values[:, 0], x1=values[:, 1], y0=values[:, 2], y1=values[:, 3])
    full = (values[:, 0] * values[:, 2] + values[:, 1] * values[:, 3]) >> f.fraction
    expected, flags = fitted(full, f)
    np.testing.assert_array_equal(signed(run.registers["out"], 3), expected)
    np.testing.assert_array_equal(run.registers["overflow"], flags)
    assert run.clean.all()
    some = slice(None, None, 97)
    layer = jax.jit(jax.vmap(dot))(from_integers(values[some, :2], f), from_integers(values[some, 2:], f))
    np.testing.assert_array_equal(layer.integers, expected[some])


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_a_pixel_has_room_for_the_largest_sum_that_there_is(count):
    f = Format(3, 0, "saturate")
    weights, x = np.full(count, f.least), np.array([f.least, f.largest])
    values, flags = fitted(count * f.least * x, f)
    require_same(pixel_circuit(weights, f), values, flags, f, **{f"x{i}": x for i in range(count)})


def normed(x: np.ndarray, factor: int, offset: int, f: Format) -> tuple[np.ndarray, np.ndarray]:
    return fitted((x.astype(object) * factor >> f.fraction) + offset, f)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("bits", "fraction"), [(1, 1), (3, 2), (4, 4)])
@pytest.mark.sample(3)
def test_a_batch_norm_by_gates_is_one_product_one_sum_and_one_flag(bits, fraction, way):
    f = Format(bits, fraction, way)
    x = np.arange(f.least, f.largest + 1)
    for factor, offset in itertools.product(x.tolist(), x.tolist()):
        require_same(batch_norm_circuit(factor, offset, f), *normed(x, factor, offset, f), f, x=x)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_both_views_of_batch_norm_agree_in_every_format_up_to_four_bits(way):
    """Every number, factor and offset; the layer takes each pair of constants as a channel."""
    for bits, fraction in ((b, f) for b in range(1, 5) for f in range(b + 1)):
        f = Format(bits, fraction, way)
        x = np.arange(f.least, f.largest + 1)
        factors, offsets = (grid.ravel() for grid in np.meshgrid(x, x))
        image = from_integers(np.broadcast_to(x, (len(factors), len(x))), f)
        layer = jax.jit(functools.partial(batch_norm, epsilon=0.0))(
            image, np.zeros(len(factors)), np.ones(len(factors)), factors * f.step, offsets * f.step
        )
        for i, (factor, offset) in enumerate(zip(factors.tolist(), offsets.tolist(), strict=True)):
            row = jax.tree.map(lambda part, i=i: np.asarray(part)[i], layer)
            require_layer(batch_norm_circuit(factor, offset, f), row, f, x=x)


def test_the_constants_of_a_channel_build_its_circuit():
    f = Format(10, 5, "saturate")
    x, statistics = draw((2, 30), f, 0), ([0.5, -1.0], [1.5, 0.25], [1.0, -2.0], [0.25, 3.0])
    factor, offset = batch_norm_constants(*map(np.array, statistics), f)
    layer = batch_norm(from_integers(x, f), *map(np.array, statistics))
    assert 0 < np.asarray(layer.overflow).sum() < x.size
    for channel in range(2):
        built = batch_norm_circuit(int(factor.integers[channel]), int(offset.integers[channel]), f)
        row = jax.tree.map(lambda part, c=channel: np.asarray(part)[c], layer)
        require_layer(built, row, f, x=x[channel])


def test_the_sum_of_a_batch_norm_costs_no_more_than_its_product():
    f = Format(8, 4)
    without, with_offset = (counts(batch_norm_circuit(11, offset, f)) for offset in (0, -77))
    assert without == with_offset  # NOT gates stand in no count, and in no layer that another gate does not have


@pytest.mark.parametrize("f", [Format(2, 0), Format(3, 1, "saturate")], ids=str)
def test_a_pool_by_gates_is_the_largest_of_every_square(f):
    numbers = np.arange(f.least, f.largest + 1)
    squares = np.stack([grid.ravel() for grid in np.meshgrid(*[numbers] * 4)])
    image = from_integers(squares.T.reshape(-1, 2, 2), f)
    built = max_pool_circuit(2, f)
    require_layer(built, max_pool(image, 2), f, **{f"x{i}": row for i, row in enumerate(squares)})
    np.testing.assert_array_equal(signed(built.on_basis(**{"x2": numbers}).registers["out"], f.bits), numbers.clip(0))


@pytest.mark.parametrize("window", [1, 3])
def test_a_pool_of_an_odd_number_by_gates_is_the_largest(window):
    f = Format(6, 2)
    x = draw((window**2, 200), f, 3)
    built = max_pool_circuit(window, f)
    require_same(built, x.max(axis=0), np.zeros(200, bool), f, **{f"x{i}": row for i, row in enumerate(x)})
    comparisons = (
        window**2 - 1
    )  # each n AND to compare, n to uncompute that, n to choose; 2n more to undo, but the last
    assert counts(built).ands == (0 if window == 1 else (5 * comparisons - 2) * f.bits)


LARGE = [Format(16, 8), Format(32, 16), Format(32, 30, "saturate")]


@pytest.mark.slow
@pytest.mark.parametrize("f", LARGE, ids=str)
@pytest.mark.parametrize("name", ["dot", "pixel", "batch norm", "pool"])
def test_both_views_agree_on_random_numbers_of_many_bits(name, f):
    x, y = (draw((4, 60), f, seed) >> np.random.default_rng(seed).integers(0, f.bits, (4, 60)) for seed in (4, 5))
    corners = np.array([f.least, f.largest, 0, -1])
    x[:, :4], y[:, :4] = corners[:, None], corners
    several = {f"x{i}": row for i, row in enumerate(x)}
    if name == "dot":
        layer = jax.jit(jax.vmap(dot))(from_integers(x.T, f), from_integers(y.T, f))
        require_layer(dot_circuit(4, f), layer, f, **several, **{f"y{i}": row for i, row in enumerate(y)})
    elif name == "pixel":
        weights = y[:, 7]
        layer = jax.jit(dot)(from_integers(weights, f), from_integers(x, f))
        require_layer(pixel_circuit(weights, f), layer, f, **several)
    elif name == "pool":
        require_layer(max_pool_circuit(2, f), max_pool(from_integers(x.T.reshape(-1, 2, 2), f), 2), f, **several)
    else:
        for factor, offset in ((y[0, 9], y[1, 9]), (f.least, f.least), (f.largest, f.least)):
            require_same(batch_norm_circuit(factor, offset, f), *normed(x[0], int(factor), int(offset), f), f, x=x[0])
