"""What studies are made of: the printed table and its formula, readouts with traced settings, curves, checks."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft
from flax import nnx

from qla_jax.experiments import memory as study_qram
from qla_jax.experiments.core.curves import cost_of_level, elbow
from qla_jax.experiments.core.fits import log_slope
from qla_jax.experiments.core.study import Options
from qla_jax.experiments.measured import elbow as study_elbow
from qla_jax.experiments.measured import printed_overheads, table3_summary
from qla_jax.experiments.measured import scaling as study_scaling
from qla_jax.experiments.measured.printed_overheads import PRINTED, agrees, overhead
from qla_jax.experiments.measured.readout_accuracy import accuracies, restored, weights_of
from qla_jax.experiments.measured.scaling import AccuracyCurve
from qla_jax.experiments.memory import Infidelity, MemoryStudy
from qla_jax.measurement import chebyshev_readout, tomography
from qla_jax.measurement.traced_readouts import (
    PoissonTomography,
    RankedChebyshev,
    poisson_tomography,
    ranked_chebyshev,
)
from qla_jax.nn import QResNet
from tests.cases import real
from tests.prepared_set import image_features, labeled, write_prepared_set

KEY = jax.random.key(3)


# The printed table.


def test_all_printed_overheads_come_out_to_three_digits():
    assert len(PRINTED) == 36 and all(map(agrees, PRINTED))
    assert {entry.rank for entry in PRINTED} == {10, 15, 20, 25, 30, None}
    assert printed_overheads.BREAK_EVEN == pytest.approx(7.59, abs=5e-3)


@pytest.mark.parametrize(
    ("name", "value"), [("OFFSET", 0.0), ("OFFSET", 3.0), ("SCALE", 8.4e-5), ("TOMOGRAPHY", 3.97e-3)]
)
def test_other_constants_do_not_give_the_printed_overheads(monkeypatch, name, value):
    monkeypatch.setattr(printed_overheads, name, value)
    assert sum(map(agrees, PRINTED)) < 36


def test_overheads_without_an_offset_do_not_fit_for_any_scale():
    cells = [entry for entry in PRINTED if entry.rank]
    best = max(
        sum(float(f"{entry.rank**2 * scale / entry.eps:.3g}") == entry.overhead for entry in cells)
        for scale in np.linspace(5.1e-4, 5.35e-4, 500)
    )
    assert best == 16


@pytest.mark.parametrize(("rank", "eps", "told"), [(0, 0.1, "`rank`"), (1, 0.0, "`eps`"), (None, -1.0, "`eps`")])
def test_overheads_of_nothing_are_refused(rank, eps, told):
    with pytest.raises(ValueError, match=told):
        overhead(rank, eps)


def test_what_accuracies_do_in_print_is_what_the_table_says():
    shape = table3_summary.shape_of(table3_summary.printed_cells("accuracy", 100))
    assert shape["tomography_lost"] == pytest.approx(0.7347 - 0.2276)
    assert shape["most_lost_by_a_rank"] == pytest.approx(0.7475 - 0.7047)
    assert shape["span_at_the_coarsest"] == pytest.approx(0.5721 - 0.4978)


def test_accuracies_are_sorted_by_the_mean_fidelity_of_their_states():
    found = {"rank 1": {0.1: [0.2, 0.4]}, "tomography": {0.1: [0.9, 0.7], 0.2: [0.5, 0.5]}}
    infidelity = {"rank 1": {0.1: [0.7, 0.9]}, "tomography": {0.1: [0.0, 0.02], 0.2: [0.01, 0.1]}}
    assert table3_summary.accuracy_by_fidelity(found, infidelity) == {
        "0.99 to 1": [pytest.approx(0.8)],
        "0.9 to 0.99": [0.5],
        "0.5 to 0.9": [],
        "below 0.5": [pytest.approx(0.3)],
    }


@pytest.mark.parametrize(("lowest", "verdict"), [(0.9, "unmeasured"), (0.1, "undecided")])
def test_costs_that_are_all_bounds_have_no_verdict(lowest, verdict):
    def curve(side: int) -> AccuracyCurve:
        return AccuracyCurve([1, 2], [lowest, 0.9], [side**2 * (1 + side % 3), 20 * side**2])

    rows = {
        f"{side}": study_scaling.JudgedWidth(0.1, 0.9, side, 0, dict.fromkeys(study_scaling.METHODS, curve(side)))
        for side in (4, 6, 8, 10)
    }
    fits = study_scaling.summary(rows).numbers["fits"].values()
    assert {law["verdict"] for law in fits} == {verdict}
    assert {law["upper_bounds"] for law in fits} == {4 if lowest == 0.9 else 0}


# Readouts whose settings are traced.


@pytest.mark.numerics
@pytest.mark.parametrize("axes", [(-2, -1), (-2,)])
@pytest.mark.sample(1)
def test_a_ranked_readout_is_the_projection_of_the_chebyshev_readout(axes, tol):
    state = jnp.asarray(real(2, 4, 6))
    stack = ranked_chebyshev(jnp.array([1, 3, 4]), axes=axes, relative_eps=0.1, noise="exact")
    found = jax.lax.map(lambda readout: readout(state, key=KEY).values, stack)
    for rank, values in zip((1, 3, 4), found, strict=True):
        expected = chebyshev_readout(rank=(rank,) * len(axes), axes=axes, relative_eps=0.1, noise="exact")(
            state, key=KEY
        )
        np.testing.assert_allclose(values, expected.values, atol=tol())


def test_a_rank_above_an_axis_takes_all_of_it():
    state = jnp.asarray(real(1, 3))
    found = RankedChebyshev(
        5, (-2,), 0.1, ranked_chebyshev(jnp.array([1]), axes=(-2,), relative_eps=0.1, noise="exact").noise
    )
    np.testing.assert_allclose(found(state, key=KEY).values, state, atol=1e-5)


@pytest.mark.slow
def test_errors_of_ranked_readouts_are_those_of_the_coefficients_that_are_used():
    state, eps = jnp.asarray(real(16, 16)), 0.01
    readout = ranked_chebyshev(jnp.array([5]), axes=(-2, -1), relative_eps=eps, noise="uniform").replace(rank=5)
    found = jax.vmap(lambda key: readout(state, key=key).values)(jax.random.split(KEY, 50))
    norm = np.linalg.norm(state)
    coefficients = scipy.fft.dctn(np.asarray(found) / norm, axes=(1, 2), norm="ortho")
    errors = coefficients - scipy.fft.dctn(np.asarray(state) / norm, norm="ortho")
    assert np.abs(coefficients[:, 5:]).max() < 1e-6 and np.abs(coefficients[:, :, 5:]).max() < 1e-6
    inner = errors[:, :5, :5]
    assert 0.98 * eps < np.abs(inner).max() <= eps * (1 + 1e-4)
    assert inner.std() == pytest.approx(eps / math.sqrt(3), rel=0.05)  # 1250 draws: three standard errors are 0.04
    told = readout(state, key=KEY)
    single = chebyshev_readout(rank=(5, 5), relative_eps=eps, noise="uniform")(state, key=KEY)
    assert int(told.queries) == int(single.queries) and int(told.shots) == int(single.shots)
    assert float(told.error_bound) == pytest.approx(float(single.error_bound), rel=1e-5)


@pytest.mark.slow
def test_poisson_tomography_is_as_good_as_tomography_and_costs_the_same():
    state, delta = jnp.asarray(real(256)), 0.1
    single, other = tomography(delta=delta), PoissonTomography(delta)
    keys = jax.random.split(KEY, 20)
    norm = float(jnp.linalg.norm(state))
    sizes = []
    for readout in (single, other):
        found = jax.jit(jax.vmap(lambda key, readout=readout: readout(state, key=key)))(keys)
        errors = (np.asarray(found.values) - state[None]) / norm
        assert np.abs(errors).max() <= delta
        sizes.append(np.abs(np.abs(found.values) - np.abs(state)[None]).std() / norm)
        assert int(found.queries[0]) == 2 * math.ceil(36 * math.log(256) / delta**2)
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)


def test_finer_tomography_is_better_in_one_compiled_function():
    state = jnp.asarray(real(64))
    found = jax.jit(lambda stack: jax.lax.map(lambda readout: readout(state, key=KEY).values, stack))(
        poisson_tomography([0.2, 0.02])
    )
    rough, fine = (float(np.linalg.norm(values - state) / np.linalg.norm(state)) for values in found)
    assert (
        fine < rough / 5
        and np.sign(found[1][jnp.abs(state) > 0.5]).tolist() == np.sign(state[jnp.abs(state) > 0.5]).tolist()
    )


@pytest.mark.parametrize("deltas", [[0.1, 0.0], [1.0]])
def test_precisions_out_of_range_are_refused(deltas):
    with pytest.raises(ValueError, match="`delta` must lie strictly between 0 and 1"):
        poisson_tomography(deltas)


# Networks as rows.


def network(seed: int, width: int = 2) -> QResNet:
    return QResNet(1, 3, width=width, stages=1, blocks=1, rngs=nnx.Rngs(seed))


def test_weights_come_back_from_a_row_bit_by_bit_and_only_into_the_same_build():
    model, images = network(0), jnp.asarray(real(4, 1, 6, 6), jnp.float32)
    model.stem.mean[...] = jnp.array([0.3, -0.1], jnp.float32)
    same = restored(network(1), weights_of(model))
    assert np.array_equal(same(images), model(images)) and not np.array_equal(network(1)(images), model(images))
    with pytest.raises(ValueError, match="`weights` must hold"):
        restored(network(1, width=3), weights_of(model))


@pytest.mark.slow
def test_accuracies_with_all_modes_and_no_noise_are_those_of_the_network():
    model, images = network(0), np.asarray(real(12, 1, 6, 6), np.float32)
    answers = np.asarray(model(jnp.asarray(images)).argmax(1))
    labels = np.where(np.arange(12) < 9, answers, (answers + 1) % 3)
    stack = ranked_chebyshev(jnp.array([1, 6]), axes=(-2, -1), relative_eps=0.1, noise="exact")
    assert accuracies(model, images, labels, stack, key=KEY)[1] == 0.75


# Curves and slopes.


def test_a_level_is_reached_where_the_curve_says():
    costs = [1.0, 10.0, 100.0, 1000.0]
    assert cost_of_level(costs, [0.2, 0.6, 1.0, 1.0], 0.8) == (pytest.approx(10**1.5), False)
    assert cost_of_level(costs, [0.2, 0.9, 0.5, 1.0], 0.75) == (pytest.approx(100 * 10**0.5), False)  # for good
    assert cost_of_level(costs, [0.9, 0.95, 1.0, 1.0], 0.9) == (1.0, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (([1.0, 1.0], [0.5, 1.0], 0.9), "`costs` must be positive and rise"),
        (([1.0], [0.5, 1.0], 0.9), "`costs` must match 2"),
        (([1.0, 2.0], [0.5, 1.0], 0.0), "`level` must lie"),
        (([1.0, 2.0], [1.0, 0.5], 0.9), "`accuracies` must end at 0.9 or above, but end at 0.5"),
    ],
)
def test_curves_without_an_answer_are_refused(arguments, told):
    with pytest.raises(ValueError, match=told):
        cost_of_level(*arguments)


def test_the_elbow_is_where_a_jump_ends():
    assert elbow([1, 2, 5, 6, 10], [0.1, 0.1, 0.15, 0.9, 0.92]) == 6
    assert elbow([1, 2, 3], [0.1, 0.2, 0.3]) is None and elbow([1, 2, 3], [0.1, 0.11, 0.9]) is None
    for ranks, told in (([1, 2], "`ranks` must be at least 3"), ([1, 2, 3, 4], "`accuracies` must be 4")):
        with pytest.raises(ValueError, match=told):
            elbow(ranks, [0.1, 0.2] if len(ranks) == 2 else [0.1])


def test_intervals_of_exponents_cover_as_often_as_they_say():
    rng = np.random.default_rng(0)
    x = np.repeat([8, 12, 16, 20, 24, 32], 3) ** 2.0
    trials = [log_slope(x, 5 * x**0.8 * np.exp(0.2 * rng.normal(size=x.size))) for _ in range(1000)]
    covered = sum(law.low <= 0.8 <= law.high for law in trials)
    assert 950 - 27 <= covered <= 950 + 27  # four standard errors of a binomial law
    mean = np.mean([law.exponent for law in trials])
    assert mean == pytest.approx(0.8, abs=0.01) and trials[0].points == 18


@pytest.mark.parametrize(("power", "verdict"), [(0.5, "sublinear"), (1.5, "not sublinear"), (1.0, "undecided")])
def test_verdicts_follow_the_interval(power, verdict):
    x = np.array([1.0, 2, 4, 8])
    assert log_slope(x, x**power * np.array([1, 1.01, 0.99, 1])).verdict == verdict


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        ([1, 2], [1, 2], "at least 3 points"),
        ([1, 2, 3], [1, 2], "`y`"),
        ([1, 2, 3], [1, 0, 2], "positive"),
        ([2] * 3, [1] * 3, "different"),
    ],
)
def test_slopes_of_nothing_are_refused(x, y, told):
    with pytest.raises(ValueError, match=told):
        log_slope(x, y)


# The studies' own checks must be able to fail.


def test_infidelities_that_are_not_what_is_proven_fail_the_memory_study():
    exact = 1 - 0.99**34
    fine = Infidelity(exact, 1e-3, exact)
    row = MemoryStudy(3, 1, 10**6, 34, {"damping": fine, "depolarizing": fine})
    assert study_qram.failed(row, 0.01) == []
    for name, value, told in (("damping", exact - 0.02, "below"), ("depolarizing", exact + 0.02, "above its bound")):
        changed = row.noises | {name: replace(fine, infidelity=value)}
        (line,) = study_qram.failed(replace(row, noises=changed), 0.01)
        assert told in line and "n = 3, k = 1" in line


def test_a_study_without_images_takes_none():
    with pytest.raises(ValueError, match="`dataset` must not be given for a study without images, but is 'mnist'"):
        study_qram.study(Options(dataset="mnist"))


def test_available_sets_are_the_digits_and_prepared_ones_and_others_are_reported(tmp_path):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (8, 8, 1), dtype=np.uint8) for _ in range(6)]
    splits = {"train": labeled(images[:4], [0, 1, 2, 0]), "test": labeled(images[4:], [1, 2])}
    write_prepared_set(tmp_path, splits, image_features((8, 8, 1)), name="tiny_shapes")
    write_prepared_set(tmp_path, {"test": labeled(images[:2], [0, 1])}, image_features((8, 8, 1)), name="no_train")
    sets, left_out = study_elbow.at_hand(Options(data_dir=tmp_path))
    assert list(sets) == ["digits", "tiny_shapes"]
    assert len(left_out) == 1 and left_out[0].startswith("no_train: ")
    assert list(study_elbow.at_hand(Options(dataset="digits"))[0]) == ["digits"]


def test_ranks_of_the_elbow_go_from_one_to_all_tokens():
    networks = study_elbow.Transformers({}, (16, 32), 0)
    for side in (16, 32):
        ranks = networks.ranks(side)
        assert (
            len(ranks) <= 24
            and ranks[:2] == [1, 2]
            and ranks[-1] == (side // 4) ** 2 + 1
            and ranks == sorted(set(ranks))
        )


def test_fits_of_the_memory_study_predict_what_was_left_out_of_them():
    def row(n: int, k: int) -> MemoryStudy:
        held = (n - 1) * (4 * n + 4 * k + 1)
        noises = {
            name: Infidelity(1e-6 * rate * held, 1e-6, 1e-4 * held)
            for name, rate in (("damping", 1), ("depolarizing", 5))
        }
        return MemoryStudy(n, k, 10**7, held, noises)

    sizes = [(n, k) for k in (1, 2, 4) for n in (4, 6, 8, 10)] + [(16, 16)]
    rows = {f"n={n} k={k}": row(n, k) for n, k in sizes}
    rates = {"damping": 1e-6, "depolarizing": 1e-5}
    found = study_qram.summary(rows, rates, held_out=[(16, 16)], wanted=[(16, 16), (19, 64)])
    for name in rates:
        law = found.numbers["fits"][f"{name} n=16 k=16"]
        assert law["low"] < law["measured"].infidelity < law["high"]
        assert law["value"] == pytest.approx(law["measured"].infidelity, rel=1e-6)
        assert found.numbers["fits"][f"{name} n=19 k=64"]["measured"] is None
    assert len(found.tables["infidelity, damping"].rows) == 4 and len(found.tables["predicted by the fits"].rows) == 5
