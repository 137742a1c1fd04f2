"""T counts at a stated precision, and the error that synthesized rotations add, compared with perturbed circuits."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax.accounting.gates import Gates, t_per_rotation
from qla_jax.circuits import Circuit, Gate, count, to_matrix

WORDS = {"XZ": 0.5, "ZI": -0.3, "YY": 0.2}
ROTATIONS = ("rx", "ry", "rz")


def turns(number: int, alpha: float = 1.0, eps: float = 0.0):
    """Rotations of one wire about one axis, whose errors add up to the last bit."""
    return qla.from_circuit(Circuit(1, (Gate("rz", 0, 0.3),) * number), num_ancillas=0, alpha=alpha, eps=eps)


def perturbed(circuit: Circuit, delta: float, seed: int | None = None) -> Circuit:
    """The circuit with an error of exactly `delta` of each rotation, forward or, with a seed, in a random direction."""
    draw, turn = np.random.default_rng(seed), 4 * math.asin(delta / 2)  # |exp(i turn / 2) - 1| = delta

    def moved(part):
        if getattr(part, "name", "") not in ROTATIONS:
            return part
        assert not part.controls  # counted as two rotations otherwise
        return replace(part, angle=part.angle + turn * (1 if seed is None else draw.choice([-1, 1])))

    return Circuit(circuit.num_wires, tuple(map(moved, circuit.elementary())))


def distance(left, right) -> float:
    return float(np.linalg.norm(np.asarray(left) - np.asarray(right), 2))


# --- By hand.


def test_a_total_error_is_divided_equally_among_the_rotations():
    gates = Gates(rotations=4, toffoli=3, t=5)
    by_hand = 5 + 4 * 3 + math.ceil(4 * (1.15 * math.log2(4e8) + 9.2))
    assert gates.t_count(total_eps=1e-8) == gates.t_count(2.5e-9) == by_hand
    assert gates.t_depth(total_eps=1e-8) == gates.t_depth(2.5e-9) == by_hand - 3 * 3
    side = Gates(rotations=3) | Gates(rotations=1)  # all four share the error, three are layers
    assert side.t_depth(total_eps=1e-8) == math.ceil(3 * t_per_rotation(2.5e-9))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_unequal_shares_of_the_error_take_more_t_gates(share):
    unequal = t_per_rotation(share * 1e-6) + t_per_rotation((1 - share) * 1e-6)
    assert 2 * t_per_rotation(0.5e-6) < unequal


def test_circuits_without_rotations_need_no_error():
    gates = Gates(toffoli=3, t=1)
    assert gates.t_count() == gates.t_count(total_eps=1e-3) == gates.t_count(1e-3) == 13


@pytest.mark.x64
def test_rotations_add_alpha_times_their_errors_to_eps():
    """0.25 + 2 x 3 x 1e-3."""
    found = qla.cost(turns(3, alpha=2.0, eps=0.25), rotation_eps=1e-3)
    assert math.isclose(found.eps, 0.256) and found.rotation_eps == 1e-3
    assert found.t_count() == math.ceil(3 * t_per_rotation(1e-3)) == found.t_depth()
    assert found.t_count(1e-6) > found.t_count() > found.t_count(total_eps=0.1)


@pytest.mark.x64
def test_exact_rotations_leave_eps_alone():
    enc = turns(3, alpha=2.0, eps=0.25)
    assert qla.cost(enc).eps == enc.cost().eps == 0.25 and qla.cost(enc).rotation_eps is None
    assert qla.cost(turns(0, eps=0.25), rotation_eps=1e-3).eps == 0.25
    assert enc.cost(rotation_eps=1e-3) == qla.cost(enc, rotation_eps=1e-3)


def test_costs_without_numbers_have_t_counts_and_no_eps():
    shape = jax.eval_shape(lambda: qla.block_encode_pauli(WORDS) @ qla.load_vector(jnp.ones(4)))
    found = qla.cost(shape, rotation_eps=1e-6)
    assert found.eps is None and found.t_count() == found.gates.t_count(1e-6) > 0
    assert (
        qla.cost(jax.vmap(lambda A: qla.block_encode(A, alpha=2.0))(jnp.ones((2, 2, 2))), rotation_eps=1e-6).eps is None
    )


def test_the_error_is_unknown_where_nodes_are_not_counted():
    class Opaque(qla.BlockEncoding):
        def apply(self, state):
            return state

        def apply_adjoint(self, state):
            return state

    plain = qla.block_encode(jnp.eye(2))
    fields = {name: getattr(plain, name) for name in qla.BlockEncoding.__dataclass_fields__}
    assert qla.cost(Opaque(**fields), rotation_eps=1e-6).eps == math.inf
    assert qla.cost(Opaque(**fields)).eps == 0


def test_the_table_names_the_t_gates_and_the_error():
    enc = qla.block_encode_pauli(WORDS)
    found = qla.cost(enc, rotation_eps=1e-6)
    assert f"T gates{' ' * 25}"[:8] in str(found) and f"{found.t_count()}, with an error of 1e-06" in str(found)
    assert f"{found.eps:.4g}" in str(found) and "T gates" not in str(qla.cost(enc))


# --- Perturbed circuits.


@pytest.mark.x64
@pytest.mark.parametrize("number", [1, 5, 20])
def test_errors_of_rotations_about_one_axis_reach_the_bound(number):
    enc, delta = turns(number, alpha=3.0), 1e-4
    error = 3.0 * distance(to_matrix(perturbed(qla.to_circuit(enc), delta)), qla.unitary(enc))
    bound = qla.cost(enc, rotation_eps=delta).eps
    assert error <= bound * (1 + 1e-9) and error > 0.999 * bound
    assert error > 2 * bound / 3.0  # without alpha it would not be a bound


@pytest.mark.x64
@pytest.mark.parametrize(
    "build",
    [
        lambda: qla.block_encode_pauli(WORDS),
        lambda: qla.qsvt(qla.block_encode_pauli(WORDS), [0.0, 0.3, 0.0, 0.6]),
        lambda: qla.block_encode_pauli(WORDS) @ qla.load_vector(np.arange(1.0, 5.0)),
    ],
    ids=["sum of words", "qsvt", "encoded vector"],
)
def test_the_bound_holds_for_the_encoded_matrix_of_a_perturbed_circuit(build):
    enc, delta = build(), 1e-4
    circuit = qla.to_circuit(enc)
    found = qla.cost(enc, rotation_eps=delta)
    assert count(circuit).rotations <= found.gates.rotations
    rows, columns = (1 << enc.num_qubits, 1) if isinstance(enc, qla.VectorEncoding) else enc.shape

    def encoded(unitary):
        return float(enc.alpha) * np.asarray(unitary)[:rows, :columns]

    errors = [distance(encoded(to_matrix(perturbed(circuit, delta, k))), encoded(qla.unitary(enc))) for k in range(4)]
    assert 0.1 * found.eps < max(errors) <= found.eps


# --- Bad input.


@pytest.mark.parametrize("eps", [0.0, 1.0, -1e-3, math.nan, math.inf])
def test_errors_that_no_rotation_has_are_refused_by_name(eps):
    enc, gates = qla.block_encode(jnp.eye(2)), Gates(rotations=2)
    with pytest.raises(ValueError, match="`rotation_eps` must"):
        qla.cost(enc, rotation_eps=eps)
    for call in (gates.t_count, gates.t_depth, qla.cost(enc).t_count, qla.cost(enc).t_depth):
        with pytest.raises(ValueError, match="`total_eps` must"):
            call(total_eps=eps)


def test_two_errors_are_refused():
    for call in (Gates(rotations=2).t_count, qla.cost(qla.block_encode(jnp.eye(2))).t_depth):
        with pytest.raises(ValueError, match="`total_eps` must not be given together with `rotation_eps`"):
            call(1e-3, total_eps=1e-3)
