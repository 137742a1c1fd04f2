"""Every claim once, the verdicts, and what the attack has to find by itself."""

import dataclasses
import math
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.claims import sharper
from qla_jax.claims.catalogue import CLAIMS
from qla_jax.claims.encodings import convolution, normalization, squares, vectors
from qla_jax.claims.engine.attack import attack
from qla_jax.claims.engine.claim import Claim, Sides, claim, free
from qla_jax.claims.engine.corpus import FILE, known, save
from qla_jax.claims.engine.trial import VIOLATED, examine
from qla_jax.claims.networks import blocks, norms

pytestmark = pytest.mark.x64

PACKAGE = Path(__file__).parents[2] / "qla_jax" / "claims"
DOCUMENT = Path(__file__).parents[2] / "docs" / "claims.md"
FEW = 30
HARDLY = {"steps": 300, "starts": 8}

every = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
HOW_RANDOM_VIOLATES = 100
ONLY_BY_ATTACK = {"skip-norm-of-plain-erf", "product-error-without-cross-term"}
LONG = {  # seconds each, for draws by the thousand or memories that are simulated
    "class-samples",
    "noise-of-fewer-copies-with-signs",
    "qram-bound",
    "qram-damping",
    "qram-good-branches",
    "qram-infidelity",
    "tomography-failure",
}
# By default every third negative control, and every tenth claim that holds.
MARKS = [
    [pytest.mark.slow] if claim.name in LONG or place % (10 if claim.expected_to_hold else 3) else []
    for place, claim in enumerate(CLAIMS)
]


@pytest.mark.parametrize(
    "claim", [pytest.param(claim, id=claim.name, marks=marks) for claim, marks in zip(CLAIMS, MARKS, strict=True)]
)
def test_a_claim_is_as_it_was_meant_to_be_on_random_instances_and_on_the_worst_that_is_known(claim):
    trial = examine(claim, trials=FEW if claim.expected_to_hold else HOW_RANDOM_VIOLATES, sizes=claim.sizes[:1])
    assert np.isfinite(trial.ratio) and np.isfinite(trial.bound)
    assert trial.passed
    assert claim.expected_to_hold or claim.name in ONLY_BY_ATTACK or max(trial.random.values()) > VIOLATED
    assert set(trial.known) == (set(claim.sizes[:1]) if claim.project else set())
    # A bound that has become looser, or an instance that is no longer what it was, shows here.
    assert all(ratio >= 0.999 * max(trial.random.values()) for ratio in trial.known.values())


def says_what_it_is(claim) -> bool:
    named = re.fullmatch(r"[a-z]+(-[a-z]+)*", claim.name) and claim.source and claim.formula
    told = claim.statement.endswith(".") and claim.remark.endswith(".")
    examined = claim.sizes and claim.relation in ("<=", ">=", "==")
    return bool(named and told and examined and (claim.expected_to_hold or "negative control" in claim.source))


def test_claims_say_what_they_are():
    assert [claim.name for claim in CLAIMS if not says_what_it_is(claim)] == []


def test_names_are_unique_and_the_catalogue_is_whole():
    names = [claim.name for claim in CLAIMS]
    assert len(set(names)) == len(names)
    decorated = sum(
        len(re.findall(r"^@(?:claim|_tracked)\(", path.read_text(), re.M)) for path in PACKAGE.rglob("*.py")
    )
    assert decorated == len(names)


@pytest.mark.parametrize("name", sorted(ONLY_BY_ATTACK))
def test_a_control_that_random_instances_do_not_violate_is_violated_by_the_attack(name):
    (control,) = [claim for claim in CLAIMS if claim.name == name]
    trial = examine(control, trials=FEW, sizes=control.sizes[-1:], kept={}, attacks=True, **HARDLY)
    assert trial.passed and trial.verdict.startswith("violated by ")
    assert max(trial.attacked.values()) == trial.ratio


