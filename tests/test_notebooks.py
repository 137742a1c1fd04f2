"""The notebooks run from top to bottom, and each ends by checking what it has shown."""

import os
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from ipykernel.kernelspec import write_kernel_spec

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
FEWEST_NOTEBOOKS = 7
TIMEOUT = 600  # seconds, for one cell

pytestmark = pytest.mark.notebooks


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Executes a notebook in a kernel of this very interpreter, whatever kernels the user has installed."""
    write_kernel_spec(tmp_path / "kernels" / "this-interpreter")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.delenv("JAX_ENABLE_X64", raising=False)  # a reader has not set it: a notebook says itself what it needs

    def run(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
        client = nbclient.NotebookClient(notebook, timeout=TIMEOUT, kernel_name="this-interpreter")
        return client.execute(cwd=str(tmp_path), env=dict(os.environ))

    return run


def code_cells(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def notebook_of(*sources: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= FEWEST_NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_ends_with_a_check(path):
    assert "assert " in code_cells(nbformat.read(path, as_version=4))[-1]


@pytest.mark.parametrize("path", NOTEBOOKS[::-1], ids=lambda path: path.stem)  # the longest first
def test_notebook_runs(path, execute):
    execute(nbformat.read(path, as_version=4))


def test_kernel_is_this_interpreter_and_cells_share_state(execute):
    execute(notebook_of("import sys", f"assert sys.executable == {sys.executable!r}"))


def test_a_false_claim_in_a_notebook_is_reported(execute):
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="AssertionError"):
        execute(notebook_of("x = 1", "assert x == 2"))
