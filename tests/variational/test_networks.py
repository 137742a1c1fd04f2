"""Classifiers, quantum readout and QCNN against dense matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.variational.classifier import classify, cross_entropy, quantum_readout, require_labels
from qla_jax.variational.qcnn import qcnn, qcnn_angles_shape, qcnn_circuit, qcnn_kept
from tests.cases import real
from tests.variational import dense


def ry_chain(angles, n):
    total = np.eye(1 << n)
    for unit in angles[:, 0]:
        for q, angle in enumerate(unit):
            total = dense.on(dense.turn("Y", angle), (q,), n) @ total
        for q in range(n - 1):
            total = dense.on(dense.CX, (q, q + 1), n) @ total
    return total


def z(state, q, n):
    return (state.conj() @ dense.word("I" * q + "Z" + "I" * (n - 1 - q)) @ state).real


@pytest.mark.numerics
def test_scores_of_a_classifier_are_those_of_its_matrices(tol):
    x, angles = real(2), real(2, 1, 3)
    found = jax.jit(lambda x, a: classify(x, a, num_classes=2))(jnp.asarray(x), jnp.asarray(angles))
    state = np.eye(8)[0]
    for q, value in enumerate(x):
        state = dense.on(dense.turn("Y", value), (q,), 3) @ state
    state = ry_chain(angles, 3) @ state
    np.testing.assert_allclose(found, [z(state, 0, 3), z(state, 1, 3)], rtol=0, atol=tol("exact", factor=20))


@pytest.mark.numerics
def test_the_readout_loads_features_as_amplitudes(tol):
    features, angles = real(1, 3, 3), real(1, 1, 4)
    found = quantum_readout(jnp.asarray(features), jnp.asarray(angles), num_classes=3)
    flat = np.pad(features.reshape(-1), (0, 7)) / np.linalg.norm(features)
    state = ry_chain(angles, 4) @ flat
    np.testing.assert_allclose(found, [z(state, q, 4) for q in (1, 2, 3)], rtol=0, atol=tol("exact", factor=20))


def test_few_features_are_seen_by_all_measured_qubits():
    """A control: the first qubits of ten do not know which of 49 features there are."""
    angles = jnp.asarray(real(1, 1, 10))
    scores = jax.jit(lambda features, classes: quantum_readout(features, angles, num_classes=classes), static_argnums=1)
    one, other = (scores(jnp.asarray(real(1, 7, 7)[:, ::step]), 10) for step in (1, -1))
    assert np.abs(one[:4] - other[:4]).max() < 1e-6 < 1e-3 < np.abs(one[6:] - other[6:]).min()
    np.testing.assert_array_equal(scores(jnp.asarray(real(1, 7, 7)), 4), one[6:])


@pytest.mark.numerics
def test_the_readout_of_zero_features_is_zero_and_has_a_finite_gradient():
    angles = jnp.asarray(real(1, 1, 4))
    call = jax.jit(jax.value_and_grad(lambda f, a: quantum_readout(f, a).sum(), (0, 1)))
    value, gradient = call(jnp.zeros((1, 3, 3)), angles)
    assert value == 0
    assert all(np.isfinite(one).all() for one in gradient)
    with pytest.raises(ValueError, match="`x` must not be zero"):
        quantum_readout(jnp.zeros((1, 3, 3)), angles)


@pytest.mark.numerics
def test_the_loss_is_cross_entropy(tol):
    scores = real(4)
    expected = -np.log(np.exp(scores) / np.exp(scores).sum())
    found = [cross_entropy(jnp.asarray(scores), label) for label in range(4)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=10))


@pytest.mark.parametrize("label", [-1, 4])
def test_labels_out_of_range_raise_or_cost_infinity(label):
    with pytest.raises(ValueError, match=f"`label` must lie between 0 and 3, but one is {label}"):
        cross_entropy(jnp.ones(4), label)
    assert jax.jit(cross_entropy)(jnp.ones(4), label) == jnp.inf
    np.testing.assert_array_equal(jax.jit(jax.grad(cross_entropy))(jnp.ones(4), label), np.zeros(4))


def dense_qcnn(angles, n):
    total, kept = np.eye(1 << n), list(range(n))
    for row in angles:
        pairs = [(kept[i], kept[i + 1]) for start in (0, 1) for i in range(start, len(kept) - 1, 2)]
        for pair in pairs:
            total = dense.on(dense.block(row[:15]), pair, n) @ total
        for i in range(0, len(kept) - 1, 2):
            stays, goes = kept[i], kept[i + 1]
            # As a choice: RZ where the pooled qubit is 1, RX where it is 0.
            choice = np.kron(np.diag([1, 0]), dense.turn("X", row[16])) + np.kron(
                np.diag([0, 1]), dense.turn("Z", row[15])
            )
            total = dense.on(choice, (goes, stays), n) @ total
        kept = kept[::2]
    return total, kept


@pytest.mark.numerics
@pytest.mark.parametrize(("n", "stages"), [(4, 2), (5, 2)])
def test_a_qcnn_convolves_and_pools(n, stages, tol):
    angles, x = real(*qcnn_angles_shape(stages)), real(n)
    found = jax.jit(qcnn)(jnp.asarray(x), jnp.asarray(angles))
    state = np.eye(1 << n)[0]
    for q, value in enumerate(x):
        state = dense.on(dense.turn("Y", value), (q,), n) @ state
    matrix, kept = dense_qcnn(angles, n)
    assert tuple(kept) == qcnn_kept(n, stages)
    expected = [z(matrix @ state, q, n) for q in kept]
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=50))


def test_the_depth_of_a_qcnn_is_logarithmic():
    gates = [qcnn_circuit(jnp.zeros(qcnn_angles_shape(k)), 1 << k).num_gates for k in (2, 3, 4)]
    assert gates == [3 + 8 + 1 + 4, 7 + 16 + 3 + 8 + 1 + 4, 15 + 32 + 7 + 16 + 3 + 8 + 1 + 4]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: classify(jnp.ones(4), jnp.zeros((1, 1, 3)), num_classes=2), "`x` must have at most 3 entries"),
        (lambda: classify(jnp.ones(3), jnp.zeros((1, 1, 3)), num_classes=4), "`num_classes` must lie between 1 and 3"),
        (lambda: quantum_readout(jnp.ones(17), jnp.zeros((1, 1, 4))), "`num_qubits` must be at least 5 for 17 entries"),
        (lambda: require_labels(jnp.ones(3), 2), "`labels` must be integers"),
        (lambda: qcnn_kept(4, 3), "`stages` must leave two qubits to the last one of 4, but is 3"),
        (lambda: qcnn_kept(4, 0), "`stages` must be at least 1, but is 0"),
        (lambda: qcnn_circuit(jnp.zeros((1, 16)), 4), "`angles` must have shape (1, 17), but has (1, 16)"),
    ],
)
def test_bad_input_raises(make, told):
    with pytest.raises(ValueError) as failure:
        make()
    assert told in str(failure.value)
