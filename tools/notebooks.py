"""The notebooks with their outputs: executed into `.cache/notebooks`, from where the site takes them.

The repository holds notebooks without outputs. A notebook is executed again when its source or the package has changed.

    python -m tools.notebooks     # executes those that are missing or out of date
"""

import hashlib
import os
import tempfile
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXECUTED = ROOT / ".cache" / "notebooks"
TIMEOUT = 600  # seconds, for one cell
KEY = "made_from"  # in the metadata: what the outputs were made from


def execute(notebook: nbformat.NotebookNode, directory: Path) -> nbformat.NotebookNode:
    """Execute a notebook in a kernel of this very interpreter, whatever kernels and settings the user has.

    Args:
        notebook: what to execute; its outputs are filled in.
        directory: an empty directory, in which the kernel runs.
    """
    import nbclient
    from ipykernel.kernelspec import write_kernel_spec

    write_kernel_spec(directory / "kernels" / "this-interpreter")
    # A reader has not set the precision or a backend of figures: a notebook says itself what it needs.
    kept = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "JAX_ENABLE_X64")}
    places = {"JUPYTER_PATH": str(directory), "IPYTHONDIR": str(directory / "ipython")}
    before = {name: os.environ.get(name) for name in places}
    os.environ.update(places)  # the kernel's manager looks for kernels in this process
    try:
        client = nbclient.NotebookClient(notebook, timeout=TIMEOUT, kernel_name="this-interpreter")
        return client.execute(cwd=str(directory), env={**kept, **places})
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def made_from(path: Path) -> str:
    """Return a checksum of a notebook and of the package."""
    found = hashlib.sha256(path.read_bytes())
    for file in sorted((ROOT / "qla_jax").rglob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()[:16]


def keep(path: Path, executed: nbformat.NotebookNode) -> None:
    """Store an executed notebook for the site."""
    EXECUTED.mkdir(parents=True, exist_ok=True)
    executed.metadata[KEY] = made_from(path)
    nbformat.write(executed, EXECUTED / path.name)


def current(path: Path) -> nbformat.NotebookNode | None:
    """Return a notebook with its outputs, if they are up to date."""
    stored = EXECUTED / path.name
    if not stored.is_file():
        return None
    found = nbformat.read(stored, as_version=4)
    return found if found.metadata.get(KEY) == made_from(path) else None


def main() -> None:
    """Execute the notebooks of which the outputs are missing or out of date."""
    for path in NOTEBOOKS:
        if current(path) is None:
            print(f"executing {path.name}", flush=True)
            with tempfile.TemporaryDirectory() as directory:
                keep(path, execute(nbformat.read(path, as_version=4), Path(directory)))


if __name__ == "__main__":
    main()
