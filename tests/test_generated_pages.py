"""Pages and figures that are made from stored results are what the tools make of them; the README stays short."""

import json
import re
from pathlib import Path

import pytest

from tests.test_documents import python_blocks
from tools import figure, results
from tools.accelerators import table
from tools.cells import cell

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MOST_WORDS, MOST_LINES, BLOCKS = 1200, 10, 6


def test_the_page_of_results_is_made_from_the_stored_ones():
    assert results.DOCUMENT.read_text() == results.document()


def test_the_table_of_accelerators_is_made_from_the_stored_compiles():
    assert table.PAGE.read_text() == table.page(table.PAGE.read_text())
    found = table.stored()
    found["rows"][0]["result"] = "refused"
    assert table.markdown(found) != table.markdown(table.stored())


def test_the_figure_is_made_from_the_stored_result():
    assert figure.FIGURE.read_text() == figure.figure()


@pytest.mark.parametrize("path", sorted(results.DATA.glob("*.json")), ids=lambda path: path.stem)
def test_a_stored_result_says_where_it_comes_from(path):
    found = json.loads(path.read_text())
    assert found["command"].startswith("qla-jax ") and re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
    assert {"python", "jax", "flax", "qla-jax"} <= set(found["versions"]) and found["seconds"] > 0
    assert f"`{found['command']}`" in results.document()


def test_a_changed_number_shows(monkeypatch):
    changed = json.loads(json.dumps(results.stored("run")))
    changed["report"]["networks"][0]["accuracy"]["argmax"] = 0.123
    original = results.stored
    monkeypatch.setattr(results, "stored", lambda name: changed if name == "run" else original(name))
    assert results.DOCUMENT.read_text() != results.document()


def test_bars_of_a_cell_end_no_cell_and_stay_what_they_are():
    assert cell(r"|x| and $|x|^2 \le \|x\|$ and `a | b`") == r"\|x\| and $\lvert x\lvert^2 \le \|x\|$ and `a | b`"
    assert cell(r"$|a|$, |b|, $|c|$") == r"$\lvert a\lvert$, \|b\|, $\lvert c\lvert$"


def test_the_readme_is_short():
    assert len(README.split()) <= MOST_WORDS
    blocks = [block.strip().splitlines() for block in python_blocks(README)]
    assert len(blocks) == BLOCKS
    assert all(len([line for line in block if line.strip()]) <= MOST_LINES for block in blocks)


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "AGENTS.md", "benchmarks/README.md", "tests/README.md"]
)
def test_links_between_files_of_the_repository_lead_to_files(name):
    """The site's own test covers `docs/`; these are read where the repository is browsed."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", (ROOT / name).read_text(), flags=re.S)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and not re.match(r"\w+:", target)]
    assert [target for target in local if not ((ROOT / name).parent / target).exists()] == []