@pytest.mark.slow
def test_the_instances_that_are_kept_satisfy_their_constraints_and_are_instances_of_claims():
    with np.load(FILE) as arrays:
        assert {key.split("/")[0] for key in arrays.files} <= {one.name for one in CLAIMS}
    for one in CLAIMS:
        for size, instance in known(one.name).items():
            drawn = jax.eval_shape(lambda key, one=one, size=size: one.draw(size, key=key), jax.random.key(0))
            assert size in one.sizes and jax.tree.map(jnp.shape, instance) == jax.tree.map(jnp.shape, drawn)
            moved = jax.tree.map(lambda a, b: np.abs(a - np.asarray(b)).max(), jax.jit(one.project)(instance), instance)
            assert max(jax.tree.leaves(moved)) < 1e-6, (one.name, moved)


def test_known_targets_are_among_what_is_kept():
    for one, size, target in ((norms.skip_norm, 16, 1 - 4 * math.erf(0.8 / 4)), (norms.terminal_norm, 4, 0.02)):
        assert 0 <= one.sides(known(one.name)[size]).measured - target < 1e-4


def test_a_file_of_instances_keeps_what_is_known_of_other_claims(tmp_path):
    instance = {"weight": jnp.eye(2), "psi": jnp.ones(2)}
    save([(norms.skip_norm, {2: instance, 99: {"weight": jnp.zeros((99, 99))}})], tmp_path / "known.npz")
    assert np.array_equal(known("skip-norm", tmp_path / "known.npz")[2]["weight"], np.eye(2))
    assert 99 not in known("skip-norm", tmp_path / "known.npz")
    terminal = known("terminal-norm", tmp_path / "known.npz")
    assert terminal and jax.tree.all(jax.tree.map(np.array_equal, terminal, known("terminal-norm")))


def found(claim: Claim, size: int, **options: int) -> float:
    return float(attack(claim, size, **options, key=jax.random.key(0)).ratio)


@pytest.mark.slow
def test_the_attack_finds_the_smallest_norm_of_a_block():
    trial = examine(norms.skip_norm, trials=1, sizes=(16,), kept={}, attacks=True, **HARDLY)
    assert 0 <= trial.measured - (1 - 4 * math.erf(0.8 / 4)) < 1e-4
    worst = np.asarray(trial.worst["psi"])
    assert np.allclose(trial.worst["weight"] @ worst, -worst, atol=0.02)


@pytest.mark.slow
def test_the_attack_finds_the_smallest_norm_of_the_terminal_block():
    trial = examine(norms.terminal_norm, trials=1, sizes=(4,), kept={}, attacks=True, **HARDLY)
    assert 0.02 <= trial.measured < 0.0201


@pytest.mark.slow
def test_the_attack_finds_how_much_a_block_increases_distances():
    assert found(norms.block_lipschitz, 16, **HARDLY) * blocks.NORM_RANGE[1] / blocks.NORM_RANGE[0] > 17


def test_the_attack_finds_that_plain_erf_lets_the_sum_vanish():
    assert found(norms.skip_norm_of_plain_erf, 16, **HARDLY) > 100


def test_the_attack_finds_hadamard_matrices():
    assert found(convolution.amplification_gain_as_published, 4, **HARDLY) == pytest.approx(2, abs=0.01)


@pytest.mark.slow
def test_the_attack_finds_more_at_a_higher_dimension():
    assert found(norms.block_lipschitz, 128) * blocks.NORM_RANGE[1] / blocks.NORM_RANGE[0] > 19


TIGHT = [
    (vectors.error_of_sum, 2),
    (vectors.error_of_concatenation, 2),
    (normalization.normalization_below_one, 2),
    (squares.square_alpha, 2),
]


