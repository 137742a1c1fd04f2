"""One residual block as a file for other packages, with the counts of its circuit."""

from pathlib import Path

import jax

from qla_jax._files import write
from qla_jax._processes import on_first
from qla_jax.circuits import count
from qla_jax.circuits.files import ENDINGS, content
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.emission import to_circuit
from qla_jax.experiments.coherent.results import ExportedBlock

ROTATION_EPS = 1e-10
"""Error of each rotation in the T count."""


def exported(block: VectorEncoding, directory: Path, kind: str, form: str) -> ExportedBlock:
    """Write the circuit of a block into a directory, completely or not at all, and return its counts.

    Args:
        block: the block in double precision, with its input.
        directory: directory of the run.
        kind: name of the network, the first part of the file's name.
        form: name of the format.

    Raises:
        ValueError: an unknown format.
        MissingExtra: a format that needs a package which is not installed.
    """
    with jax.enable_x64(True):
        circuit = to_circuit(block)
        text = content(circuit, form)
    data = text.encode() if isinstance(text, str) else text
    path, gates = directory / f"{kind}-block{ENDINGS[form]}", count(circuit)
    on_first(lambda: write(path, data))
    return ExportedBlock(
        file=path.name,
        form=form,
        size=len(data),
        num_qubits=circuit.num_wires,
        rotations=gates.rotations,
        cnot=gates.cnot,
        toffoli=gates.toffoli,
        t=gates.t,
        t_count=gates.t_count(ROTATION_EPS),
        rotation_eps=ROTATION_EPS,
    )
