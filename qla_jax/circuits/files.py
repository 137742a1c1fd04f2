"""Files of circuits: what a file of each format holds, and the ending of its name.

Example:
    >>> from qla_jax.circuits import Gate
    >>> content(Circuit(1, (Gate("h", 0),)), "qasm3").splitlines()[-1], ENDINGS["qref"]
    ('h q[0];', '.qref.json')
"""

import importlib
import io
import json
from collections.abc import Callable

from qla_jax._checks import require
from qla_jax._extras import needs
from qla_jax.circuits.call_tree import to_qref
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.foreign import to_qiskit
from qla_jax.circuits.qasm import to_openqasm3

ENDINGS = {"qasm3": ".qasm", "qref": ".qref.json", "qpy": ".qpy"}
"""Endings of names of files by format: OpenQASM 3, QREF as JSON, Qiskit's QPY."""


def require_format(name: str) -> None:
    """Raise an error for a format that cannot be written here, before work begins.

    Args:
        name: name of the format.

    Raises:
        ValueError: an unknown format.
        MissingExtra: a format that needs a package which is not installed.
    """
    require(name in ENDINGS, f"`format` must be one of {', '.join(ENDINGS)}, but is {name!r}.")
    if name == "qpy":
        with needs("peers", "a file of format qpy"):
            importlib.import_module("qiskit.qpy")


def content(circuit: Circuit, name: str) -> str | bytes:
    """Return what a file with a circuit holds.

    Args:
        circuit: the circuit, with concrete angles.
        name: name of the format.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: an unknown format, or traced angles.
        MissingExtra: a format that needs a package which is not installed.
    """
    require_format(name)
    ways: dict[str, Callable[[Circuit], str | bytes]] = {
        "qasm3": to_openqasm3,
        "qref": lambda circuit: json.dumps(to_qref(circuit), indent=2) + "\n",
        "qpy": _as_qpy,
    }
    return ways[name](circuit)


def _as_qpy(circuit: Circuit) -> bytes:
    made, file = to_qiskit(circuit), io.BytesIO()
    importlib.import_module("qiskit.qpy").dump(made, file)
    return file.getvalue()
