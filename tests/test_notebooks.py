"""The notebooks run from top to bottom, and each begins with what one learns and ends by checking what it has shown."""

import sys

import nbclient
import nbformat
import pytest

import tools.notebooks
from tools.notebooks import NOTEBOOKS

FEWEST_NOTEBOOKS = 8

pytestmark = pytest.mark.notebooks


@pytest.fixture
def execute(tmp_path):
    """Executes a notebook as the site does."""
    return lambda notebook: tools.notebooks.execute(notebook, tmp_path)


def code_cells(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def notebook_of(*sources: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= FEWEST_NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_ends_with_a_check(path):
    assert "assert " in code_cells(nbformat.read(path, as_version=4))[-1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_begins_with_what_one_learns(path):
    first = nbformat.read(path, as_version=4).cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert "In this notebook you learn" in first.source


@pytest.mark.parametrize("path", NOTEBOOKS[::-1], ids=lambda path: path.stem)  # the longest first
def test_notebook_runs(path, execute):
    tools.notebooks.keep(path, execute(nbformat.read(path, as_version=4)))  # the site shows these outputs


def test_kernel_is_this_interpreter_and_cells_share_state(execute):
    execute(notebook_of("import sys", f"assert sys.executable == {sys.executable!r}"))


def test_a_false_claim_in_a_notebook_is_reported(execute):
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="AssertionError"):
        execute(notebook_of("x = 1", "assert x == 2"))
