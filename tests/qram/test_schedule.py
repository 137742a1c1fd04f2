"""The plan of a read: what it counts, and that its gates can act at the same time."""

import itertools

import numpy as np
import pytest

from qla_jax.qram.scheduling import held_site_count, schedule, site_count

SIZES = list(itertools.product(range(1, 9), range(1, 6)))


def touched(gate, n):
    """Elements of any one path: kind and level; cells and slots are told apart by what else a gate touches."""
    carrier, router = ("carrier", gate.place), ("router", gate.place)
    return {
        "exchange": [("carrier", 0)],
        "route": [carrier, router, ("carrier", gate.place + 1)],
        "store": [carrier, router],
        "read": [("carrier", n - 1), ("router", n - 1)],
    }[gate.kind]


@pytest.mark.parametrize(("n", "k"), SIZES)
def test_counted_sites_are_those_of_the_formula(n, k):
    plan = schedule(n, k)
    assert plan.steps == 6 * n + 2 * k
    assert 2 * sum(plan.active) == site_count(n, k) == 6 * n**2 + 4 * (k - 1) * n - (4 * k + 2)
    assert 2 * sum(schedule(n, k, all_levels=True).active) == 2 * n * plan.steps >= site_count(n, k)


@pytest.mark.parametrize("count", [site_count, held_site_count])
def test_sites_are_quadratic_in_the_address_with_a_curvature_free_of_the_word_and_linear_in_the_word(count):
    table = np.array([[count(n, k) for n in range(1, 29)] for k in range(1, 40)])
    assert len(set(np.diff(table, 2, axis=1).ravel())) == 1
    assert not np.diff(table, 2, axis=0).any()
    assert (np.diff(table, axis=0)[:, 1:] > 0).all()


@pytest.mark.parametrize(("n", "k"), SIZES)
def test_gates_of_a_step_touch_different_elements_but_for_two_exchanges(n, k):
    for layer in schedule(n, k).layers:
        exchanges = [gate for gate in layer if gate.kind == "exchange"]
        assert len(exchanges) <= 2
        others = [gate for gate in layer if gate.kind != "exchange"]
        elements = [element for gate in [*others, *exchanges[:1]] for element in touched(gate, n)]
        assert len(elements) == len(set(elements))


@pytest.mark.parametrize(("n", "k"), SIZES)
def test_counted_levels_are_those_set_and_untouched_by_the_steps_around(n, k):
    plan = schedule(n, k)
    stores = {level: [] for level in range(n)}
    for step, layer in enumerate(plan.layers, 1):
        for gate in layer:
            if gate.kind == "store":
                stores[gate.place].append(step)
    for step, active in enumerate(plan.active, 1):
        inside = [level for level, (set_, freed) in stores.items() if set_ < step < freed - 1]
        assert active == min(len(inside), n - 1)
        assert inside == list(range(len(inside)))
    assert stores == {level: [3 * level + 2, plan.steps - 3 * level - 1] for level in range(n)}


def test_the_longest_plan_has_no_level_beyond_an_integer():
    assert schedule(28, 64).tables().route.max() < 1 << 28
