"""Ranges of claims, claims of users, what is not attacked, and what is counted once."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.claims import CLAIMS, Sides, claim, every, examine, forget, free, register, run, select, tally
from qla_jax.claims.engine.claim import EVERY_SIZE, Claim
from qla_jax.claims.engine.parts import erring_vector
from qla_jax.encodings.base.vector import run as run_circuit
from tests.cases import mostly_slow

pytestmark = pytest.mark.x64

NAMED = {one.name: one for one in CLAIMS}
LARGEST = 8
"""Largest size that ranges are tried to, besides those that claims name."""
OUTSIDE = {"amplification-gain": (1,), "gates-of-ripple-adder": (1, 2, 3), "estimation-heavy-tail": (1,)}
"""Sizes at which a claim does not hold, or says nothing, which its range leaves out."""


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.sample(1)
def test_a_claim_is_not_examined_outside_of_its_range_where_it_does_not_hold(name):
    one = NAMED[name]
    for size in OUTSIDE[name]:
        with pytest.raises(ValueError, match=f"`sizes` must lie in the range of '{name}', sizes .*, but has {size}"):
            examine(one, trials=1, sizes=(size,))
        anyway = dataclasses.replace(one, over=EVERY_SIZE)
        try:
            trial = examine(anyway, trials=200, sizes=(size,), kept={})
        except ValueError:  # it cannot even be built
            continue
        assert not trial.passed
    assert examine(one, trials=20, sizes=(OUTSIDE[name][-1] + 1,), kept={}).passed


def is_tried_from_its_smallest_size(one) -> bool:
    smallest = jax.eval_shape(lambda key: one.draw(one.over[0], key=key), jax.random.key(0))
    floats = all(jnp.issubdtype(part.dtype, jnp.floating) for part in smallest.values())
    inside = all(size in one.over for size in one.sizes)
    return floats and inside and one.tried[0] == one.over[0] and set(one.sizes) <= set(one.tried)


def test_the_smallest_size_of_a_range_is_always_tried():
    assert [one.name for one in CLAIMS if not is_tried_from_its_smallest_size(one)] == []


@pytest.mark.slow
@pytest.mark.parametrize("one", [one for one in CLAIMS if one.expected_to_hold], ids=lambda one: one.name)
def test_a_claim_holds_all_over_its_range(one):
    sizes = [size for size in range(1, LARGEST + 1) if size in one.over]
    trial = examine(one, trials=20, sizes=tuple(sorted({*sizes, *one.sizes})), kept={})
    assert trial.passed, repr(trial)


@claim(
    source="Schur (1911)",
    statement="The Frobenius norm of a product is at most the product of a spectral and a Frobenius norm.",
    formula=r"\|AB\|_F \le \|A\|_2\|B\|_F",
    draw=lambda size, *, key: {"ab": jax.random.normal(key, (2, size, size))},
    sizes=(4,),
)
def frobenius(instance):
    """Equal where the left factor is orthogonal."""
    a, b = instance["ab"]
    return Sides(jnp.linalg.norm(a @ b), jnp.linalg.norm(a, 2) * jnp.linalg.norm(b))


def test_an_attack_that_did_not_take_place_is_said_in_verdict_and_text():
    asked = examine(frobenius, trials=20, sizes=(4,), attacks=True)
    assert asked.not_attacked and asked.passed and not asked.attacked
    assert asked.verdict.startswith("holds, loose by ")
    assert asked.verdict.endswith("; not attacked, since the claim has no `project`")
    assert asked.verdict in repr(asked)
    unasked = examine(frobenius, trials=20)
    assert not unasked.not_attacked and "attacked" not in unasked.verdict
    movable, few = dataclasses.replace(frobenius, project=free), {"starts": 2, "steps": 100}
    attacked = examine(movable, trials=20, sizes=(4,), attacks=True, **few)
    assert attacked.verdict == "tight" and not attacked.not_attacked
    assert attacked.attacked[4] > max(asked.ratios[4])


def test_claims_of_users_are_selected_and_run_like_the_packages_own():
    assert register(frobenius) is frobenius
    try:
        assert every() == (*CLAIMS, frobenius)
        assert select(("frobenius", "skip-norm")) == (NAMED["skip-norm"], frobenius)
        (trial,) = run("frobenius", trials=5)
        assert trial.claim is frobenius and trial.trials == 5 and trial.passed
        with pytest.raises(ValueError, match="`claim` must have a name of its own, but 'frobenius' is there already"):
            register(frobenius)
        with pytest.raises(ValueError, match="'skip-norm' is there already"):
            register(dataclasses.replace(frobenius, name="skip-norm"))
    finally:
        forget("frobenius")
    assert every() == CLAIMS
    with pytest.raises(ValueError, match="`name` must be one of "):
        run("frobenius")
    (trial,) = run(frobenius, trials=5)  # itself, without a name
    assert trial.claim is frobenius
    with pytest.raises(TypeError, match="`claim` must be of type Claim, but is of type function"):
        register(lambda instance: None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`name` must be one of none, but is 'frobenius'"):
        forget("frobenius")


def test_what_is_counted_is_counted_once():
    one = NAMED["t-gates-of-adder"]
    trial = examine(one, trials=1000)
    assert trial.trials == len(one.tried) and trial.passed
    for counted in (one for one in CLAIMS if one.counted):
        first, second = (counted.draw(counted.sizes[0], key=jax.random.key(seed)) for seed in (0, 1))
        same = jax.tree.map(jnp.shape, first) == jax.tree.map(jnp.shape, second)
        assert same and counted.project is None


def test_the_reported_number_counts_only_claims_that_could_fail():
    found = tally(CLAIMS)
    assert sum(found.values()) == len(CLAIMS)
    assert found["negative controls"] == sum(not one.expected_to_hold for one in CLAIMS)
    assert found["too loose to fail"] == sum(one.loose for one in CLAIMS) > 0
    assert tally([frobenius]) == {"could fail": 1, "too loose to fail": 0, "negative controls": 0}


def test_sizes_outside_of_the_range_are_refused_when_the_claim_is_made():
    def made(**options) -> Claim:
        return claim(source="s", statement="t.", formula="x", draw=frobenius.draw, **options)(frobenius.sides)

    with pytest.raises(ValueError, match=r"`sizes` must lie in `over`, range\(2, 9\), but \[1\] do not"):
        made(sizes=(1, 4), over=range(2, 9))
    with pytest.raises(ValueError, match="`sizes` must not be empty"):
        made(sizes=())
    assert made(sizes=(4,), over=range(2, 9)).range_told == "sizes 2, 3, 4, ..., 8"
    assert made(sizes=(4,), over=(4,)).range_told == "size 4"
    assert made(sizes=(4,)).range_told == "sizes 4, 5, 6, ...", "a claim speaks of no size that it does not name"


@pytest.mark.parametrize(
    "name",
    mostly_slow(
        ["convolution-alpha", "pooling-by-circuit", "alpha-of-concatenation", "amplified-shift"], "pooling-by-circuit"
    ),
)
def test_a_claim_that_was_true_by_construction_is_measured_on_a_circuit(name, monkeypatch):
    """A circuit that is off by a part in a thousand is noticed: the measured side is no formula."""
    from qla_jax.encodings.matrices.convolution import Convolution

    assert examine(NAMED[name], trials=5, kept={}).passed
    owner = {
        "pooling-by-circuit": "qla_jax.claims.networks.pooling",
        "alpha-of-concatenation": "qla_jax.claims.encodings.vectors",
    }
    if name == "convolution-alpha":
        apply = Convolution.apply
        monkeypatch.setattr(Convolution, "apply", lambda enc, state: 1.001 * apply(enc, state))
    elif name == "pooling-by-circuit":
        load = __import__(owner[name], fromlist=["x"]).vector_encode
        kind = type(load(np.ones(2)))
        apply = kind.apply
        turned = lambda enc, state: apply(enc, state) + 1e-3 * state  # noqa: E731
        monkeypatch.setattr(kind, "apply", turned)
    elif name == "alpha-of-concatenation":
        monkeypatch.setattr(f"{owner[name]}.run", lambda vec: 1.001 * vec.encoded)
    else:
        from qla_jax.claims.encodings import convolution

        exact = convolution.postselect
        monkeypatch.setattr(convolution, "postselect", lambda enc, x: 1.001 * exact(enc, x))
    jax.clear_caches()
    assert not examine(NAMED[name], trials=5, kept={}).passed


@pytest.mark.slow
def test_a_vector_that_its_error_cancels_is_an_instance_like_others():
    x = jnp.array([0.5, 0.0])
    vec = erring_vector(x, -x, jnp.zeros(()))
    np.testing.assert_allclose(run_circuit(vec), 0, atol=1e-15)
    assert float(vec.eps) == 0.5 and float(vec.alpha) > 0
    assert examine(NAMED["tracked-activation"], trials=1000, sizes=(1,), kept={}).passed  # seven of them are such


def test_a_violated_bound_of_zero_is_told_by_its_sides():
    @claim(source="s", statement="t.", formula="x", draw=frobenius.draw, sizes=(3,))
    def zero(instance):
        return Sides(jnp.ones(()), jnp.zeros(()))

    assert examine(zero, trials=2).verdict == "violated at size 3: measured 1, but the bound is 0"
