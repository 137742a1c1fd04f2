"""The studies in their quick forms, as the command runs them: one run of each, many questions to it."""

import json
import math

import numpy as np
import pytest

from qla_jax.experiments.core import registry as study_registry
from qla_jax.experiments.core import runner as study_runner
from qla_jax.experiments.core.study import Findings, Options, Report
from qla_jax.experiments.measured.training import compared
from qla_jax.experiments.quanvolution.plateaus import fitted
from qla_jax.experiments.report import render
from tests.cases import mostly_slow

pytestmark = pytest.mark.x64


@pytest.fixture(scope="module", params=mostly_slow(study_registry.STUDIES, "trainable-vs-fixed"))
def report(request, tmp_path_factory) -> Report:
    study = study_registry.build(request.param, Options(quick=True))
    return study_runner.run(study, tmp_path_factory.mktemp(request.param))


def test_the_quick_form_passes_its_own_check_and_makes_one_page(report, monkeypatch, tmp_path):
    found, name = report.findings, report.study.name
    assert found.failures in ([], ())
    assert found.remarks[-1].startswith("This is the quick form")
    monkeypatch.setattr(render, "png", lambda figure: b"a picture")
    render.write(report, tmp_path)
    assert json.loads((tmp_path / f"{name}.json").read_text())["tables"] == found.tables
    assert len(list(tmp_path.glob(f"{name}-*.png"))) == len(found.plots) >= 1
    for rows in found.tables.values():
        assert len({len(row) for row in rows}) == 1
        assert sum(max(len(row[place]) for row in rows) + 1 for place in range(len(rows[0]))) <= 80
    CHECKS[name](report.rows, found)


def check_table3(rows: dict, found: Findings) -> None:
    entries = rows["printed overheads"].entries
    assert len(entries) == found.numbers["right"] == 36
    (exact,) = found.numbers["exact"]
    assert 0.1 < exact <= 1
    here = {row[0]: [float(cell) for cell in row[1:]] for row in found.tables["accuracy here, mean"][1:]}
    assert abs(here["tomography"][0] - exact) < 0.15  # fine tomography is next to exact readouts
    infidelities = rows["network 0, tomography"].infidelities
    assert 0 < 100 * infidelities[0] < infidelities[1] < 0.01  # like the square of the precision, here 1 to 20
    assert rows["network 0, eps 0.001"].infidelities[0] > 0.05  # rank 4 of 16 leaves more out than noise
    assert sum(map(len, found.numbers["by_fidelity"].values())) == 2 * 3


def check_scaling(rows: dict, found: Findings) -> None:
    assert set(found.numbers["fits"]) == {f"{m}, {v}" for m in ("decomposition", "tomography") for v in (0.9, 0.95)}
    for law in found.numbers["fits"].values():
        assert law["low"] < law["exponent"] < law["high"] and law["points"] == 4
    for row in rows.values():
        for curve in row.methods.values():
            assert np.all(np.diff(curve.queries) > 0) and len(curve.queries) == len(curve.accuracies)


def check_elbow(rows: dict, found: Findings) -> None:
    for row in rows.values():
        assert row.ranks[0] == 1 and row.ranks[-1] == (row.side // 4) ** 2 + 1
        assert abs(row.accuracies[-1] - row.exact) < 0.25  # other images, and a little noise


def check_residual_block(rows: dict, found: Findings) -> None:
    for model in ("arithmetic", "linear algebra"):
        assert all(0 < value < 0.2 for value in found.numbers["infidelity"][model])
    law = found.numbers["laws"]["arithmetic"]["reads"]
    assert law.exponent == pytest.approx(2, abs=1e-3)  # 36 ln d over the square, but for the ceiling
    assert all(ratio > 1 for ratio in found.numbers["reads_of_linear_algebra_over_arithmetic"])


def check_qram(rows: dict, found: Findings) -> None:
    for row in rows.values():
        n, k = row.n, row.k
        assert row.held_sites == (n - 1) * (4 * n + 4 * k + 1)
        exact = 1 - (1 - 1e-3) ** row.held_sites
        seen = row.noises["damping"]
        assert abs(seen.infidelity - exact) <= 6 * math.sqrt(2 * exact / row.shots)


def check_training(rows: dict, found: Findings) -> None:
    table = found.tables["compared with their twins"]
    (pair,) = found.numbers["pairs"].values()
    assert pair.difference == pytest.approx(rows["residual network, seed 0"].measured - pair.twin)
    assert table[1][4] == "unknown"  # a single pair has no error
    exact, estimated = rows["exact gradients"].losses, rows["gradients, eps 0.4"].losses
    assert 0 < abs(exact[0] - estimated[0]) < 0.1


def test_the_difference_of_pairs_comes_with_its_standard_error():
    found = compared([0.9, 0.8, 0.7], [0.8, 0.8, 0.8])
    assert found.difference == pytest.approx(0) and found.twin == pytest.approx(0.8)
    assert found.error == pytest.approx(0.1 / math.sqrt(3))


def check_gradient_access(rows: dict, found: Findings) -> None:
    assert found.numbers == {"agree": 5, "of": 5}
    for row in rows.values():
        for layer, (detached, full) in enumerate(zip(row.detached, row.full, strict=True), start=1):
            assert (detached > 0) == (layer in row.direct) and full > 1e-6
        assert row.detached[-1] == pytest.approx(row.full[-1], rel=1e-3)  # nothing is detached behind it


def check_resqunn(rows: dict, found: Findings) -> None:
    parameters = {row.parameters for row in rows.values()}
    assert parameters == {16 + 4 + 1970, 20 + 68 + 1970}
    assert all(0 <= row.test <= 1 and len(row.curve) == 1 for row in rows.values())
    assert "10 classes, 40 for training and 20 for testing" in found.remarks[0]


def check_trainable_vs_fixed(rows: dict, found: Findings) -> None:
    parameters = [row.parameters for row in rows.values()]
    assert parameters == [1970 + 8, 1970, 7850]
    means, gaps = found.numbers["means"], found.numbers["trained_over_fixed"]
    assert gaps[0] == pytest.approx(100 * (means["trained layer"]["train"] - means["fixed layer"]["train"]))


def check_plateaus(rows: dict, found: Findings) -> None:
    for row in rows.values():
        assert len(row.samples) == 32 and np.isfinite(row.samples).all()
    fits = found.numbers["fits"]
    assert fits["global, random, depth 4"]["high"] < -1 < fits["QCNN"]["exponent"]


def test_the_fit_of_variances_finds_the_law_that_samples_were_drawn_from():
    rng, sizes = np.random.default_rng(3), [4, 6, 8, 10]
    found = fitted(sizes, [rng.normal(0, 2 ** (-0.75 * n / 2), 4000) for n in sizes])
    assert found["low"] < -0.75 < found["high"] and found["high"] - found["low"] < 0.1
    assert abs(found["exponent"] + 0.75) < 0.03 and abs(found["larger_half"] + 0.75) < 0.06
    powers = fitted(sizes, [rng.normal(0, n**-1.0, 4000) for n in sizes])
    assert abs(powers["power"] + 2) < 0.1


CHECKS = {
    "gradient-access": check_gradient_access,
    "resqunn": check_resqunn,
    "trainable-vs-fixed": check_trainable_vs_fixed,
    "plateaus": check_plateaus,
    "training": check_training,
    "table3": check_table3,
    "scaling": check_scaling,
    "elbow": check_elbow,
    "residual-block": check_residual_block,
    "qram": check_qram,
}
