"""The page, the figures and the table, from a report made by hand."""

import json
import math
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from qla_jax.experiments.report import page
from qla_jax.experiments.report.figures import FIGURES
from qla_jax.experiments.report.table import block_rows, summary_rows


def network(kind: str = "dense", **changes: Any) -> dict:
    blocks = (1, 2)
    norms = [
        {"block": b, "min": 0.5, "mean": 0.75, "max": 1.25, "low": 0.1, "high": 1.9, "violations": 0} for b in blocks
    ]
    bare = [row | {"min": 0.01, "mean": 0.02, "max": 0.03} for row in norms]
    errors = [
        {
            "block": b,
            "actual_max": 1e-6 * b,
            "eps": 1e-5 * b,
            "eps_over_actual": 10.0,
            "worst_case": 1e-4,
            "published": 1e-3,
            "violations": 0,
        }
        for b in blocks
    ]
    costs = [
        {
            "block": b,
            "num_ancillas": 9**b,
            "num_qubits": 9**b + 1,
            "queries": 10 ** (4 * b),
            "amplitude_alone": 0.125,
            "amplitude_of_amplified_weight": 0.25,
        }
        for b in blocks
    ]
    instance = {"name": "2 x 2 <dense>", "blocks": 2, "num_qubits": 19, "every_ancilla": True, "max_deviation": 1.5e-15}
    shots = [{"samples": 2**k, "accuracy": 0.5 + 0.1 * k} for k in range(4)]
    parts = {
        "kind": kind,
        "description": f"2 {kind} blocks",
        "accuracy": {"argmax": 0.9375, "sampled": 0.5, "ideal_argmax": 0.875, "baseline": 0.96875, "by_samples": shots},
        "norms": norms,
        "norms_without_skip": bare,
        "errors": errors,
        "output_error": {"actual_max": 2e-6, "eps": 4e-5},
        "circuit_check": {"max_deviation": 1.5e-15, "instances": [instance, instance | {"every_ancilla": False}]},
        "costs": {"blocks": costs},
        "training": [{"epoch": e, "loss": 1 / e, "accuracy": 0.5} for e in (1, 2, 3)],
        "seconds": {"train": 12.25},
    }
    return {**parts, **changes}


def report(*networks: dict, failures: tuple[str, ...] = ()) -> dict:
    both = networks or (network("dense"), network("convolutional"))
    dataset = {"name": "digits & more", "train": 64, "test": 16, "source": "Drawn by <hand>."}
    return {**both[0], "dataset": dataset, "networks": list(both), "failures": list(failures)}


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
    return page.page(report())


def test_the_page_fetches_nothing(written):
    """Figures are inlined; no scripts, style sheets or links."""
    seen = Elements(written).seen
    sources = [attributes["src"] for tag, attributes in seen if tag == "img"]
    assert len(sources) == 2 * len(FIGURES)
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in sources)
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
    assert json.loads(quoted) == report()


def test_the_page_says_whether_a_bound_was_violated(written):
    assert "No bound was violated." in written
    bad = page.page(report(failures=("dense: <norms> of block 1 violated on 3 images.",)))
    assert '<p class="bad">dense: &lt;norms&gt; of block 1 violated on 3 images.</p>' in bad
    assert "No bound was violated." not in bad


def test_the_files_are_the_report_its_figures_and_the_page(tmp_path):
    page.write(report(), tmp_path / "new" / "run")
    names = {f"{kind}-{name}.png" for kind in ("dense", "convolutional") for name in FIGURES}
    assert {path.name for path in (tmp_path / "new" / "run").iterdir()} == {"report.json", "report.html"} | names
    assert json.loads((tmp_path / "new" / "run" / "report.json").read_text()) == report()


@pytest.mark.filterwarnings("error")
def test_an_unknown_bound_is_null_in_the_file_and_plain_to_see_on_the_page(tmp_path):
    """JSON has no infinity; and a figure with one must still be drawn."""
    unknown = network()
    unknown["errors"][1] |= {
        "eps": math.inf,
        "eps_over_actual": math.nan,
        "worst_case": math.inf,
        "published": math.inf,
    }
    unknown["output_error"] = {"actual_max": math.nan, "eps": math.inf}
    unknown["circuit_check"] = {"max_deviation": math.nan, "instances": []}
    page.write(report(unknown), tmp_path)
    found = json.loads((tmp_path / "report.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert found["networks"][0]["errors"][1]["eps"] is None
    assert found["networks"][0]["circuit_check"]["max_deviation"] is None
    assert "<td>inf</td>" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_its_axes_named_and_is_a_png(name):
    figure = FIGURES[name](network())
    axes = figure.axes[0]
    assert axes.get_xlabel() and axes.get_ylabel()
    assert page.png(figure).startswith(b"\x89PNG")


def test_the_norms_are_drawn_between_the_proven_bounds():
    axes = FIGURES["norms"](network()).axes[0]
    levels = [
        line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1 and line.get_linestyle() == "--"
    ]
    assert levels == [0.1, 1.9]
    low, high = axes.get_ylim()
    assert low <= 0.01 and high >= 1.9


def test_errors_are_drawn_with_every_bound_beside_them():
    axes = FIGURES["errors"](network()).axes[0]
    drawn = [list(line.get_ydata()) for line in axes.lines]
    assert drawn == [[1e-6, 2e-6], [1e-5, 2e-5], [1e-4] * 2, [1e-3] * 2]
    assert axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()][:2] == [
        "measured, largest of all images",
        "tracked eps",
    ]


def test_the_summary_has_a_row_per_network_in_the_order_of_its_head():
    head, dense, convolutional = summary_rows(report())
    assert dense == ["dense", "0.9375", "0.5000", "0.8750", "0.9688", "2.0e-06", "4.0e-05", "1.5e-15", "12 s"]
    assert convolutional[0] == "convolutional"
    assert len(head) == len(dense)


def test_blocks_have_a_row_each_and_large_numbers_an_exponent():
    head, first, second = block_rows(network())
    assert first == ["1", "0.500", "0.750", "1.250", "0.020", "1.0e-06", "1.0e-05", "10", "9", "10000", "0.12", "0.25"]
    assert second[0] == "2"
    assert second[9] == "1e+08"
    assert len(head) == len(first)


@pytest.mark.parametrize("source", ["digits, with seed 0", "digits, with seed 0."])
def test_every_sentence_of_the_page_has_one_full_stop(source):
    found = report(network())
    text = page.page(found | {"dataset": found["dataset"] | {"source": source}})
    assert "digits, with seed 0. Train " in text and ".." not in re.sub("<pre>.*</pre>", "", text, flags=re.S)


@pytest.mark.parametrize("epochs", [1, 2, 3, 40])
def test_ticks_of_epochs_are_whole(epochs):
    rows = [{"epoch": e, "loss": 1 / e, "accuracy": 0.5} for e in range(1, epochs + 1)]
    figure = FIGURES["training"](network(training=rows))
    figure.canvas.draw()
    axes = figure.axes[0]
    ticks = [tick for tick in axes.get_xticks() if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    assert ticks and all(float(tick).is_integer() for tick in ticks)
