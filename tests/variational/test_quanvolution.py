"""Quanvolution against dense circuits, patch by patch; placements counted; sizes of the paper's Table 2."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.variational import quanvolution
from qla_jax.variational.ansatz import RY_CHAIN, STRONG_RING
from qla_jax.variational.gates import hadamard, rx, rz
from qla_jax.variational.placements import direct_layers, placement, placements
from qla_jax.variational.quanvolution import (
    averaged,
    patches,
    quanvolution_spec,
    quanvolve,
    quanvolve_by_circuit,
    stacked,
    summed,
)
from qla_jax.variational.resqunn import add_padded, feature_shape, features, layer_shapes, resqunn_specs
from tests.cases import real
from tests.variational import dense

SPECS = {
    "paper": dict(depth=3),
    "loaded once": dict(depth=3, reupload=False, channels=stacked),
    "idle qubit": dict(depth=2, encoding=rx, ansatz=RY_CHAIN, num_qubits=5),
    "overlapping": dict(depth=2, stride=1, encoding=rz, ansatz=STRONG_RING, channels=summed),
}
MIX = {averaged: lambda z: z.mean(keepdims=True), summed: lambda z: z.sum(keepdims=True), stacked: lambda z: z}


def dense_patch(x, angles, spec):
    """<Z> of each qubit by matrices of the whole register, for RX_CHAIN, RY_CHAIN and the strong ring."""
    n = angles.shape[2]
    letters = {"rx": "X", "ry": "Y", "rz": "Z"}
    load = np.eye(1 << n)
    for q, value in enumerate(x):
        load = dense.on(dense.turn(letters[spec.encoding.__name__], value), (q,), n) @ load
    pairs = [(q, q + 1) for q in range(n - 1)] + ([(n - 1, 0)] if spec.ansatz is STRONG_RING else [])
    state = np.eye(1 << n)[0]
    for depth, unit in enumerate(angles):
        state = load @ state if spec.reupload or depth == 0 else state
        for rotation, turns in zip(spec.ansatz.rotations, unit, strict=True):
            for q, angle in enumerate(turns):
                state = dense.on(dense.turn(letters[rotation.__name__], angle), (q,), n) @ state
        for pair in pairs:
            state = dense.on(dense.CX, pair, n) @ state
    words = ["I" * q + "Z" + "I" * (n - 1 - q) for q in range(n)]
    return np.array([(state.conj() @ dense.word(w) @ state).real for w in words])


@pytest.mark.numerics
@pytest.mark.parametrize("name", SPECS)
@pytest.mark.sample(2)
def test_the_layer_is_the_circuit_on_every_patch(name, tol):
    spec = quanvolution_spec(**SPECS[name])
    image, angles = real(1, 4, 6), real(*spec.angles_shape(1))
    fast, plain = (
        jax.jit(f, static_argnums=2)(jnp.asarray(image), jnp.asarray(angles), spec)
        for f in (quanvolve, quanvolve_by_circuit)
    )
    np.testing.assert_allclose(fast, plain, rtol=0, atol=tol("exact", factor=20))
    rows, columns = fast.shape[1:]
    for i, j in ((0, 0), (rows - 1, 0), (rows - 1, columns - 1)):
        patch = image[0, i * spec.stride : i * spec.stride + 2, j * spec.stride : j * spec.stride + 2].reshape(-1)
        expected = MIX[spec.channels](dense_patch(patch, angles, spec))
        np.testing.assert_allclose(fast[:, i, j], expected, rtol=0, atol=tol("exact", factor=20))
        assert not np.allclose(fast[:, i, j], MIX[spec.channels](dense_patch(patch[::-1], angles, spec)), atol=1e-3)


@pytest.mark.numerics
def test_images_are_mapped_as_they_are_alone(tol):
    spec = quanvolution_spec(depth=2)
    images, angles = jnp.asarray(real(3, 1, 4, 4)), jnp.asarray(real(*spec.angles_shape(1)))
    together = jax.jit(jax.vmap(lambda image: quanvolve(image, angles, spec)))(images)
    alone = jax.jit(lambda image: quanvolve(image, angles, spec))
    for one, image in zip(together, images, strict=True):
        np.testing.assert_allclose(one, alone(image), rtol=0, atol=tol("exact", factor=20))


@pytest.mark.x64
def test_contraction_and_circuit_have_the_same_gradients_and_those_of_differences():
    spec = quanvolution_spec(depth=2, channels=stacked)
    image, angles, left = (jnp.asarray(real(*s)) for s in ((1, 4, 2), spec.angles_shape(1), (4, 2, 1)))
    value = {f: (lambda i, a, f=f: jnp.vdot(left, f(i, a, spec))) for f in (quanvolve, quanvolve_by_circuit)}
    fast, plain = (jax.jit(jax.grad(one, (0, 1)))(image, angles) for one in value.values())
    for a, b in zip(fast, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    call, h, step = jax.jit(value[quanvolve]), 1e-5, real(*angles.shape, seed=3)
    reference = (call(image, angles + h * step) - call(image, angles - h * step)) / (2 * h)
    assert abs(np.vdot(fast[1], step) - reference) < 1e-8


@pytest.mark.numerics
def test_gradients_are_finite_at_a_black_image_and_zero_angles():
    spec = quanvolution_spec(depth=2)
    found = jax.jit(jax.grad(lambda i, a: quanvolve(i, a, spec).sum(), (0, 1)))(
        jnp.zeros((1, 4, 4)), jnp.zeros((2, 1, 4))
    )
    assert all(np.isfinite(one).all() for one in found)


def test_patches_are_ordered_by_channel_row_and_column():
    image = np.arange(2 * 4 * 6.0).reshape(2, 4, 6)
    found = patches(jnp.asarray(image), quanvolution_spec())
    assert found.shape == (8, 2, 3)
    np.testing.assert_array_equal(found[:, 1, 2], image[:, 2:4, 4:6].reshape(-1))


def test_padding_is_optional_and_comes_after_the_image():
    spec = quanvolution_spec(pad=True)
    image = jnp.asarray(np.arange(1.0, 26).reshape(1, 5, 5))
    assert spec.output_shape((1, 5, 5)) == (1, 3, 3)
    np.testing.assert_array_equal(patches(image, spec)[:, 2, 2], [25, 0, 0, 0])
    assert quanvolution_spec(kernel=3, stride=2, pad=True).output_shape((1, 8, 1)) == (1, 4, 1)


NAMED = {"none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2"}


def test_there_are_five_placements_for_two_layers_and_fifteen_for_three():
    assert {str(one) for one in placements(2)} == NAMED
    three = placements(3)
    assert len({one.sources for one in three}) == len({str(one) for one in three}) == len(three) == 15
    assert {"(O1+O2)+O3", "((X+O1)+O2)+O3"} <= {str(one) for one in three}
    assert [len(placements(layers)) for layers in (1, 4)] == [2, 52]


def test_a_placement_is_read_as_it_is_written():
    for layers in (1, 2, 3):
        for one in placements(layers):
            assert placement(str(one), layers) == one
    assert placement("X+O1, X+O2", 2).sources == ((0,), (0,))


def test_the_layers_in_the_last_sum_are_those_that_the_paper_finds_accessible():
    two = {str(one): direct_layers(one) for one in placements(2)}
    assert two == {"none": (2,), "X+O1": (2,), "X+O2": (2,), "O1+O2": (1, 2), "(X+O1)+O2": (1, 2)}
    full = [str(one) for one in placements(3) if direct_layers(one) == (1, 2, 3)]
    assert sorted(full) == ["((X+O1)+O2)+O3", "(O1+O2)+O3"]


@pytest.mark.parametrize(("name", "side"), [("none", 7), ("X+O1", 14), ("O1+O2", 14), ("X+O2", 28), ("(X+O1)+O2", 28)])
def test_feature_sizes_are_those_of_table_2(name, side):
    specs = resqunn_specs()
    shapes = [spec.angles_shape(1) for spec in specs]
    run = jax.eval_shape(
        lambda image, *angles: features(image, angles, specs, placement(name, 2)),
        jax.ShapeDtypeStruct((1, 28, 28), jnp.float32),
        *(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes),
    )
    assert run.shape == feature_shape((1, 28, 28), specs, placement(name, 2)) == (1, side, side)
    assert [spec.depth for spec in specs] == [4, 1]


SIZES = {  # by hand: a layer halves, 7 is padded to 8, a sum has the larger of its sides
    "none": 4,
    "X+O3": 28,
    "O1+O3": 14,
    "O2+O3": 7,
    "X+O2": 14,
    "(X+O2)+O3": 28,
    "X+O2, O1+O3": 14,
    "O1+O2": 7,
    "X+O3, O1+O2": 28,
    "(O1+O2)+O3": 14,
    "X+O1": 4,
    "(X+O1)+O3": 28,
    "X+O1, O2+O3": 14,
    "(X+O1)+O2": 14,
    "((X+O1)+O2)+O3": 28,
}
SIZES["X+O1"] = 7


def test_feature_sizes_of_all_fifteen_placements_are_as_derived():
    specs = resqunn_specs((1, 1, 1), pad=True)
    found = {str(one): feature_shape((1, 28, 28), specs, one)[1] for one in placements(3)}
    assert found == SIZES


@pytest.mark.numerics
@pytest.mark.parametrize("name", ["X+O1", "O1+O2", "X+O2", "(X+O1)+O2"])
def test_sums_are_those_of_the_expression(name, tol):
    specs = resqunn_specs((2, 1))
    image = jnp.asarray(real(1, 8, 8))
    angles = [jnp.asarray(real(*spec.angles_shape(1), seed=k)) for k, spec in enumerate(specs)]
    first = quanvolve(image, angles[0], specs[0])
    passed = add_padded(image, first) if "X+O1" in name else first
    second = quanvolve(passed, angles[1], specs[1])
    expected = {
        "X+O1": lambda: np.asarray(second),
        "O1+O2": lambda: np.asarray(first) + np.pad(second, ((0, 0), (0, 2), (0, 2))),
        "X+O2": lambda: np.asarray(image) + np.pad(second, ((0, 0), (0, 6), (0, 6))),
        "(X+O1)+O2": lambda: (
            np.asarray(image) + np.pad(first, ((0, 0), (0, 4), (0, 4))) + np.pad(second, ((0, 0), (0, 4), (0, 4)))
        ),
    }[name]()
    for detach in (False, True):
        found = features(image, angles, specs, placement(name, 2), detach_data=detach)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=20))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: quanvolution_spec(kernel=0), "`kernel` must be at least 1, but is 0"),
        (lambda: quanvolution_spec(kernel=2.5), "`kernel` must be an integer, but is 2.5"),
        (lambda: quanvolution_spec(stride=0), "`stride` must be at least 1, but is 0"),
        (lambda: quanvolution_spec(depth=0), "`depth` must be at least 1, but is 0"),
        (lambda: quanvolution_spec(encoding=hadamard), "`encoding` must be rx, ry or rz"),
        (lambda: quanvolution_spec(num_qubits=3).angles_shape(1), "`num_qubits` must be at least 4, the values"),
        (lambda: quanvolution_spec().output_shape((1, 7, 8)), "`image` must have rows that kernel 2 and stride 2 fit"),
        (lambda: quanvolution_spec(stride=3).output_shape((1, 8, 9)), "`image` must have columns that kernel 2"),
        (lambda: quanvolution_spec(kernel=5).output_shape((1, 4, 5)), "kernel 5 and stride 2 fit, but has 4"),
        (lambda: patches(jnp.ones((4, 4)), quanvolution_spec()), "`image` must have shape (channel, row, column)"),
        (
            lambda: quanvolve(jnp.ones((1, 4, 4)), jnp.zeros((1, 1, 3)), quanvolution_spec()),
            "`angles` must have shape (1, 1, 4), but has (1, 1, 3)",
        ),
        (
            lambda: quanvolve(jnp.ones((1, 7, 7)), jnp.zeros((1, 1, 49)), quanvolution_spec(kernel=7)),
            "but is 49: they take",
        ),
        (lambda: placements(0), "`num_layers` must be at least 1, but is 0"),
        (lambda: placement("X+O3", 2), "`expression` must be a sum of X, O1, O2, but has the term 'O3'"),
        (lambda: placement("O2+O1", 2), "from the left"),
        (lambda: placement("X+(O1+O2)", 2), "from the left"),
        (lambda: placement("X", 2), "at least two of X, O1, O2"),
        (lambda: layer_shapes((1, 8, 8), resqunn_specs((1,)), placement("none", 2)), "of as many layers"),
    ],
)
def test_bad_input_raises(make, told):
    with pytest.raises(ValueError) as failure:
        make()
    assert told in str(failure.value)


@pytest.mark.parametrize(
    ("channels", "kernel", "side", "contracted"),
    [(1, 2, 4, True), (6, 1, 2, True), (2, 2, 4, False), (1, 3, 9, False), (3, 2, 4, False)],
)
@pytest.mark.sample(2)
def test_the_route_is_the_one_that_takes_less(channels, kernel, side, contracted, monkeypatch, tol):
    """Both give the same; on 12 qubits a contraction would take 7e10 multiplications for a basis change."""
    spec = quanvolution_spec(kernel=kernel, stride=kernel)
    image = jnp.asarray(np.random.default_rng(0).uniform(size=(channels, side, side)))
    angles = jnp.asarray(np.random.default_rng(1).uniform(size=spec.angles_shape(channels)))
    taken = []
    for name in ("_by_contraction", "_by_circuit"):
        own = getattr(quanvolution, name)
        monkeypatch.setattr(quanvolution, name, lambda *a, own=own, name=name: taken.append(name) or own(*a))
    found = jax.jit(lambda x, a: quanvolve(x, a, spec))(image, angles)
    assert taken == ["_by_contraction" if contracted else "_by_circuit"]
    if channels * kernel**2 <= 8:
        other = quanvolution._by_circuit if contracted else quanvolution._by_contraction
        wanted = jax.jit(lambda x, a: other(*quanvolution._checked(x, a, spec), spec))(image, angles)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tol("rounding"))


def test_the_routes_cross_where_they_were_measured_to():
    pays = quanvolution._contraction_pays
    assert [pays(8, patches) for patches in (4, 196, 784, 3136)] == [False, False, True, True]
    assert not any(pays(n, patches) for n in (10, 11, 12) for patches in (1, 100, 10**6))
    assert all(pays(n, 1) for n in range(1, 7))