@pytest.mark.parametrize(("claim", "size"), TIGHT, ids=lambda part: getattr(part, "name", part))
@pytest.mark.sample(1)
def test_half_of_a_tight_bound_is_violated(claim, size):
    def halved(instance):
        measured, bound = claim.sides(instance)
        return Sides(measured, bound / 2)

    trial = examine(dataclasses.replace(claim, sides=halved), trials=500, sizes=(size,))
    assert trial.verdict.startswith("violated") and not trial.passed


@pytest.mark.parametrize("factor", [1 + 1e-8, 1 - 1e-8])
@pytest.mark.sample(1)
def test_an_equality_with_a_wrong_constant_is_violated(factor):
    def wrong(instance):
        measured, bound = vectors.alpha_of_concatenation.sides(instance)
        return Sides(measured, factor * bound)

    assert not examine(dataclasses.replace(vectors.alpha_of_concatenation, sides=wrong), trials=5).passed


def stated(measured, bound, relation="<=", expected_to_hold=True, **options) -> Claim:
    """A claim about numbers."""

    @claim(
        source="a test",
        statement="Numbers.",
        formula="x",
        relation=relation,
        draw=lambda size, *, key: {"x": jnp.zeros(size)},
        sizes=(1,),
        expected_to_hold=expected_to_hold,
        **options,
    )
    def numbers(instance):
        """Both sides."""
        return Sides(measured + 0 * instance["x"][0], bound + 0 * instance["x"][0])

    return numbers


@pytest.mark.parametrize(
    ("stated", "verdict", "passed"),
    [
        (stated(1.0, 2.0), "holds, loose by 2", True),
        (stated(1.9, 2.0), "tight", True),
        (stated(2.1, 2.0), "violated by 1.05 at size 1", False),
        (stated(2.1, 2.0, expected_to_hold=False), "violated by 1.05 at size 1", True),
        (stated(1.0, 2.0, expected_to_hold=False), "holds, loose by 2", False),
        (stated(2.1, 2.0, ">="), "tight", True),
        (stated(1.0, 2.0, ">="), "violated by 2 at size 1", False),
        (stated(2.0, 2.0, "=="), "holds to rounding", True),
        (stated(2.0, 2.0 + 1e-9, "=="), "violated by 500 at size 1", False),
        (stated(-1.0, -2.0), "violated by 2 at size 1", False),
        (stated(-2.0, -1.0), "holds, loose by 2", True),
        (stated(-2.0, -1.0, ">="), "violated by 2 at size 1", False),
        (stated(-1.0, -2.0, ">="), "holds, loose by 2", True),
        (stated(-1.0, 2.0), "holds, of another sign", True),
        (stated(1e-3, -1e-3), "violated by 2e+09 at size 1", False),
        (stated(0.0, 0.0), "holds to rounding: both sides are below 1e-12", True),
        (stated(5e-13, 1e-13), "holds to rounding: both sides are below 1e-12", True),
        (stated(5e-13, 1e-13, rounding=1e-28), "violated by 5 at size 1", False),
        (stated(1.0, np.inf), "not proven: a bound is not finite", False),
        (stated(1.0, np.nan), "not proven: a bound is not finite", False),
        (stated(np.nan, 1.0), "not proven: a bound is not finite", False),
        (stated(1.0, np.inf, expected_to_hold=False), "not proven: a bound is not finite", False),
    ],
)
def test_the_verdict_on_numbers(stated, verdict, passed):
    trial = examine(stated, trials=3)
    assert trial.verdict == verdict
    assert trial.passed == passed
    assert trial.trials == 3


def test_a_trial_is_in_float64_whatever_the_callers_precision():
    with jax.enable_x64(False):
        trial = examine(vectors.alpha_of_concatenation, trials=3, sizes=(2,))
    assert trial.ratio < 1
    assert {part.dtype for part in trial.worst.values()} == {np.dtype("float64")}


