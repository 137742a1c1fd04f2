"""`qla-jax export`: the circuit of an encoding as a file for other packages, with its counts."""

import json
import zipfile
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from qla_jax._files import reserved
from qla_jax.cli.session import as_path, ending
from qla_jax.cli.terminal import console, print_table

if TYPE_CHECKING:
    from qla_jax.circuits import Circuit

FILES = (".npy", ".npz")


class Form(StrEnum):
    """Format of the file."""

    qasm3 = "qasm3"
    qref = "qref"
    qpy = "qpy"


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="File .npy or .npz of a matrix, which is block-encoded; or a Python expression of qla, jnp and np for "
            "an encoding, a circuit or a matrix. The expression is evaluated: give none that you do not trust."
        ),
    ],
    to: Annotated[Form, typer.Option(help="Format: OpenQASM 3, QREF as JSON, or Qiskit's QPY.")] = Form.qasm3,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", parser=as_path, metavar="PATH", help="New file; circuit.qasm and the like by default."
        ),
    ] = None,
    array: Annotated[str | None, typer.Option(help="Name of the array, in an .npz file of several.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Subnormalization of a matrix; its norm by default.")] = None,
    rotation_eps: Annotated[float, typer.Option(help="Error of each rotation, for the T count.")] = 1e-10,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON in place of a table.")] = False,
) -> None:
    """Write the circuit of an encoding as gates for another package, and count them."""
    with ending(), ExitStack() as stack:
        # Imported here: neither `qla-jax --help` nor another command should wait for what runs.
        import jax

        from qla_jax.circuits import count
        from qla_jax.circuits.files import ENDINGS, content

        path = output or Path(f"circuit{ENDINGS[to]}")
        write = stack.enter_context(reserved(path, "--output"))

        with jax.enable_x64(True):
            circuit, facts = _circuit(source, array, alpha)
            written = content(circuit, to)
        gates = count(circuit)
        facts |= {name: getattr(gates, name) for name in ("rotations", "cnot", "toffoli", "t")}
        facts |= {"t_count": gates.t_count(rotation_eps), "rotation_eps": rotation_eps}
        write(written)
    if as_json:
        typer.echo(json.dumps({"source": source, "format": to.value, "output": str(path), **facts}, indent=2))
        return
    _show(facts)
    size = len(written.encode() if isinstance(written, str) else written)
    console.print(escape(f"{size} bytes in {path}"), soft_wrap=True, highlight=False)


def _circuit(source: str, array: str | None, alpha: float | None) -> tuple["Circuit", dict[str, Any]]:
    """Return the circuit of a source, and its sizes and bounds."""
    import qla_jax as qla

    found = _loaded(Path(source), array) if source.endswith(FILES) else _evaluated(source)
    if isinstance(found, qla.circuits.Circuit):
        return found, {"num_wires": found.num_wires}
    if not isinstance(found, qla.BlockEncoding | qla.VectorEncoding):
        found = qla.block_encode(found, alpha=alpha)
    elif alpha is not None:
        raise ValueError("`--alpha` must belong to a matrix, but the expression is an encoding with its own.")
    facts = {"num_wires": found.num_ancillas + found.num_qubits, "num_ancillas": found.num_ancillas}
    return qla.to_circuit(found), facts | {"alpha": float(found.alpha), "eps": float(found.eps)}


def _loaded(path: Path, array: str | None) -> Any:
    import numpy as np

    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"`SOURCE` must be a file of arrays of NumPy, but {path} is not: {error}") from error
    if isinstance(found, np.ndarray):
        return found
    names = found.files
    chosen = array or (names[0] if len(names) == 1 else None)
    if chosen not in names:
        asked = "several arrays" if array is None else f"no array {array}"
        raise ValueError(f"`--array` must be one of {', '.join(names)}, but {path} has {asked}.")
    return found[chosen]


def _evaluated(expression: str) -> Any:
    import jax.numpy as jnp
    import numpy as np

    import qla_jax as qla

    try:
        return eval(expression, {"qla": qla, "jnp": jnp, "np": np})
    except Exception as error:
        told = f"`SOURCE` must be a file {' or '.join(FILES)} or an expression that can be evaluated"
        raise ValueError(f"{told}, but {expression!r} raises {type(error).__name__}: {error}") from error


MEANINGS = {
    "num_wires": "qubits",
    "num_ancillas": "of which are ancillas",
    "alpha": "subnormalization",
    "eps": "error of the encoding",
    "rotations": "rotations",
    "cnot": "CNOT",
    "toffoli": "Toffoli",
    "t": "T gates besides",
    "t_count": "T gates in all",
    "rotation_eps": "error of each rotation",
}


def _show(facts: dict[str, Any]) -> None:
    from qla_jax.experiments.core.tables import written

    columns = [("what", "quantity"), ("count", "its number")]
    rows = [[MEANINGS[name], f"{value:g}" if isinstance(value, float) else str(value)] for name, value in facts.items()]
    print_table("Circuit", written(columns, rows, caption="Counts of the circuit."))
