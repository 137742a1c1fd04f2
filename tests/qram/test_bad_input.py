"""What cannot be a memory, a noise or a measurement raises and says why; traced values cannot be looked at."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.qram.bounds import certified_infidelity, infidelity_bound
from qla_jax.qram.exact import exact_fidelity
from qla_jax.qram.extrapolation import extrapolate, polynomial_fit
from qla_jax.qram.fidelity import Estimate, intact_fraction, overlap, read_fidelity
from qla_jax.qram.good import draw_good, fidelity_bound, good_moments, good_weight, trajectory_bound
from qla_jax.qram.loading import loading_infidelities, measured_infidelities, noisy_qram_encode
from qla_jax.qram.memories import load, memory, word
from qla_jax.qram.rates import amplitude_damping, bit_flip, depolarizing, noise, phase_flip
from qla_jax.qram.scheduling import schedule, site_count
from qla_jax.qram.sweeps import sweep
from qla_jax.qram.tree import trajectory_fidelity

KEY = jax.random.key(0)
MEM = memory([0, 1, 1, 0], word_bits=1)
LARGE = memory(np.zeros(128, int), word_bits=1)
QUIET = noise()
FIT = {"address_bits": 9, "word_bits": 32}

FAULTS = {
    "address above": (lambda: word(MEM, 4), "address", "from 0 to 3, but is 4"),
    "address below": (lambda: word(MEM, np.array([0, -1])), "address", "is -1"),
    "address of a fraction": (lambda: word(MEM, 0.5), "address", "float"),
    "six words": (lambda: memory(np.zeros(6, int), word_bits=1), "words", r"2\^n in number.* are 6"),
    "one word": (lambda: memory([0], word_bits=1), "words", "are 1"),
    "cube of words": (lambda: memory(np.zeros((2, 2, 2), int), word_bits=1), "words", r"\(2, 2, 2\)"),
    "word too long": (lambda: memory([0, 4], word_bits=2), "words", "from 0 to 3, but one is 4"),
    "negative word": (lambda: memory([0, -1], word_bits=2), "words", "is -1"),
    "bit of 2": (lambda: memory([[0], [2]], word_bits=1), "words", "from 0 to 1, but one is 2"),
    "words of fractions": (lambda: memory([0.5, 1.0], word_bits=1), "words", "float"),
    "other number of bits": (lambda: memory([[0, 1], [1, 1]], word_bits=3), "word_bits", "2 as in `words`, but is 3"),
    "no bits": (lambda: memory([0, 0], word_bits=0), "word_bits", "is 0"),
    "integers of 65 bits": (lambda: memory([0, 0], word_bits=65), "word_bits", "is 65"),
    "no address": (lambda: schedule(0, 1), "address_bits", "is 0"),
    "address of 29 bits": (lambda: site_count(29, 1), "address_bits", "is 29"),
    "state of another shape": (lambda: load(MEM, jnp.zeros((4, 4))), "state", r"\(4, 2\), but has \(4, 4\)"),
    "long words as integers": (lambda: word(memory(np.zeros((2, 64), int), word_bits=64), 0), "mem", "64"),
    "depolarizing above 1": (lambda: depolarizing(1.5), "rate", r"1\.5"),
    "negative bit flips": (lambda: bit_flip(-0.1), "rate", r"-0\.1"),
    "phase flips of NaN": (lambda: phase_flip(np.nan), "rate", "nan"),
    "two dampings": (lambda: amplitude_damping(np.array([0.1, 0.2])), "rate", r"\(2,\)"),
    "loss above 1": (lambda: noise(loss=2.0), "loss", r"2\.0"),
    "too many errors": (lambda: noise(x=0.6, z=0.6), "x", r"1\.2"),
    "no shots": (lambda: read_fidelity(MEM, QUIET, shots=0, key=KEY), "shots", "at least 2, but is 0"),
    "no shots of branches": (lambda: intact_fraction(MEM, QUIET, shots=0, key=KEY), "shots", "at least 1, but is 0"),
    "no batch": (lambda: read_fidelity(MEM, QUIET, shots=2, batch=0, key=KEY), "batch", "is 0"),
    "other amplitudes": (lambda: trajectory_fidelity(MEM, QUIET, jnp.ones(3), key=KEY), "amplitudes", r"\(3,\)"),
    "other weights": (lambda: good_weight(2, jnp.array([1]), jnp.ones(3)), "amplitudes", r"\(3,\)"),
    "tree too large": (lambda: trajectory_fidelity(LARGE, QUIET, key=KEY), "mem", "at most 6 .* has 7"),
    "density too large": (lambda: exact_fidelity(LARGE, QUIET), "mem", "at most 2 .* has 7"),
    "bound of a negative rate": (lambda: fidelity_bound(2, 1, -1.0), "rate", r"-1\.0"),
    "moments of a negative rate": (lambda: good_moments(2, 1, -1.0), "rate", r"-1\.0"),
    "drawn at a rate of 2": (lambda: draw_good(2, 1, 2.0, key=KEY), "rate", r"2\.0"),
    "sweep of nothing": (lambda: sweep([], [1], QUIET, shots=2, key=KEY), "address_sizes", r"\[\]"),
    "table of another shape": (
        lambda: extrapolate([1, 2, 3], [1], [[1]], [[1]], **FIT),
        "table",
        r"\(1, 3\).*\(1, 1\)",
    ),
    "band beyond all": (
        lambda: extrapolate([1], [1], [[1]], [[1]], **FIT, confidence=1.0),
        "confidence",
        r"is 1\.0",
    ),
    "too few points": (lambda: polynomial_fit([1, 1, 2], [1, 1, 1], [1, 1, 1], 2), "x", "3 different .* has 2"),
    "lengths that differ": (lambda: polynomial_fit([1, 2], [1], [1, 1], 1), "x", r"\(2,\), \(1,\)"),
    "no error of a point": (lambda: polynomial_fit([1, 2], [1, 1], [1, 0], 1), "errors", r"0\.0"),
    "point of NaN": (lambda: polynomial_fit([1, 2], [1, np.nan], [1, 1], 1), "y", "nan"),
    "five infidelities": (lambda: noisy_qram_encode(np.ones(8), infidelities=[0.0] * 5), "infidelities", "6 .* are 5"),
    "infidelity above 1": (lambda: noisy_qram_encode(np.ones(2), infidelities=[0, 1.5]), "infidelities", r"1\.5"),
    "words too long to store": (
        lambda: measured_infidelities(np.ones(4), QUIET, word_bits=32, shots=1, key=KEY),
        "word_bits",
        "32",
    ),
    "sites of half a bit": (lambda: site_count(2.5, 1), "address_bits", r"integer, but is 2\.5"),
    "address of truth": (lambda: schedule(True, 1), "address_bits", "True"),
    "words of 2.0 bits": (lambda: memory([0, 1], word_bits=2.0), "word_bits", r"integer, but is 2\.0"),
    "rate of None": (lambda: depolarizing(None), "rate", "numbers, but is None"),
    "rate of i": (lambda: noise(x=1j), "x", "real, but has dtype complex128"),
    "two traced dampings": (lambda: jax.jit(amplitude_damping)(jnp.zeros(2)), "rate", r"\(2,\)"),
    "shots and a half": (lambda: read_fidelity(MEM, QUIET, shots=2.5, key=KEY), "shots", r"2\.5"),
    "amplitudes of norm 2": (lambda: exact_fidelity(MEM, QUIET, jnp.ones(4)), "amplitudes", r"unit vector.* 2\.0"),
    "tree of norm 2": (lambda: trajectory_fidelity(MEM, QUIET, jnp.ones(4), key=KEY), "amplitudes", r"2\.0"),
    "shots of norm 2": (
        lambda: intact_fraction(MEM, QUIET, shots=1, amplitudes=jnp.ones(4), key=KEY),
        "amplitudes",
        r"2\.0",
    ),
    "weights of norm 2": (lambda: good_weight(2, jnp.array([1]), jnp.ones(4)), "amplitudes", r"2\.0"),
    "amplitude of NaN": (lambda: exact_fidelity(MEM, QUIET, [1.0, np.nan, 0.0, 0.0]), "amplitudes", "nan"),
    "node below the tree": (lambda: good_weight(2, [3, 9]), "nodes", "from 0 to 3, but one is 9"),
    "negative node": (lambda: good_weight(2, [-3]), "nodes", "is -3"),
    "half a node": (lambda: good_weight(2, [0.5]), "nodes", "integers, but are float"),
    "nodes in a square": (lambda: good_weight(2, [[1]]), "nodes", r"\(1, 1\)"),
    "weight of no tree": (lambda: good_weight(0, [0]), "address_bits", "is 0"),
    "sweep of fractions": (lambda: sweep([2], [1.5], QUIET, shots=2, key=KEY), "word_lengths", r"1\.5"),
    "loading -1 qubits": (
        lambda: loading_infidelities(-1, QUIET, word_bits=1),
        "num_qubits",
        "at least 0, but is -1",
    ),
    "loading words of nothing": (lambda: loading_infidelities(1, QUIET, word_bits=0), "word_bits", "is 0"),
    "loading without shots": (
        lambda: measured_infidelities(np.ones(2), QUIET, word_bits=1, shots=0, key=KEY),
        "shots",
        "is 0",
    ),
    "extrapolated to no memory": (
        lambda: extrapolate([1], [1], [[1]], [[1]], address_bits=0, word_bits=1),
        "address_bits",
        "is 0",
    ),
    "extrapolated from no memory": (lambda: extrapolate([0], [1], [[1]], [[1]], **FIT), "address_sizes", "is 0"),
    "more hits than shots": (
        lambda: certified_infidelity(Estimate(jnp.asarray(1.5), 0.0, 2), 2, 1, QUIET, 0.9),
        "found",
        r"1\.5",
    ),
    "certain of everything": (
        lambda: certified_infidelity(Estimate(jnp.ones(()), jnp.zeros(()), 1), 2, 1, QUIET, 1.0),
        "confidence",
        r"1\.0",
    ),
}


KINDS = {
    "noise of a number": (lambda: read_fidelity(MEM, 0.1, shots=2, key=KEY), "noise", "ErrorRates", "float"),
    "memory of a list": (lambda: read_fidelity([0, 1], QUIET, shots=2, key=KEY), "mem", "Memory", "list"),
    "branches in no memory": (lambda: intact_fraction(0, QUIET, shots=2, key=KEY), "mem", "Memory", "int"),
    "tree of no memory": (lambda: trajectory_fidelity(0, QUIET, key=KEY), "mem", "Memory", "int"),
    "channel of no noise": (lambda: exact_fidelity(MEM, 0.1), "noise", "ErrorRates", "float"),
    "bound of no noise": (lambda: infidelity_bound(2, 1, 0.1), "noise", "ErrorRates", "float"),
    "certified by a number": (lambda: certified_infidelity(0.9, 2, 1, QUIET, 0.9), "found", "Estimate", "float"),
    "loading by no noise": (lambda: loading_infidelities(2, 0.1, word_bits=1), "noise", "ErrorRates", "float"),
    "measured by no noise": (
        lambda: measured_infidelities(np.ones(4), 0.1, word_bits=1, shots=2, key=KEY),
        "noise",
        "ErrorRates",
        "float",
    ),
    "sweep of no noise": (lambda: sweep([2], [1], 0.1, shots=2, key=KEY), "noise", "ErrorRates", "float"),
    "load from a list": (lambda: load([0, 1], jnp.zeros((2, 2))), "mem", "Memory", "list"),
    "word of a list": (lambda: word([0, 1], 0), "mem", "Memory", "list"),
}


@pytest.mark.parametrize("name", KINDS)
def test_another_kind_of_thing_raises_naming_both(name):
    call, argument, wanted, given = KINDS[name]
    with pytest.raises(TypeError, match=rf"^`{argument}` must be of type {wanted}, but is of type {given}\.$"):
        call()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_raises_naming_the_argument_the_rule_and_the_value(name):
    call, argument, value = FAULTS[name]
    with pytest.raises(ValueError, match=rf"^`{argument}`.* must .*(?s:{value})") as caught:
        call()
    assert re.search(r", but .*\.$", str(caught.value), re.DOTALL)


def test_what_is_traced_is_refused_where_it_must_be_known_and_marked_where_it_may_be_wrong():
    with pytest.raises(ValueError, match="`mem` must be known, but is traced"):
        jax.jit(exact_fidelity)(MEM, QUIET)
    with pytest.raises(ValueError, match="`x` must be known, but is traced"):
        jax.jit(lambda x: measured_infidelities(x, QUIET, word_bits=2, shots=1, key=KEY))(np.ones(4))
    with pytest.raises(ValueError, match="`noise` must be known, but is traced"):
        jax.jit(lambda rates: measured_infidelities(np.ones(4), rates, word_bits=2, shots=1, key=KEY))(QUIET)
    with pytest.raises(ValueError, match="`found` must be known, but is traced"):
        jax.jit(lambda v: certified_infidelity(Estimate(v, v, 1), 2, 1, QUIET, 0.5))(1.0)
    eps = jax.jit(lambda bad: noisy_qram_encode(np.ones(2), infidelities=bad).eps)
    assert eps(jnp.array([0.0, 1.5])) == np.inf and eps(jnp.array([0.0, 0.5])) < np.inf


ONE_BIT = memory([0, 1], word_bits=1)
"""Of one level, at which no errors strike: rates are not even looked at."""
OF_RATES = {
    "channel": lambda rates: exact_fidelity(ONE_BIT, rates),
    "trajectory": lambda rates: trajectory_fidelity(ONE_BIT, rates, key=KEY),
    "pair": lambda rates: overlap(ONE_BIT, rates, jnp.int32(0), jnp.int32(1), key=KEY),
    "bound": lambda rates: infidelity_bound(1, 1, rates),
    "trajectory's bound": lambda rates: trajectory_bound(ONE_BIT, rates, key=KEY),
    "intact": lambda rates: intact_fraction(ONE_BIT, rates, shots=2, key=KEY).value,
}
OF_A_RATE = {
    "fidelity bound": lambda rate: fidelity_bound(1, 1, rate),
    "first moment": lambda rate: good_moments(1, 1, rate).mean,
    "second moment": lambda rate: good_moments(1, 1, rate).square,
    "drawn": lambda rate: draw_good(1, 1, rate, key=KEY),
}
OF_AMPLITUDES = {
    "channel": lambda amplitudes: exact_fidelity(ONE_BIT, QUIET, amplitudes),
    "trajectory": lambda amplitudes: trajectory_fidelity(ONE_BIT, QUIET, amplitudes, key=KEY),
    "weight": lambda amplitudes: good_weight(1, jnp.array([0]), amplitudes),
    "trajectory's bound": lambda amplitudes: trajectory_bound(ONE_BIT, QUIET, amplitudes, key=KEY),
    "intact": lambda amplitudes: intact_fraction(ONE_BIT, QUIET, shots=2, amplitudes=amplitudes, key=KEY).value,
}


def with_simulations_slow(names):
    slow = {"trajectory", "trajectory's bound", "intact"}
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in names]


def test_a_traced_rate_out_of_range_gives_nan_and_one_in_range_a_number():
    found = jax.jit(lambda rate: [depolarizing(rate), amplitude_damping(rate), noise(x=rate, z=rate)])
    assert np.isnan(found(2.0)[0].pauli) and np.isnan(found(2.0)[1].loss) and np.isnan(found(-0.1)[0].x)
    assert np.isnan(found(0.6)[2].x) and found(0.6)[2].loss == 0 and found(0.5)[2].pauli == 1
    for function in OF_A_RATE.values():
        assert np.isnan(jax.jit(function)(2.0)) and np.isnan(jax.jit(function)(-0.1)) and jax.jit(function)(0.5) == 1


@pytest.mark.parametrize("name", with_simulations_slow(OF_RATES))
def test_a_rate_that_is_none_gives_nan_and_not_the_result_without_noise(name):
    found = jax.jit(lambda rate, loss: OF_RATES[name](noise(z=rate, loss=loss)))
    assert np.isfinite(found(0.5, 0.1)) and np.isnan(found(2.0, 0.1)) and np.isnan(found(0.5, -0.1))


@pytest.mark.parametrize("name", with_simulations_slow(OF_AMPLITUDES))
def test_traced_amplitudes_of_another_norm_give_nan(name):
    found = jax.jit(OF_AMPLITUDES[name])
    assert found(jnp.array([0.6, -0.8])) == pytest.approx(1, abs=1e-6)
    assert np.isnan(found(jnp.ones(2))) and np.isnan(found(jnp.array([0.6, 0.8001]))) and np.isnan(found(jnp.zeros(2)))


def test_traced_nodes_of_no_tree_give_nan():
    found = jax.jit(lambda nodes: good_weight(2, nodes))
    assert (
        found(jnp.array([2, 0])) == 0.5 and np.isnan(found(jnp.array([2, 4]))) and np.isnan(found(jnp.array([-1, 2])))
    )


def test_what_the_rules_allow_does_not_raise():
    assert loading_infidelities(0, QUIET, word_bits=1).shape == (0,)
    assert noisy_qram_encode(np.array([3.0]), infidelities=loading_infidelities(0, QUIET, word_bits=1)).eps == 0
    assert schedule(np.int8(20), np.int8(3)) == schedule(20, 3) and good_weight(1, np.array([], int)) == 1
    np.testing.assert_array_equal(load(ONE_BIT, [[1, 0], [1, 0]]), [[1, 0], [0, 1]])
    assert int(word(memory([3, 0], word_bits=2), 0)) == 3
    assert memory(np.array([2**63, 0], np.uint64), word_bits=64).bits[0].tolist() == [1] + [0] * 63
    assert memory(np.ones((2, 70), bool), word_bits=70).word_bits == 70
    traced = jax.jit(lambda words: memory(words, word_bits=40).bits)(jnp.array([5, 0]))
    np.testing.assert_array_equal(traced, memory([5, 0], word_bits=40).bits)
    assert noise(x=0.5, z=0.5).pauli == 1 and bit_flip(1).x == 1
