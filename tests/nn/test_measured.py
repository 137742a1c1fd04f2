"""Measured networks: arithmetic layers, linear algebra of attention, transfers, estimated gradients, overhead."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
import scipy.special
from flax import nnx

from qla_jax import arithmetic
from qla_jax.arithmetic import Format, counts, decode, encode
from qla_jax.arithmetic.circuits import operation
from qla_jax.encodings.base.vector import run as run_circuit
from qla_jax.measurement import ReadoutMethod, chebyshev_readout, exact_readout, tomography
from qla_jax.nn.estimated_gradients import estimated_dense, inner_products, weight_gradients
from qla_jax.nn.fixed_qam import FixedArithmetic
from qla_jax.nn.measured import Pass, digital_amplitude, infidelity
from qla_jax.nn.overheads import amplified, overhead
from qla_jax.nn.qam import Arithmetic
from qla_jax.nn.qlam import combined_heads, concatenated_heads
from qla_jax.nn.qresnet import QResNet
from qla_jax.nn.softmax import arithmetic_softmax
from tests.cases import real

FORMAT = Format(bits=12, fraction=7, overflow="saturate")
NARROW = Format(bits=8, fraction=4)


def on_grid(*shape: int, format: Format = FORMAT) -> jax.Array:
    """Return random numbers that the format holds exactly."""
    return decode(encode(jnp.asarray(real(*shape)), format)).astype(jnp.float32)


# Arithmetic modules


@pytest.mark.numerics
def test_real_layers_agree_with_numpy():
    qam, x, kernel = Arithmetic(), real(2, 5, 4), real(3, 2, 3, 3)
    found = qam.convolve(jnp.asarray(x), jnp.asarray(kernel), 2)
    full = [sum(scipy.signal.correlate2d(x[c], k[c], mode="same") for c in range(2)) for k in kernel]
    np.testing.assert_allclose(found.values, np.array(full)[:, ::2, ::2], rtol=0, atol=1e-5)
    rows = real(4, 6)
    gamma, beta = real(6), real(6)
    expected = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + 1e-5) * gamma + beta
    normed = qam.layer_norm(*map(jnp.asarray, (rows, gamma, beta))).values
    np.testing.assert_allclose(normed, expected, rtol=0, atol=1e-5)
    expected = rows * scipy.special.ndtr(rows)
    np.testing.assert_allclose(qam.gelu(jnp.asarray(rows)).values, expected, rtol=0, atol=1e-5)


def integers(x: jax.Array) -> np.ndarray:
    scaled = np.asarray(x, float) * 2**FORMAT.fraction
    np.testing.assert_array_equal(scaled, np.round(scaled))
    return scaled.astype(int)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda qam: qam.dense(jnp.ones((2, 3)), jnp.ones((4, 2))), "`weight` must be"),
        (lambda qam: qam.convolve(jnp.ones((2, 5, 4)), jnp.ones((3, 1, 3, 3))), "`kernel` must be"),
        (lambda qam: qam.product(jnp.ones((2, 3)), jnp.ones((2, 3))), "`y` must be"),
    ],
)
def test_operands_of_other_shapes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(Arithmetic())


def test_fixed_point_layers_agree_with_integers_and_one_floor_after_each_sum():
    """Compare with Python integers: no partial sum is rounded, and the floor is toward minus infinity."""
    qam, x, weight, bias = FixedArithmetic(FORMAT), on_grid(3, 5), on_grid(4, 5), on_grid(4)
    expected = (integers(x) @ integers(weight).T >> FORMAT.fraction) + integers(bias)
    np.testing.assert_array_equal(integers(qam.dense(x, weight, bias).values), expected)
    np.testing.assert_array_equal(integers(qam.product(x, weight.T).values), expected - integers(bias))
    image, kernel = on_grid(2, 4, 4), on_grid(3, 2, 3, 3)
    full = [
        sum(scipy.signal.correlate2d(integers(image)[c], k[c], mode="same") for c in range(2)) for k in integers(kernel)
    ]
    np.testing.assert_array_equal(
        integers(qam.convolve(image, kernel, 2).values), np.array(full)[:, ::2, ::2] >> FORMAT.fraction
    )
    relu = qam.relu(x)
    np.testing.assert_array_equal(relu.values, np.maximum(x, 0))
    assert int(relu.step.misfits) == 0


def test_a_fixed_point_layer_counts_results_that_did_not_fit():
    qam = FixedArithmetic(NARROW)
    found = qam.add(jnp.full((3,), 7.0), jnp.array([7.0, 1.0, 0.0]))
    assert found.values.tolist() == [-2.0, -8.0, 7.0]
    assert int(found.step.misfits) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "gelu", "layer_norm", "dense", "batch_norm"])
def test_fixed_point_layers_approach_real_layers_and_have_their_derivative(name):
    x, row = on_grid(3, 4), on_grid(4)
    fine = Format(bits=20, fraction=14, overflow="saturate")
    rest = {
        "relu": (),
        "gelu": (),
        "layer_norm": (row, row),
        "dense": (on_grid(4, 4), row),
        "batch_norm": (row[:3], jnp.square(row[:3]), row[:3], row[:3]),
    }[name]
    x = x[:, :, None] if name == "batch_norm" else x

    def layer(qam: Arithmetic, x: jax.Array) -> jax.Array:
        return getattr(qam, name)(x, *rest).values

    np.testing.assert_allclose(layer(FixedArithmetic(fine), x), layer(Arithmetic(), x), rtol=0, atol=30 * fine.step)
    grads = [jax.grad(lambda x, qam=qam: layer(qam, x).sum())(x) for qam in (FixedArithmetic(FORMAT), Arithmetic())]
    np.testing.assert_array_equal(*grads)


@pytest.mark.slow
def test_arithmetic_softmax_is_a_quotient_of_exponentials_within_its_error():
    softmax, scores = arithmetic_softmax(FORMAT), on_grid(2, 3, 3)

    @jax.jit
    def weights(scores: jax.Array) -> tuple:
        found = softmax(scores)
        return found.values, found.step.misfits

    found, misfits = weights(scores)
    n = integers(scores)
    powers = np.exp((n - n.max(-1, keepdims=True)) * FORMAT.step)
    bound = 4 * FORMAT.step + 2 * softmax.table.error_bound  # a quotient of sums above one, each power off by the bound
    np.testing.assert_allclose(found, powers / powers.sum(-1, keepdims=True), rtol=0, atol=bound)
    integers(found)
    assert int(misfits) == 0
    far, _ = weights(jnp.zeros((2, 3, 3)).at[0, 0, 1].set(15.9))
    assert far[0, 0].tolist() == [0.0, 1.0, 0.0]


def test_layer_norm_refuses_a_format_without_the_bits_for_a_mean():
    """With two bits after the point 1/5 becomes 1/4, with one bit 0: the mean would be lost."""
    row, enough = jnp.arange(5.0) / 4, Format(bits=12, fraction=3)
    assert FixedArithmetic(enough).layer_norm(row[None], jnp.ones(5), jnp.zeros(5)).shape == (1, 5)
    with pytest.raises(ValueError, match="`format` must have 3 bits after the point to average 5, but has 2"):
        FixedArithmetic(Format(bits=12, fraction=2)).layer_norm(row[None], jnp.ones(5), jnp.zeros(5))


def test_formats_with_more_bits_than_floats_hold_raise(x64):
    limit = 53 if x64 else 24
    if not x64:
        with pytest.raises(ValueError, match=f"`bits` must be at most {limit} without JAX_ENABLE_X64, but is 32"):
            FixedArithmetic(Format(bits=32, fraction=16))
    with pytest.raises(ValueError, match="`format` must hold 1, but is"):
        arithmetic_softmax(Format(bits=4, fraction=4))


# Linear algebra of attention


def attention_case(heads: int, n: int, k: int) -> tuple:
    scores = scipy.special.softmax(real(heads, n, n), axis=-1)
    return jnp.asarray(scores), jnp.asarray(real(heads, n, k)), jnp.asarray(real(5, heads * k))


@pytest.mark.numerics
def test_heads_agree_with_numpy_and_amplitudes_with_frobenius_norms(tol):
    scores, values, weight = attention_case(2, 5, 3)
    a, v, w = (np.asarray(x, float) for x in (scores, values, weight))
    by_register, combined = concatenated_heads(scores, values), combined_heads(scores, values, weight)
    heads = np.einsum("hij,hjk->hik", a, v)
    np.testing.assert_allclose(by_register.encoded.reshape(2, 5, 3), heads, rtol=0, atol=tol())
    merged = np.concatenate(list(heads), axis=1) @ w.T
    np.testing.assert_allclose(combined.encoded.reshape(5, 5), merged, rtol=0, atol=tol())
    norms = [np.linalg.norm(x) * np.linalg.norm(y) for x, y in zip(a, v, strict=True)]
    np.testing.assert_allclose(by_register.amplitude, np.linalg.norm(heads) / np.hypot(*norms), rtol=tol())
    parts = [np.linalg.norm(w[:, 3 * h : 3 * h + 3]) for h in range(2)]
    np.testing.assert_allclose(combined.amplitude, np.linalg.norm(merged) / np.dot(norms, parts), rtol=tol())


@pytest.mark.slow
@pytest.mark.x64
def test_circuits_of_attention_compute_the_encoded_view():
    scores, values, weight = attention_case(2, 2, 2)
    for vec in (concatenated_heads(scores, values), combined_heads(scores, values, weight[:2])):
        np.testing.assert_allclose(run_circuit(vec), vec.encoded, rtol=0, atol=1e-12)


def test_heads_of_unequal_shapes_raise():
    scores, values, weight = attention_case(2, 3, 2)
    with pytest.raises(ValueError, match=r"`values` must be \(heads, n, k\)"):
        concatenated_heads(scores, values[:, :2])
    with pytest.raises(ValueError, match="`weight` must have 4 columns for 2 heads of 2"):
        combined_heads(scores, values, weight[:, :3])


# Transfers


def one_pass(readout, qam=None) -> Pass:
    return Pass(readout, Arithmetic() if qam is None else qam, key=jax.random.key(3))


def test_a_transfer_returns_the_values_of_the_readout_and_records_its_price():
    state, readout = (
        jnp.asarray(real(2, 8, 6)),
        chebyshev_readout(rank=(4, 7), relative_eps=0.01, noise="uniform", cap=True),
    )
    flow = one_pass(readout)
    values = flow.transfer("layer", state).values
    found = readout(state, key=jax.random.fold_in(jax.random.key(3), 0))
    rounding = 4 * np.finfo(values.dtype).eps * np.abs(found.values).max()  # a batch of one is another program
    np.testing.assert_allclose(values, found.values, rtol=0, atol=rounding)
    (told,) = flow.transfers
    assert (told.name, told.shape, told.rank, told.capped) == ("layer", (2, 8, 6), (4, 6), True)
    assert (int(told.shots), int(told.queries)) == readout.price((2, 8, 6)) == (48, 48 * 1257)
    x, y = (np.asarray(part, float).reshape(-1) for part in (state, values))
    overlap = np.dot(x, y) ** 2 / np.dot(x, x) / np.dot(y, y)
    assert float(told.infidelity) == pytest.approx(1 - overlap, rel=1e-5)
    amplitude = np.linalg.norm(x) / np.abs(x).max() / np.sqrt(x.size)
    assert float(told.amplitude) == pytest.approx(amplitude, rel=1e-5)
    assert not np.array_equal(flow.transfer("again", state).values, values), "every transfer has its own key"


def test_a_transfer_rounds_values_to_the_format_of_the_registers():
    flow = one_pass(exact_readout(), FixedArithmetic(NARROW))
    assert flow.transfer("layer", jnp.array([0.3, 9.0])).values.tolist() == [0.3125, -7.0]
    assert int(flow.transfers[0].misfits) == 1


@pytest.mark.numerics
def test_infidelity_of_close_states_has_no_cancellation():
    x = jnp.array([1.0, 1e-5])
    assert float(infidelity(x, jnp.array([1.0, 0.0]))) == pytest.approx(1e-10, rel=1e-4)
    assert float(infidelity(-3 * x, x)) < 1e-12
    assert float(infidelity(jnp.zeros(2), x)) == 1
    assert float(digital_amplitude(jnp.zeros(2))) == 1


def test_a_rank_above_its_axis_raises_unless_capped():
    with pytest.raises(ValueError, match="`rank` must"):
        one_pass(chebyshev_readout(rank=(9, 1), relative_eps=0.1)).transfer("layer", jnp.ones((1, 8, 8)))
    flow = one_pass(chebyshev_readout(rank=(9, 1), relative_eps=0.1, noise="exact", cap=True))
    np.testing.assert_allclose(flow.transfer("layer", jnp.ones((1, 8, 8))).values, 1, rtol=1e-5)


def test_readout_of_a_zero_state_is_zero_without_bounds():
    flow = one_pass(tomography(copies=10))
    assert flow.transfer("layer", jnp.zeros(3)).values.tolist() == [0, 0, 0]
    assert np.isinf(flow.transfers[0].error_bound)


@pytest.mark.parametrize("eps", [0.0, -0.1, 2.0])
def test_a_precision_out_of_range_raises(eps):
    with pytest.raises(ValueError, match=f"`relative_eps` must lie strictly between 0 and 2, but is {eps}"):
        chebyshev_readout(rank=3, relative_eps=eps)
    with pytest.raises(ValueError, match=f"`relative_eps` must lie strictly between 0 and 2, but is {eps}"):
        weight_gradients(relative_eps=eps)


# Estimated gradients


@pytest.mark.numerics
def test_exact_inner_products_agree_with_the_gradient_of_autodiff(tol):
    x, weight, target = (jnp.asarray(real(*shape)) for shape in ((6, 3), (2, 3), (6, 2)))
    found = weight_gradients(relative_eps=0, noise="exact")  # relative_eps is not used

    def loss(x, weight, dense):
        return jnp.sum(jnp.tanh(dense(x, weight)) * target)

    def estimated(x, w):
        return estimated_dense(x, w, found, key=jax.random.key(0))

    for i in range(2):
        grads = [jax.grad(loss, i)(x, weight, dense) for dense in (estimated, lambda x, w: x @ w.T)]
        np.testing.assert_allclose(*grads, rtol=0, atol=tol())


def test_errors_of_estimates_are_bounded_by_the_lengths_of_the_vectors():
    """Uniform noise keeps the bound with certainty and comes close to it."""
    x, upstream = jnp.asarray(real(7, 3)), jnp.asarray(real(7, 2))
    found = weight_gradients(relative_eps=0.2, noise="uniform")
    keys = jax.random.split(jax.random.key(1), 200)
    draws = jax.vmap(lambda key: inner_products(upstream, x, found, key=key))(keys)
    unit = np.outer(np.linalg.norm(upstream, axis=0), np.linalg.norm(x, axis=0))
    relative = (np.asarray(draws) - np.asarray(upstream.T @ x)) / unit
    assert 0.19 < np.abs(relative).max() <= 0.2 + 1e-6
    assert np.abs(relative.mean(axis=0)).max() < 4 * 0.2 / np.sqrt(3 * 200)


def test_inner_products_with_a_zero_column_are_zero_without_nan():
    x = jnp.zeros((4, 2)).at[:, 0].set(1.0)
    grad = inner_products(jnp.ones((4, 1)), x, weight_gradients(relative_eps=0.1), key=jax.random.key(0))
    assert np.isfinite(grad).all()
    assert float(grad[0, 1]) == 0


def test_input_gradients_by_arithmetic_agree_with_integers():
    x, weight, upstream = on_grid(3, 4), on_grid(2, 4), on_grid(3, 2)
    found = weight_gradients(relative_eps=0.1, noise="exact", format=FORMAT)
    grad = jax.grad(lambda x: jnp.sum(estimated_dense(x, weight, found, key=jax.random.key(0)) * upstream))(x)
    np.testing.assert_array_equal(integers(grad), integers(upstream) @ integers(weight) >> FORMAT.fraction)


# Overhead


@pytest.mark.slow
def test_overhead_is_queries_times_depth_of_circuits():
    readout = chebyshev_readout(rank=(3, 3), relative_eps=0.1)
    net = QResNet(2, 3, width=4, stages=2, blocks=1, readout=readout, rngs=nnx.Rngs(0))
    found = overhead(net, (2, 8, 8), NARROW)
    depth = {name: counts(operation(name, NARROW)).t_depth for name in ("multiply", "add", "relu")}
    depth["arccos"] = counts(arithmetic.arccos_circuit(NARROW)).t_depth
    by_name = {layer.name: layer for layer in found.layers}
    conv, end = by_name["block1.first.conv"], by_name["block1"]
    assert conv.depth == 4 * 9 * (depth["multiply"] + depth["add"]) + depth["arccos"]
    assert end.depth == depth["multiply"] + 2 * depth["add"] + depth["relu"] + depth["arccos"]
    assert conv.queries == 8 * 9 * 125 == readout.price((8, 4, 4))[1]
    assert conv.macs == 8 * 4 * 4 * 4 * 9
    assert found.quantum == sum(layer.queries * layer.depth for layer in found.layers)
    stem, first, second, side = 4 * 2 * 9 * 64, 2 * 4 * 4 * 9 * 64, (8 * 4 + 8 * 8) * 9 * 16, 8 * 4 * 16
    assert found.macs == stem + first + second + side + 8 * 3


def test_price_agrees_with_the_shots_and_queries_of_readouts():
    state, key = jnp.asarray(real(2, 4, 4)), jax.random.key(0)
    for readout in (
        exact_readout(),
        tomography(copies=100),
        chebyshev_readout(rank=(2, 3), relative_eps=0.1, noise="gaussian"),
    ):
        found = readout(state, key=key)
        assert (int(found.shots), int(found.queries)) == readout.price(state.shape)


class Doubled(ReadoutMethod):
    """A custom readout: exact values with three queries for each entry."""

    def measure(self, amplitudes, *, key):
        size = amplitudes.state.size
        return amplitudes.readout(amplitudes.state, shots=size, queries=3 * size, entry=0.0, total=0.0, method="own")


def test_a_network_runs_and_is_counted_with_a_custom_readout():
    net = QResNet(1, 2, width=2, stages=1, blocks=1, readout=Doubled(), rngs=nnx.Rngs(0))
    image = jnp.asarray(real(1, 4, 4), jnp.float32)
    found, run = overhead(net, image.shape, NARROW), net.run(image, key=jax.random.key(0))
    assert [layer.queries for layer in found.layers] == [int(transfer.queries) for transfer in run.transfers]
    assert all(layer.queries == 3 * np.prod(layer.shape) for layer in found.layers)
    with pytest.raises(ValueError, match="`key` must be given where values are drawn"):
        net.run(image)


@pytest.mark.slow
def test_amplification_costs_the_inverse_of_the_success_amplitude():
    net = QResNet(1, 2, width=2, stages=1, blocks=1, readout=tomography(copies=10), rngs=nnx.Rngs(0))
    image = jnp.asarray(real(1, 4, 4), jnp.float32)
    found, run = overhead(net, image.shape, NARROW), jax.jit(net.run)(image, key=jax.random.key(0))
    expected = sum(x.quantum / float(t.amplitude) for x, t in zip(found.layers, run.transfers, strict=True))
    assert amplified(found, run) == pytest.approx(expected)
    assert amplified(found, run) > found.quantum
