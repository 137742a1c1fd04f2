"""Schedules of exchanges: laws over random circuits, and the number of exchanges against a search over all choices."""

import itertools
import random

import pytest

from qla_jax.variational.sharding.schedule import Act, Exchange, MixedRow, num_exchanges, schedule


def drawn(seed, num_qubits, num_gates, repeats=1):
    """A row of gates that mix up to two qubits each, or none."""
    dice = random.Random(seed)
    mixed = [tuple(dice.sample(range(num_qubits), dice.choice([0, 1, 1, 1, 2]))) for _ in range(num_gates)]
    return MixedRow(repeats, tuple(mixed))


def layer_on_all(num_qubits, repeats=1):
    turns = [(qubit,) for qubit in range(num_qubits)]
    return MixedRow(repeats, (*turns, *(() for _ in turns), *turns[1:]))


def walk(rows, legs, count):
    """Follow a schedule, and return what acted and how often an exchange was made."""
    home = held = tuple(range(count))
    acted, exchanges = [], 0
    for leg in legs:
        began = held
        for step in leg.steps:
            if isinstance(step, Exchange):
                assert step.before == held and not set(held) & set(step.after)
                assert len(step.after) == count and list(step.after) == sorted(step.after)
                held = step.after
            else:
                assert step.held == held
                assert not set(rows[leg.layer].mixed[step.gate]) & set(held)
                acted.append((leg.layer, step.gate))
        repeats = 1 if leg.layer is None else rows[leg.layer].repeats
        assert repeats == 1 or held == began
        exchanges += repeats * num_exchanges(leg.steps)
    assert held == home
    return acted, exchanges


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_gate_acts_once_in_order_on_qubits_that_no_device_holds(count):
    for seed in range(60):
        rows = [drawn(seed + part, 9, 12, repeats) for part, repeats in enumerate((1, 3, 1, 2))]
        acted, _ = walk(rows, schedule(rows, 9, count), count)
        assert acted == [(layer, gate) for layer, row in enumerate(rows) for gate in range(len(row.mixed))]


def fewest(mixed, num_qubits, count):
    """The least number of exchanges for a row, from the first qubits held to any, by trying all choices."""
    reached = {tuple(range(count)): 0}
    for needed in mixed:
        nearer = {}
        for held, cost in reached.items():
            if not set(held) & set(needed):
                nearer[held] = min(cost, nearer.get(held, cost))
                continue
            free = [qubit for qubit in range(num_qubits) if qubit not in held and qubit not in needed]
            for after in itertools.combinations(free, count):
                nearer[after] = min(cost + 1, nearer.get(after, cost + 1))
        reached = nearer
    return min(reached.values())


@pytest.mark.parametrize("count", [1, 2])
def test_exchanges_before_the_return_are_the_fewest_or_one_more(count):
    more = []
    for seed in range(40):
        row = drawn(seed, 7, 16)
        steps = next(leg.steps for leg in schedule([row], 7, count) if leg.layer == 0)
        more.append(num_exchanges(steps) - fewest(row.mixed, 7, count))
    assert set(more) <= {0, 1} and sum(more) <= 4


@pytest.mark.parametrize("num_qubits", [16, 20, 34])
def test_a_layer_on_all_qubits_takes_four_exchanges_and_three_more_for_each_repeat(num_qubits):
    for repeats, exchanges in ((1, 4), (2, 8), (5, 17)):
        rows = [layer_on_all(num_qubits, repeats)]
        assert walk(rows, schedule(rows, num_qubits, 3), 3)[1] == exchanges


def test_gates_that_mix_nothing_take_no_exchange():
    (leg,) = schedule([MixedRow(4, ((), ()))], 12, 3)
    assert leg.steps == (Act(0, (0, 1, 2)), Act(1, (0, 1, 2)))
    assert schedule([], 12, 3) == ()
