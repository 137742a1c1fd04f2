"""The page, the figures and the table, from a report made by hand."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from qla_jax.experiments.coherent.recipes import RECIPES
from qla_jax.experiments.coherent.results import (
    Dataset,
    EpochResult,
    Example,
    MainReport,
    Network,
    Parameters,
    Seconds,
)
from qla_jax.experiments.coherent.summary import block_rows, plots, summary
from qla_jax.experiments.core.study import Report, Study
from qla_jax.experiments.report import render
from qla_jax.experiments.report.draw import draw
from qla_jax.nn.circuit_check import Checked, CircuitCheck
from qla_jax.nn.coherent_costs import BlockCosts, Costs
from qla_jax.nn.evaluation import Accuracies, Accuracy, Errors, Norms, OutputError

PLOTS = ("outcomes", "confusion", "training", "norms", "errors", "samples")


def network(kind: str = "dense", **changes: Any) -> Network:
    blocks = (1, 2)
    checked = Checked("2 x 2 <dense>", 2, 1, 19, True, 0.5, 1.5e-15, 1.5e-15)
    made = Network(
        kind=kind,
        description=f"2 {kind} blocks",
        recipe=RECIPES[kind],
        parameters=Parameters(10, 20),
        accuracy=Accuracies(0.9375, 0.5, 0.5, 0.875, 0.5, [Accuracy(2**k, 0.5 + 0.1 * k) for k in range(4)], 0.96875),
        norms=[Norms(b, 0.5, 0.75, 1.25, 0.1, 1.9, 0) for b in blocks],
        norms_without_skip=[Norms(b, 0.01, 0.02, 0.03, 0.1, 1.9, 0) for b in blocks],
        errors=[Errors(1e-6 * b, 1e-5 * b, 10.0, 0, b, 1e-4, 1e-3) for b in blocks],
        output_error=OutputError(2e-6, 4e-5, 20.0, 0),
        terminal=None,
        costs=Costs([BlockCosts(b, 9**b, 9**b + 1, 10 ** (4 * b), {"Dense[0]": 1}, 0.125, 0.25, -3.0) for b in blocks]),
        confusion=[[5, 0, 1], [2, 7, 0]],
        examples=[Example([[[0.0, 1.0], [0.5, 0.2]]], label, [0.1, 0.7, 0.1, 0.1]) for label in (1, 0)],
        block_tree="SkipNormBlock\n  <part>",
        block_circuit="ancilla0: ─[V†MV]",
        claims=[],
        regime_costs=None,
        circuit_check=CircuitCheck(19, 2, 5, 1.5e-15, 1e-9, [checked, replace(checked, every_ancilla=False)]),
        exported=None,
        training=[EpochResult(e, 1 / e, 0.5) for e in (1, 2, 3)],
        seconds=Seconds(12.25),
    )
    return replace(made, **changes)


def document(*networks: Network, failures: tuple[str, ...] = (), source: str = "Drawn by <hand>.") -> MainReport:
    both = networks or (network("dense"), network("convolutional"))
    about = {"regime": None, "dataset": Dataset("digits & more", 64, 16, source), "failures": list(failures)}
    return MainReport(**vars(replace(both[0], seconds=Seconds(12.25, 61.5))), networks=list(both), **about)


def report(*networks: Network, **options: Any) -> Report:
    made = document(*networks, **options)
    study = Study("run", "Coherent residual networks on digits & more", {}, {}, summary, file="report")
    return Report(study, {}, {"all": 61.5}, summary(made), made)


def page(report: Report) -> str:
    return render.page(report, {name: b"<?xml" for name, _ in render.plots(report)})


class Elements(HTMLParser):
    """Every element of a page with its attributes, every text, and whether elements nest."""

    def __init__(self, text: str):
        super().__init__()
        self.seen, self.texts, self.open, self.nested = [], [], [], True
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.nested &= bool(self.open) and self.open.pop() == tag

    def handle_data(self, text):
        self.texts.append(text)


@pytest.fixture(scope="module")
def written() -> str:
    return page(report())


def test_the_page_fetches_nothing(written):
    """Figures are inlined; no scripts, style sheets or links."""
    seen = Elements(written).seen
    sources = [attributes["src"] for tag, attributes in seen if tag == "img"]
    assert len(sources) == 2 * len(PLOTS)
    assert all(source.startswith("data:image/svg+xml;base64,PD94") for source in sources)
    assert {tag for tag, _ in seen}.isdisjoint({"script", "link", "iframe", "a", "object"})
    assert not any({"href", "srcset"} & attributes.keys() for _, attributes in seen)
    text = re.sub(r'src="data:[^"]*"', "", written)
    assert "http" not in text and "url(" not in text and "@import" not in text and "src=" not in text


def test_the_page_is_well_formed_and_escapes_what_it_quotes(written):
    elements = Elements(written)
    assert elements.nested and elements.open == []
    assert "Coherent residual networks on digits & more" in elements.texts
    assert any("Drawn by <hand>." in text for text in elements.texts)
    assert "2 x 2 <dense>" in elements.texts
    assert "<hand>" not in written


def test_the_page_holds_the_whole_report(written):
    (quoted,) = [text for text in Elements(written).texts if text.startswith("{")]
    assert json.loads(quoted)["numbers"]["report"] == report().plain()


def test_the_page_says_whether_a_bound_was_violated(written):
    assert "No bound was violated." in written
    bad = page(report(failures=("dense: <norms> of block 1 violated on 3 images.",)))
    assert '<p class="bad">dense: &lt;norms&gt; of block 1 violated on 3 images.</p>' in bad
    assert "No bound was violated." not in bad


def test_the_files_are_the_report_its_figures_and_the_page(tmp_path):
    render.write(report(), tmp_path / "new" / "run")
    names = {f"{kind}-{name}.png" for kind in ("dense", "convolutional") for name in PLOTS}
    assert {path.name for path in (tmp_path / "new" / "run").iterdir()} == {"report.json", "report.html"} | names
    assert json.loads((tmp_path / "new" / "run" / "report.json").read_text()) == report().plain()


@pytest.mark.filterwarnings("error")
def test_an_unknown_bound_is_null_in_the_file_and_plain_to_see_on_the_page(tmp_path):
    """JSON has no infinity; and a figure with one must still be drawn."""
    fine, inf, nan = network(), math.inf, math.nan
    errors = replace(fine.errors[1], eps=inf, eps_over_actual=nan, worst_case=inf, published=inf)
    check = replace(fine.circuit_check, max_deviation=nan, instances=[])
    unknown = network(errors=[fine.errors[0], errors], output_error=OutputError(nan, inf, nan, 1), circuit_check=check)
    render.write(report(unknown), tmp_path)
    found = json.loads((tmp_path / "report.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert found["networks"][0]["errors"][1]["eps"] is None
    assert found["networks"][0]["circuit_check"]["max_deviation"] is None
    assert "<td>inf</td>" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("plot", plots(network()), ids=lambda plot: plot.name)
def test_a_figure_has_its_axes_named(plot):
    axes = draw(plot).axes[0]
    assert plot.name in PLOTS
    assert plot.name == "outcomes" or (axes.get_xlabel() and axes.get_ylabel())


def test_the_norms_are_drawn_between_the_proven_bounds():
    axes = draw(plots(network())[3]).axes[0]
    levels = [
        line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1 and line.get_linestyle() == "--"
    ]
    assert levels == [0.1, 1.9]
    low, high = axes.get_ylim()
    assert low <= 0.01 and high >= 1.9


def test_errors_are_drawn_with_every_bound():
    figure = draw(plots(network())[4])
    axes = figure.axes[0]
    drawn = [list(line.get_ydata()) for line in axes.lines]
    assert drawn == [[1e-6, 2e-6], [1e-5, 2e-5], [1e-4] * 2, [1e-3] * 2]
    assert axes.get_yscale() == "log"
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == [
        "measured, largest of all images",
        "tracked eps",
    ]


def test_the_summary_has_a_row_per_network_in_the_order_of_its_head():
    head, dense, convolutional = report().findings.tables["networks"].rows
    assert dense == ["dense", "0.9375", "0.5000", "0.8750", "0.9688", "2.0e-06", "4.0e-05", "1.5e-15", "12 s"]
    assert convolutional[0] == "convolutional"
    assert len(head) == len(dense)


def test_blocks_have_a_row_each_and_large_numbers_an_exponent():
    head, first, second = block_rows(network()).rows
    assert first == ["1", "0.500", "0.750", "1.250", "0.020", "1.0e-06", "1.0e-05", "10", "9", "10000", "0.12", "0.25"]
    assert second[0] == "2"
    assert second[9] == "1e+08"
    assert len(head) == len(first)


@pytest.mark.parametrize("source", ["digits, with seed 0", "digits, with seed 0."])
def test_every_sentence_of_the_page_has_one_full_stop(source):
    text = page(report(network(), source=source))
    assert "<p>digits, with seed 0.</p>" in text and ".." not in re.sub("<pre>.*</pre>", "", text, flags=re.S)


def test_the_section_of_a_network_says_what_its_circuits_were_run_on():
    (section,) = report(network()).findings.sections
    told = section.tables["circuits against the encoded view"].caption
    for part in ("degree 5", "largest amplitudes of the first test image that is not black", "slices of the trained"):
        assert part in told
    assert section.tables["circuits against the encoded view"].rows[1][:2] == ["2 x 2 <dense>", "2"]
