"""From claims to a report, a page and files."""

import html
import json
import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from qla_jax.claims import sharper
from qla_jax.claims.catalogue import CLAIMS, run, select
from qla_jax.claims.encodings import vectors
from qla_jax.claims.engine.corpus import known
from qla_jax.claims.engine.trial import Trial
from qla_jax.claims.networks import norms
from qla_jax.experiments import claims as claims_job
from qla_jax.experiments.claims import ClaimsReport, counted, ratios, save_worst, study, summary
from qla_jax.experiments.core import runner
from qla_jax.experiments.core.study import Report
from qla_jax.experiments.report import render
from qla_jax.experiments.report.draw import draw
from qla_jax.experiments.report.render import formula

pytestmark = pytest.mark.x64

CHOSEN = (norms.skip_norm_of_plain_erf, vectors.alpha_of_concatenation)


class Ran(NamedTuple):
    """A finished run, and what its JSON file holds."""

    run: Report
    document: ClaimsReport


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("claims")


@pytest.fixture(scope="module")
def ran(directory) -> Ran:
    made = runner.run(study(CHOSEN, trials=20, seed=3))
    save_worst(CHOSEN, made, directory)
    return Ran(made, made.document)


@pytest.fixture(scope="module")
def report(ran) -> ClaimsReport:
    return ran.document


@pytest.mark.slow
def test_a_report_has_a_row_for_each_claim(report):
    assert [row.name for row in report.claims] == [claim.name for claim in CHOSEN]
    assert (report.trials, report.seed, report.attacks) == (20, 3, False)
    control, equality = report.claims
    assert not control.expected_to_hold and control.passed and control.sizes[0].attacked is None
    assert control.ratio == max(entry.known or 0 for entry in control.sizes)  # by what earlier attacks found
    assert equality.verdict == "holds to rounding" and equality.passed
    for row in report.claims:
        assert sum(map(sum, (entry.counts for entry in row.sizes))) == row.trials
    assert report.seconds == sum(row.seconds for row in report.claims) > 0


@pytest.mark.slow
def test_a_control_that_was_not_attacked_is_no_failure(report):
    assert report.failures == []


@pytest.mark.slow
def test_the_worst_instances_are_kept(report, directory):
    for claim, row in zip(CHOSEN[:1], report.claims[:1], strict=True):
        measured, bound = claim.sides(known(claim.name, directory / "known.npz")[row.worst_size])
        assert float(measured) == pytest.approx(row.measured, rel=1e-12)
        assert float(bound) == pytest.approx(row.bound, rel=1e-12)


@pytest.mark.slow
def test_an_attack_writes_how_much_of_each_sharper_constant_it_reached(ran, report, directory):
    assert not (directory / "sharper.json").exists()  # there was none
    entry = replace(report.claims[0].sizes[0], size=16, random=0.2, known=0.5, attacked=0.75)
    row = replace(report.claims[0], name="amplitude", sizes=[entry])
    other = replace(report, attacks=True, claims=[row])
    save_worst((), replace(ran.run, document=other), directory)
    written = json.loads((directory / "sharper.json").read_text())
    assert written.pop("amplitude") == {"16": 0.75}
    assert written == {name: sizes for name, sizes in sharper.REACHED.items() if name != "amplitude"}


@pytest.mark.slow
def test_the_page_is_whole_and_fetches_nothing(ran, directory):
    render.write(ran.run, directory)
    assert json.loads((directory / "claims.json").read_text())["claims"][0]["name"] == CHOSEN[0].name
    page = (directory / "claims.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == page.count("<math ") == len(CHOSEN)
    assert not list(directory.glob("*.png"))  # figures of claims are on the page alone
    assert f'title="{html.escape(CHOSEN[0].formula)}"' in page  # as text, for those who do not see
    assert not re.search(r"(?:src|href)=\"(?!data:)", page) and "http" not in page
    for claim in CHOSEN:
        assert claim.name in page and "All are as they were meant to be." in page


@pytest.mark.slow
def test_what_is_not_finite_is_written_as_null(ran, report, directory):
    row = replace(report.claims[0], ratio=float("inf"), bound=float("nan"), passed=False, verdict="not proven")
    other = replace(report, claims=[row], failures=["a: not proven."])
    render.write(replace(ran.run, document=other, findings=summary(other)), directory / "other")
    written = json.loads((directory / "other" / "claims.json").read_text())["claims"][0]
    assert written["ratio"] is None and written["bound"] is None
    page = (directory / "other" / "claims.html").read_text()
    assert '<p class="bad">a: not proven.</p>' in page and '<p class="bad">not proven; measured ' in page


@pytest.mark.slow
def test_a_figure_has_a_line_for_each_size(report):
    row = report.claims[1]
    (axes,) = draw(ratios(row)).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["size 1", "size 2", "size 8"]
    attacked = replace(row, sizes=[replace(entry, attacked=0.5) for entry in row.sizes])
    kept = replace(row, sizes=[replace(entry, known=0.5) for entry in row.sizes])
    assert len(draw(ratios(attacked)).axes[0].lines) == len(draw(ratios(kept)).axes[0].lines) == len(axes.lines) + 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("relation", "label"), [("<=", "measured / bound"), (">=", "bound / measured"), ("==", "difference / rounding")]
)
def test_the_axis_names_the_ratio_that_is_drawn(report, relation, label):
    assert ratios(replace(report.claims[0], relation=relation)).xlabel == label


def test_every_formula_of_the_catalogue_can_be_set_and_others_stand_as_code():
    for claim in CLAIMS:
        assert formula(claim.formula).startswith("<math title=")
    assert formula(r"\unknown{<x>}") == r"<code>\unknown{&lt;x&gt;}</code>"
    assert formula(r"\frac{a}{") == r"<code>\frac{a}{</code>"


def test_the_number_of_claims_is_given_in_words():
    told = {"could fail": 1, "too loose to fail": 2, "negative controls": 0}
    report = ClaimsReport(1, 0, False, told, [], [], 0.0)
    assert counted(report) == "1 claim that could fail, 2 published bounds too loose to."


def trial(ratio: float, true: bool) -> Trial:
    claim = CHOSEN[0] if not true else norms.skip_norm
    return Trial(claim, {2: np.array([ratio])}, {}, {}, {})


@pytest.mark.parametrize(
    ("ratio", "true", "attacks", "line"),
    [
        (0.5, True, False, None),
        (2.0, True, False, "skip-norm: violated by 2."),
        (np.inf, True, True, "skip-norm: not proven: a bound is not finite."),
        (2.0, False, True, None),
        (0.5, False, False, None),
        (0.5, False, True, "skip-norm-of-plain-erf: a negative control that is not violated, holds, loose by 2."),
    ],
)
def test_what_counts_as_a_failure(ratio, true, attacks, line):
    assert claims_job.failed(trial(ratio, true), attacks) == ([] if line is None else [line])


def test_claims_are_selected_by_name():
    assert select(()) == CLAIMS
    assert select(("terminal-norm", "skip-norm")) == (norms.skip_norm, norms.terminal_norm)
    with pytest.raises(ValueError, match=r"`name` must be one of .*skip-norm.*, but is 'skip-nor'"):
        select(("skip-nor",))


@pytest.mark.slow
def test_claims_run_by_name():
    (trial,) = run("terminal-norm", trials=20)
    assert trial.claim is norms.terminal_norm and trial.trials == 20 * len(norms.terminal_norm.tried) and trial.passed
