"""The convolution layer as a circuit: its matrix built otherwise, its ancillas, its memory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from jax import Array

from qla_jax.accounting.costs import cost
from qla_jax.circuits import Circuit, count, simulate, to_matrix
from qla_jax.encodings.base.block import block, embed, postselect
from qla_jax.encodings.emission import to_circuit
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.encodings.matrices.shifts import continued, shift_operations, shifted
from tests.cases import convolution, cplx, derivative, nearby, norm2, positions, real, slope

CIRCUITS = {  # (kernel, image, padding): ancillas by hand, index registers of the taps and flags
    "one channel": (real(1, 1, 3, 3), (4, 4), "same", (0 + 0 + 2 + 2) + (0 + 1 + 1)),
    "one tap, one channel": (real(1, 1, 1, 1), (2, 3), "same", 0),
    "one tap": (cplx(2, 3, 1, 1), (2, 1), "same", (1 + 2 + 0 + 0) + (1 + 0 + 0)),
    "one row": (real(1, 1, 1, 4), (1, 5), "same", (0 + 0 + 0 + 2) + (0 + 0 + 1)),
    "complex, unequal channels and sides": (cplx(3, 2, 2, 3), (3, 4), "same", (2 + 1 + 1 + 2) + (1 + 1 + 1)),
    "complex, more channels in than out, top-left": (
        cplx(1, 3, 2, 2),
        (3, 5),
        "top-left",
        (0 + 2 + 1 + 1) + (1 + 1 + 1),
    ),
}


def matrix(kernel: np.ndarray, image: tuple[int, int], padding: str) -> np.ndarray:
    """Tap by tap; the anchor of "same" is the middle tap, that of the paper the first."""
    middle = [(taps - 1) // 2 for taps in kernel.shape[2:]]
    same, paper = (lambda k, m: (k - middle[0], m - middle[1])), (lambda k, m: (-k, -m))
    return convolution(kernel, image, same if padding == "same" else paper)


def layer(kernel: np.ndarray, x: np.ndarray, padding: str) -> np.ndarray:
    """The layer on images of shape (channel, row, column) by SciPy's two-dimensional correlation."""
    rows, columns = x.shape[1:]

    def full(k: np.ndarray, one: np.ndarray) -> np.ndarray:
        return scipy.signal.correlate2d(one, k.conj()) if padding == "same" else scipy.signal.convolve2d(one, k)

    # "full" starts where the last tap meets the first pixel; "same" where the middle one does.
    first = [(taps - 1) - (taps - 1) // 2 if padding == "same" else 0 for taps in kernel.shape[2:]]
    window = slice(first[0], first[0] + rows), slice(first[1], first[1] + columns)
    return np.array(
        [sum(full(kernel[i, j], x[j])[window] for j in range(kernel.shape[1])) for i in range(kernel.shape[0])]
    )


def in_place(dense: np.ndarray, codomain: tuple[int, ...], domain: tuple[int, ...], size: int) -> np.ndarray:
    """The matrix among all basis states of the system, zero rows in the padding, one column per entry."""
    placed = np.zeros((size, dense.shape[1]), dense.dtype)
    placed[positions(codomain)] = dense
    return placed


@functools.partial(jax.jit, static_argnums=(1, 2))
def views(kernel: Array, image: tuple[int, int], padding: str) -> tuple:
    """The flagged block by the circuit in both directions, all of the system register, and the encoded views."""
    enc = block_encode_convolution(kernel, image, padding=padding)
    columns, rows = jnp.eye(enc.shape[1]), jnp.eye(enc.shape[0])
    forward = jax.vmap(lambda x: enc.apply(embed(enc, x))[0], out_axes=1)(columns)
    backward = jax.vmap(lambda y: enc.apply_adjoint(embed(enc.replace(domain=enc.codomain), y))[0], out_axes=1)(rows)
    return enc, forward, backward, block(enc), jax.vmap(enc.rmatvec, out_axes=1)(rows)


@pytest.mark.numerics
@pytest.mark.parametrize(
    ("kernel", "image", "padding", "ancillas"),
    [
        pytest.param(*case, id=name, marks=[pytest.mark.slow] if name.startswith("complex, unequal") else [])
        for name, case in CIRCUITS.items()
    ],
)
@pytest.mark.sample(3)
def test_the_circuit_and_the_encoded_view_are_the_layer_and_leave_padding_empty(kernel, image, padding, ancillas, tol):
    enc, *found = views(kernel, image, padding)
    forward, backward, encoded, adjoint = map(np.asarray, found)
    dense, size = matrix(kernel, image, padding), 1 << enc.num_qubits
    np.testing.assert_allclose(enc.alpha, np.abs(kernel).sum(), rtol=tol("exact"))
    assert (enc.eps, enc.num_ancillas) == (0, ancillas)
    atol = tol("rounding", factor=float(enc.alpha))
    there, back = (
        in_place(dense, enc.codomain, enc.domain, size),
        in_place(dense.conj().T, enc.domain, enc.codomain, size),
    )
    np.testing.assert_allclose(enc.alpha * forward, there, rtol=0, atol=atol)
    np.testing.assert_allclose(enc.alpha * backward, back, rtol=0, atol=atol)
    np.testing.assert_allclose(encoded, dense, rtol=0, atol=atol)
    np.testing.assert_allclose(adjoint, dense.conj().T, rtol=0, atol=atol)
    assert norm2(dense) <= enc.norm_bound <= enc.alpha


@pytest.mark.numerics
@pytest.mark.parametrize(
    ("kernel", "image", "padding"),
    [
        (real(3, 2, 3, 3), (5, 6), "same"),
        (cplx(2, 3, 2, 4), (5, 7), "same"),
        (cplx(2, 3, 3, 2), (6, 5), "top-left"),
    ],
    ids=["same", "same, even sizes", "top-left"],
)
def test_the_layer_is_the_correlation_of_scipy(kernel, image, padding, tol):
    x = cplx(kernel.shape[1], *image) if np.iscomplexobj(kernel) else real(kernel.shape[1], *image)
    found = jax.jit(lambda k, x: block_encode_convolution(k, image, padding=padding).matvec(x))(kernel, x.reshape(-1))
    np.testing.assert_allclose(
        np.asarray(found).reshape(-1, *image), layer(kernel, x, padding), rtol=0, atol=tol("rounding", factor=10)
    )


def test_the_same_kernel_at_another_anchor_is_another_matrix():
    """A negative control: correlation against convolution, middle tap against first tap."""
    kernel, image = real(1, 1, 3, 3), (4, 4)
    wrong = {
        "first tap": lambda k, m: (k, m),
        "convolution, not correlation": lambda k, m: (1 - k, 1 - m),
        "columns for rows": lambda k, m: (m - 1, k - 1),
    }
    build = jax.jit(lambda k, padding: block(block_encode_convolution(k, image, padding=padding)), static_argnums=1)
    found, top_left = (np.asarray(build(kernel, padding)) for padding in ("same", "top-left"))
    for place in wrong.values():
        assert np.abs(found - convolution(kernel, image, place)).max() > 0.1
    assert np.abs(found - top_left).max() > 0.1
    # By the paper's anchor nothing is read from below or from the right.
    np.testing.assert_array_equal(np.triu(top_left.reshape(4, 4, 4, 4)[0, :, 0]), np.diag([kernel[0, 0, 0, 0]] * 4))


@pytest.mark.parametrize(("length", "size"), [(4, 4), (5, 8), (7, 8), (3, 4), (2, 4)])
def test_shifts_flag_what_leaves_the_image_and_keep_padding_out_of_it(length, size):
    flag, position = np.divmod(np.arange(2 * size), size)
    inside = (flag == 0) & (position < length)
    for amount in range(1 - length, length):
        left, where = shifted(flag, position, np.full_like(flag, amount), length, size)
        stays = inside & (position + amount >= 0) & (position + amount < length)
        np.testing.assert_array_equal(where[stays], position[stays] + amount)
        assert not left[stays].any() and left[inside & ~stays].all()
        padding = (flag == 0) & (position >= length)
        assert ((left == 1) | (where >= length))[padding].all()
        back = shifted(left, where, np.full_like(flag, -amount), length, size)
        np.testing.assert_array_equal(back, (flag, position))


@pytest.mark.parametrize("shifts", [(1, 0, -1), (0, 1), (0, -1), (0, 1, 2), (2, 1, 0, -1, -2), (1, 0, -1, -2)], ids=len)
@pytest.mark.parametrize("length", [5, 6, 8])
def test_gates_of_a_shift_are_the_shift_of_each_tap(shifts, length):
    bits = (len(shifts) - 1).bit_length()
    wires = bits + 4
    circuit = Circuit(
        wires, tuple(shift_operations(tuple(range(bits)), bits, tuple(range(bits + 1, wires)), shifts, length))
    )
    tap, flag, position = np.unravel_index(np.arange(1 << wires), (1 << bits, 2, 8))
    amounts = np.array(continued(shifts, 1 << bits))
    assert amounts[: len(shifts)].tolist() == list(shifts)
    moved, where = shifted(flag, position, amounts[tap], length, 8)
    expected = np.ravel_multi_index((tap, moved, where), (1 << bits, 2, 8))
    np.testing.assert_array_equal(to_matrix(circuit).real.argmax(axis=0), expected)
    ups, downs = (amounts > 0).any(), (amounts < 0).any()
    assert len(circuit.operations) == 1 + (length < 8) * (int(ups) + int(downs))


def test_a_shift_without_the_flips_on_padding_lets_pixels_in_and_out():
    """A negative control: the adder alone takes size 8 for the edge of an image of 5."""
    position = np.arange(8)
    assert (((position + 2) // 8 == 0) & (position + 2 >= 5))[:5].any()  # pixels in the padding, not flagged
    flag, _ = shifted(np.zeros(8, int), position, np.full(8, 2), 5, 8)
    np.testing.assert_array_equal(flag[:5], [0, 0, 0, 1, 1])


CIRCUIT_CASES = {
    "padding on both sides": (real(1, 2, 3, 2), (3, 5), "same"),
    "complex, top-left": (cplx(2, 1, 2, 3), (3, 3), "top-left"),
    "five taps": (real(1, 1, 5, 1), (6, 1), "same"),
}


@pytest.mark.x64
@pytest.mark.parametrize(
    ("kernel", "image", "padding"),
    [pytest.param(*case, id=name) for name, case in CIRCUIT_CASES.items()],
)
@pytest.mark.sample(2)
def test_gates_of_kernels_with_unused_taps_have_the_whole_unitary(kernel, image, padding):
    enc = block_encode_convolution(kernel, image, padding=padding)
    circuit = to_circuit(enc)
    state = cplx(1 << circuit.num_wires)
    expected = np.asarray(enc.apply(jnp.asarray(state).reshape(1 << enc.num_ancillas, -1))).reshape(-1)
    for found in (circuit, Circuit(circuit.num_wires, tuple(circuit.elementary()))):
        np.testing.assert_allclose(simulate(found, state), expected, rtol=0, atol=1e-10)
    counted, one_control = enc.cost().gates, count(circuit.controlled())
    assert count(circuit).rotations == counted.rotations
    assert counted.controlled.t_count(1e-10) <= 1.1 * one_control.t_count(1e-10)
    assert one_control.t_count(1e-10) <= counted.controlled.t_count(1e-10)


@pytest.mark.x64
@pytest.mark.parametrize("image", [(16, 16), (28, 28)])
def test_kernels_on_images_are_circuits_of_few_gates(image):
    """Without tables: one of all basis states would have 2^20 entries and more for eight channels."""
    enc = block_encode_convolution(real(8, 8, 3, 3), image)
    circuit = to_circuit(enc)
    assert circuit.num_wires >= 24
    assert sum(1 for _ in circuit.elementary()) < 9 * 1024  # four trees over 2^10 taps, and few gates more
    assert count(circuit).toffoli < 1024  # signs of half of the taps, two signs of PREPARE, two shifts


X, LEFT = cplx(9), cplx(18)


@jax.jit
@jax.jacrev
def slopes(kernel: Array) -> tuple:
    enc = block_encode_convolution(kernel, (3, 3))
    x = jnp.asarray(X)
    return jnp.vdot(LEFT, postselect(enc, x) + 2 * enc.matvec(x)).real, enc.alpha + enc.norm_bound


@pytest.mark.numerics
@pytest.mark.parametrize(
    "kernel",
    [
        real(2, 1, 3, 2),
        real(2, 1, 3, 2) * (real(2, 1, 3, 2) > 0),
        np.zeros((2, 1, 3, 2)),
        cplx(2, 1, 3, 2) * np.eye(3, 2),
    ],
    ids=["generic", "some taps zero", "all taps zero", "complex, some taps zero"],
)
@pytest.mark.sample(2)
def test_gradients_equal_those_of_the_layer_also_where_taps_are_zero(kernel, tol):
    """Through the circuit and the encoded view; the layer is linear in its taps, zero or not."""
    gradient, bounds = slopes(jnp.asarray(kernel))
    assert np.isfinite(bounds).all()
    for seed in range(2):
        step = nearby(kernel, seed=seed, by=1.0, only_direction=True)
        reference = 3 * np.vdot(LEFT, matrix(step, (3, 3), "same") @ X).real
        assert abs(slope(gradient, step) - reference) <= tol("gradient", factor=max(1, abs(reference)))


@pytest.mark.x64
def test_the_gradient_of_alpha_is_the_sign_of_each_tap():
    kernel = real(2, 1, 3, 2)
    step = nearby(kernel, by=1.0, only_direction=True)
    gradient = jax.jit(jax.grad(lambda k: block_encode_convolution(k, (3, 3)).alpha))(kernel)
    assert abs(slope(gradient, step) - derivative(lambda k: np.abs(k).sum(), kernel, step)) <= 1e-6


@pytest.mark.parametrize(
    ("shape", "image", "qubits", "way"),
    [((1, 1, 3, 3), (16, 16), 14, "apply"), ((2, 2, 2, 2), (16, 16), 16, "apply_adjoint")],
)
def test_the_compiled_circuit_holds_at_most_four_states(shape, image, qubits, way):
    """Input, output and all that lies between: no matrix is ever formed."""
    enc = jax.eval_shape(lambda k: block_encode_convolution(k, image), jnp.zeros(shape))
    assert enc.num_ancillas + enc.num_qubits == qubits
    state = jax.ShapeDtypeStruct((1 << enc.num_ancillas, 1 << enc.num_qubits), enc.alpha.dtype)
    memory = jax.jit(lambda enc, s: getattr(enc, way)(s)).lower(enc, state).compile().memory_analysis()
    used = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    assert used <= 4 * state.size * state.dtype.itemsize


def test_the_paper_needs_more_ancillas_for_a_convolution():
    """3 + 8D + 2 log(CD), against two logarithms and three flags."""
    for channels, taps in ((1, 2), (2, 3), (4, 3), (16, 4)):
        enc = jax.eval_shape(lambda k: block_encode_convolution(k, (8, 8)), jnp.zeros((channels, channels, taps, taps)))
        ours = 2 * np.ceil(np.log2(channels)) + 2 * np.ceil(np.log2(taps)) + 3 - (channels == 1)
        assert enc.num_ancillas == ours < 3 + 8 * taps + 2 * np.log2(channels * taps)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"kernel": np.ones((3, 3)), "image": (4, 4)}, r"`kernel` must have 4 axes, but has shape \(3, 3\)"),
        ({"kernel": np.full((1, 1, 1, 1), np.inf), "image": (4, 4)}, "`kernel` must be finite"),
        ({"kernel": np.ones((1, 1, 3, 3)), "image": (4, 4), "padding": "valid"}, "`padding` must be 'same' or"),
        (
            {"kernel": np.ones((1, 1, 3, 3)), "image": (1, 4)},
            "`kernel` must not reach over the image, but reaches 1 of 1",
        ),
        ({"kernel": np.ones((1, 1, 3, 3)), "image": (0, 4)}, r"`image` must be \(rows, columns\), both positive"),
        ({"kernel": np.ones((1, 1, 3, 3)), "image": (4, 4, 4)}, r"`image` must be \(rows, columns\)"),
    ],
)
def test_arguments_that_give_no_convolution_layer_raise(arguments, rule):
    with pytest.raises(ValueError, match=rule):
        block_encode_convolution(**arguments)


def test_few_taps_are_loaded_by_one_tree_and_equal_taps_by_hadamard_gates():
    kernels = {"apart": real(3, 3), "many": real(5, 3), "alike": np.ones((4, 4)), "alike but for one": np.ones((4, 4))}
    kernels["alike but for one"][0, 0] = 2
    counts = {}
    for name, kernel in kernels.items():
        enc = block_encode_convolution(jnp.asarray(kernel[None, None]), (8, 8))
        counts[name] = cost(enc).gates.rotations
        assert count(to_circuit(enc)).rotations == counts[name]
    # A tree of four qubits on each side, and two trees of five qubits. One tap more than the others turns one angle of
    # each level, which costs all of the level.
    assert counts == {"apart": 2 * 15, "many": 4 * 31, "alike": 0, "alike but for one": 2 * 15}
