"""Linear systems: the solution is as near as was asked for, by NumPy's pseudo-inverse as an oracle."""

import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from tests.cases import cplx, real

pytestmark = pytest.mark.x64

RANK_ONE = np.outer([1.0, 2.0, 2.0], [3.0, 4.0])
SYSTEMS = {
    "square": (real(4, 4), real(4)),
    "tall, b outside of the range": (real(4, 3), 10 * real(4)),
    "wide": (cplx(2, 4), cplx(2)),
    "small units": (1e-3 * real(3, 3), 1e-2 * real(3)),
    "rank one": (RANK_ONE, np.array([1.0, 1.0, 0.0])),
}


def condition(matrix: np.ndarray) -> float:
    values = np.linalg.svd(matrix, compute_uv=False)
    return float(values[0] / values[values > 1e-9 * values[0]][-1]) * (1 + 1e-9)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("eps", [1e-2, 1e-6])
@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.sample(4)
def test_solutions_are_within_the_requested_error(name, eps, normalized):
    matrix, b = SYSTEMS[name]
    wanted = np.linalg.pinv(matrix, rcond=1e-9) @ b
    scale = np.linalg.norm(wanted)
    absolute = eps if normalized else eps * scale
    found = qla.solve(
        qla.block_encode(matrix),
        qla.vector_encode(b, pad=True),
        kappa=max(condition(matrix), 1.1),
        eps=absolute,
        normalized=normalized,
    )
    error = np.linalg.norm(found.x - (wanted / scale if normalized else wanted))
    assert error <= found.eps <= absolute
    assert np.linalg.norm(qla.run(found.encoding) - found.x) <= 1e-10 * np.linalg.norm(found.x)
    success = np.linalg.norm(found.x) ** 2 / float(found.encoding.alpha) ** 2
    np.testing.assert_allclose(found.success_probability, success, rtol=1e-10)


def test_queries_are_calls_of_the_circuit_of_the_matrix():
    product = qla.block_encode(real(2, 3)) @ qla.block_encode(real(3, 2))
    kappa = condition(real(2, 3) @ real(3, 2)) * float(product.alpha / np.linalg.norm(real(2, 3) @ real(3, 2), 2))
    found = qla.solve(product, qla.vector_encode(real(2)), kappa=kappa, eps=1e-3)
    calls = found.cost.num_queries
    assert found.queries == calls["Dense[0]"] == calls["Dense[1]"] > 10


def test_the_error_of_the_right_hand_side_counts():
    enc, vec = qla.block_encode(np.eye(2)), qla.vector_encode([0.6, 0.8])
    rough = vec.replace(eps=jnp.asarray(1e-3))
    found = qla.solve(enc, rough, kappa=2.0, eps=1e-2)
    assert 2e-3 <= found.eps <= 1e-2
    with pytest.raises(ValueError, match=r"`eps` must leave room for errors that are given, but is 0\.001"):
        qla.solve(enc, rough, kappa=2.0, eps=1e-3)


def test_a_kappa_that_the_matrix_violates_leaves_the_error_unknown():
    enc = qla.block_encode(np.diag([1.0, 0.1]))
    with pytest.warns(UserWarning, match=r"`kappa` = 5 states that .* below alpha/kappa = 0\.2, and the check"):
        found = qla.solve(enc, qla.vector_encode([1.0, 1.0]), kappa=5.0, eps=1e-3)
    assert np.isinf(found.eps)


@pytest.mark.parametrize("kappa", [0.0, 1.0, np.inf, np.nan])
def test_a_kappa_that_bounds_nothing_is_refused(kappa):
    with pytest.raises(ValueError, match=f"`kappa` must be .*{kappa}"):
        qla.solve(qla.block_encode(np.eye(2)), qla.vector_encode([1.0, 1.0]), kappa=kappa, eps=1e-3)


def test_errors_and_warnings_about_shares_of_an_error_name_the_whole():
    """And warnings point at the line of the caller, not into the package."""
    enc, vec = qla.block_encode(np.array([[2.0, 1.0], [1.0, 2.0]])), qla.vector_encode([3.0, 3.0])
    with pytest.raises(ValueError, match=r"`eps` of 1e-14 leaves .* for the inverse of `enc`, which cannot be had"):
        qla.solve(enc, vec, kappa=3.5, eps=1e-14)
    paulis = qla.block_encode_pauli({"XZ": 0.5, "ZI": 0.3})
    with pytest.raises(ValueError, match="`eps` of 1e-16 leaves 5e-17 for each of cosine and sine"):
        qla.hamiltonian_simulation(paulis, 5.0, eps=1e-16)
    with pytest.warns(qla.RoundingWarning, match="`eps` of 1.0e-14 was asked for") as seen:
        qla.hamiltonian_simulation(paulis, 5.0, eps=1e-14)
    assert seen[0].filename == __file__


ZERO, SINGULAR = qla.block_encode(np.zeros((2, 2)), alpha=1.0), qla.block_encode(np.diag([1.0, 0.0]))
KERNEL = {"enc": SINGULAR, "vec": qla.vector_encode([0.0, 1.0])}


