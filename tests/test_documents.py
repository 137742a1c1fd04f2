"""The documents run: every Python block of README.md and docs/, and every example in a docstring.

All are slow tests, which `make check` runs.
The blocks of one file share one namespace, in order, as a reader would type them.
"""

import doctest
import importlib.util
import pkgutil
import re
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import qla_jax

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
REQUIRED = ["README.md", "docs/conventions.md"]
FEWEST_README_BLOCKS = 3  # a pattern that matches nothing would pass for ever

PYTHON_BLOCK = re.compile(r"^([ \t]*)```python\b[^\n]*\n(.*?)^\1```[ \t]*$", re.DOTALL | re.MULTILINE)


def modules_with_examples() -> list[str]:
    packages = pkgutil.walk_packages(qla_jax.__path__, "qla_jax.")
    sources = {one.name: importlib.util.find_spec(one.name).origin for one in packages} | {"qla_jax": qla_jax.__file__}
    return [name for name, source in sources.items() if ">>> " in Path(source).read_text()]


pytestmark = pytest.mark.x64


def python_blocks(text: str) -> list[str]:
    """The Python blocks, each behind as many empty lines as lines precede it: tracebacks name the document's line."""
    blocks = []
    for match in PYTHON_BLOCK.finditer(text):
        lines_before = text.count("\n", 0, match.start(2))
        blocks.append("\n" * lines_before + textwrap.dedent(match[2]))
    return blocks


def run_document(path: Path) -> None:
    namespace = {"__name__": "__document__"}
    for block in python_blocks(path.read_text()):
        exec(compile(block, str(path), "exec"), namespace)


@pytest.fixture(autouse=True)
def _as_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A reader has JAX's own rule for broadcasting; what the blocks write goes nowhere."""
    monkeypatch.chdir(tmp_path)
    with jax.numpy_rank_promotion("allow"):
        yield


@pytest.mark.parametrize("name", REQUIRED)
def test_document_exists(name):
    assert (ROOT / name).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.is_file()], ids=lambda path: path.name)
def test_document_runs(path):
    run_document(path)


def test_readme_shows_code():
    assert len(python_blocks((ROOT / "README.md").read_text())) >= FEWEST_README_BLOCKS


@pytest.mark.slow
@pytest.mark.parametrize("name", modules_with_examples())
def test_docstring_examples_run(name):
    """An example may use the public vocabulary and `jnp` without importing them."""
    module = importlib.import_module(name)
    at_hand = {
        **{name: getattr(qla_jax, name) for name in qla_jax.__all__},
        "qla": qla_jax,
        "jax": jax,
        "jnp": jnp,
        **vars(module),
    }
    failed, _ = doctest.testmod(module, globs=at_hand, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


DOCUMENT = """# Title
```python
x = 1
```
1. a list
   ```python
   assert x == 1
   y = 2
   ```
```text
assert False
```
```python
assert y == 1
```
"""


def test_blocks_of_a_document_share_a_namespace(tmp_path):
    path = tmp_path / "document.md"
    path.write_text(DOCUMENT.replace("assert y == 1", "assert y == 2"))
    assert len(python_blocks(DOCUMENT)) == 3
    run_document(path)


def test_a_false_claim_in_a_document_is_reported_at_its_line(tmp_path):
    path = tmp_path / "document.md"
    path.write_text(DOCUMENT)
    with pytest.raises(AssertionError) as failure:
        run_document(path)
    assert DOCUMENT.splitlines()[failure.traceback[-1].lineno] == "assert y == 1"