@pytest.mark.slow
@pytest.mark.parametrize("attacks", [False, True])
def test_the_worst_instance_has_the_worst_ratio(attacks):
    trial = examine(norms.skip_norm, trials=50, kept={}, attacks=attacks, steps=20, starts=2)
    assert norms.skip_norm.ratio(trial.worst) == pytest.approx(trial.ratio, rel=1e-9)
    assert trial.bound / trial.measured == pytest.approx(trial.ratio, rel=1e-9)
    assert trial.worst["psi"].shape == (trial.worst_size,)


def test_seeds_differ_and_repeat():
    first, again, other = (
        examine(norms.skip_norm, trials=5, seed=seed, sizes=(2,), kept={}).ratios[2] for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def of(draw=lambda size, *, key: {"x": jnp.ones(size)}, sides=lambda instance: Sides(1.0, 2.0), **options) -> Claim:
    """A claim of given parts."""
    say = {"source": "a test", "statement": "Numbers.", "formula": "x"}
    sides.__name__ = "numbers"
    return claim(draw=draw, sizes=(1,), **say, **options)(sides)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: of(relation="<"), ValueError, "`relation` must be '<=', '>=' or '==', but is '<'"),
        (lambda: of(rounding=0), ValueError, "`rounding` must be positive and finite, but is 0.0"),
        (
            lambda: of(sides=lambda i: Sides(i["x"], i["x"])),
            ValueError,
            "`measured` of 'numbers' must be a real scalar",
        ),
        (lambda: of(sides=lambda i: Sides(1.0, 1j)), ValueError, "`bound` of 'numbers' must be a real scalar"),
        (lambda: of(sides=lambda i: (1.0, 2.0)), TypeError, "the sides of 'numbers'` must be of type Sides"),
        (
            lambda: of(draw=lambda size, *, key: jnp.ones(size)),
            TypeError,
            "instance of 'numbers'` must be of type dict",
        ),
        (
            lambda: of(draw=lambda size, *, key: {"x": jnp.ones(size, int)}, project=free),
            ValueError,
            "`x` of an instance of 'numbers' must be of floats to be attacked",
        ),
    ],
)
def test_a_claim_of_other_kinds_of_parts_is_refused_by_name(build, error, message):
    with pytest.raises(error, match=message):
        examine(build(), trials=3, attacks=True)


def test_what_cannot_be_examined_is_refused():
    with pytest.raises(ValueError, match="`sizes` must not be empty"):
        examine(norms.skip_norm, trials=5, sizes=())
    with pytest.raises(ValueError, match="`trials` must be at least 1, but is 0"):
        examine(norms.skip_norm, trials=0)
    with pytest.raises(
        ValueError, match="`claim` must know how to project its instances, but 'pooling-by-circuit' does not"
    ):
        attack(next(claim for claim in CLAIMS if claim.name == "pooling-by-circuit"), 2, key=jax.random.key(0))


def test_the_document_shows_the_table_that_the_command_prints():
    assert f"<!-- table -->\n{sharper.markdown()}\n<!-- /table -->" in DOCUMENT.read_text()


def test_the_sharper_constants_belong_to_claims():
    known = {claim.name: claim for claim in CLAIMS}
    for row in sharper.SHARPER:
        assert known[row.claim].expected_to_hold
        assert row.size == 0 or row.size in known[row.claim].sizes
        assert 0 < row.reached <= VIOLATED
    stored = {(claim, int(size)) for claim, sizes in sharper.REACHED.items() for size in sizes}
    assert stored == {(row.claim, row.size) for row in sharper.SHARPER if row.size}


@pytest.mark.slow
@pytest.mark.parametrize("row", [row for row in sharper.SHARPER if row.size], ids=lambda row: row.claim)
def test_the_attack_reaches_what_the_table_says(row):
    (sharp,) = [claim for claim in CLAIMS if claim.name == row.claim]
    assert 0.97 * row.reached <= found(sharp, row.size) <= min(VIOLATED, 1.03 * row.reached)