def test_the_solution_for_a_vector_of_the_cokernel_is_zero():
    assert np.linalg.norm(qla.solve(**KERNEL, kappa=2.0, eps=0.01).x) <= 0.01


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"enc": ZERO}, "`enc` must not encode the zero matrix"),
        ({"enc": qla.block_encode(np.zeros((2, 2)))}, "`enc` must not encode the zero matrix"),
        (KERNEL | {"normalized": True}, "`vec` must have a part in the range of `enc`"),
        ({"eps": 1e-18}, "`eps` must be at least .* but is 1e-18"),
        ({"eps": 0.0}, "`eps` must be positive"),
        ({"kappa": 1.0}, "`kappa` must"),
        ({"vec": qla.vector_encode(np.ones(3), pad=True)}, r"\(3,\)"),
    ],
)
def test_bad_input_raises(options, told):
    arguments = {"enc": qla.block_encode(np.eye(2)), "vec": qla.vector_encode([1.0, 0.0]), "kappa": 2.0, "eps": 0.1}
    arguments |= options
    with pytest.raises(ValueError, match=told):
        qla.solve(arguments.pop("enc"), arguments.pop("vec"), **arguments)


# --- Errors are absolute, or named relative.


def test_absolute_errors_are_in_units_of_the_encoded_matrix():
    enc, vec = qla.block_encode(np.diag([4.0, 2.0])), 0.5 * qla.vector_encode([30.0, 40.0])
    absolute, relative = (qla.pseudo_inverse(enc, 2.0, **error) for error in ({"eps": 1e-3}, {"relative_eps": 4e-3}))
    assert absolute.eps == relative.eps <= 1.01e-3
    loud = [qla.amplify(vec, amplitude_bound=0.5, **error) for error in ({"eps": 0.25}, {"relative_eps": 0.01})]
    np.testing.assert_allclose(loud[0].eps, loud[1].eps, rtol=1e-12)
    assert loud[0].eps <= 0.2501
    for call in (qla.pseudo_inverse, qla.amplify_to_norm):
        options = {"kappa": 2.0} if call is qla.pseudo_inverse else {}
        with pytest.raises(ValueError, match="Give one of `eps` and `relative_eps`, but they are None and None"):
            call(enc, **options)
        with pytest.raises(ValueError, match="Give one of `eps` and `relative_eps`"):
            call(enc, **options, eps=0.1, relative_eps=0.1)


SHORT = qla.vector_encode([0.6, 0.8])
SMALL = qla.block_encode(0.1 * np.eye(2), alpha=1.0)


@pytest.mark.parametrize(
    ("call", "given"),
    [
        (lambda eps: qla.amplify(25.0 * qla.vector_encode([0.6, 0.8]), amplitude_bound=0.5, eps=eps), 30.0),
        (lambda eps: qla.uniform_amplification(SMALL, 2.0, gap=0.3, eps=eps), 5.0),
        (lambda eps: qla.amplify_to_norm(SMALL, eps=eps), 0.2),
        (lambda eps: qla.pseudo_inverse(SMALL, 20.0, eps=eps), 1e-18),
        (lambda eps: qla.amplify(SHORT, amplitude_bound=0.5, eps=eps), 3e-16),
        (lambda eps: qla.uniform_amplification(SMALL, 2.0, gap=0.3, eps=eps), 1.5e-16),
        (lambda eps: qla.amplify_to_norm(SMALL, eps=eps), 1e-16),
        (lambda eps: qla.amplify_to_norm(SMALL, eps=eps), 1e-19),
        (lambda eps: qla.uniform_amplification(SMALL, 2.0, gap=0.3, eps=eps), 1e-18),
    ],
)
def test_an_absolute_error_out_of_range_is_reported_in_its_own_units(call, given):
    with pytest.raises(ValueError, match=rf"^`eps` must be .* but is {given}"):
        call(given)


@pytest.mark.parametrize("eps", [1e-1, 1e-4, 1e-8])
@pytest.mark.parametrize("unit", [1e-3, 1.0, 50.0])
@pytest.mark.sample(4)
def test_absolute_errors_are_reached_in_any_units(unit, eps):
    """The polynomial takes the error that is asked for; its phase factors may add a millionth."""
    matrix, allowed = unit * np.diag([0.3, 0.2]), unit * eps
    enc, vec = qla.block_encode(matrix, alpha=unit), unit * qla.block_encode(0.5 * np.eye(2)) @ SHORT
    for found, ideal, bound in (
        (qla.pseudo_inverse(enc, 6.0, eps=eps / unit), np.linalg.inv(matrix), eps / unit),
        (qla.uniform_amplification(enc, 2.0, gap=0.3, eps=allowed), matrix, allowed),
        (qla.amplify_to_norm(enc, eps=allowed), matrix, allowed),
    ):
        assert np.linalg.norm(qla.block(found) - ideal, 2) <= float(found.eps + found.rounding)
        assert found.eps <= bound * (1 + 1e-6) + 1e-13 * float(found.alpha)
    loud = qla.amplify(vec, amplitude_bound=0.45, eps=allowed / 4)
    assert np.linalg.norm(loud.encoded - unit * np.array([0.3, 0.4])) <= float(loud.eps + loud.rounding)
    assert loud.eps <= allowed / 4 * (1 + 1e-6) + 1e-13 * unit
