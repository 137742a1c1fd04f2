"""`qla-jax run --export`: one residual block as a file, its counts, and what is refused before training."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

import qla_jax as qla
from qla_jax._extras import MissingExtra
from qla_jax.circuits import count, from_openqasm3, to_matrix, to_qref
from qla_jax.circuits import files as circuit_files
from qla_jax.cli import app
from qla_jax.experiments.coherent import exported as part
from qla_jax.experiments.coherent import job as main_job
from qla_jax.experiments.coherent.exported import exported
from qla_jax.experiments.coherent.job import Job, key
from qla_jax.experiments.coherent.results import ExportedBlock, Part, TrainedNetwork
from qla_jax.experiments.coherent.summary import exported_rows
from qla_jax.experiments.core.results import from_json, to_json
from tests.experiments.report.test_report import network
from tests.experiments.test_main_job import KINDS, small_networks, tiny

ROW = ExportedBlock("dense-block.qasm", "qasm3", 10, 5, 4, 3, 2, 1, 900, 1e-10)


def block():
    weight = qla.block_encode(jnp.diag(jnp.array([0.5, 0.25])), alpha=1.0)
    return qla.residual_network(
        [weight], qla.vector_encode(jnp.array([0.6, 0.8])), poly=qla.polynomials.erf(0.8, degree=3)
    )


@pytest.mark.x64
def test_the_file_holds_the_circuit_of_the_block_and_the_row_its_counts(tmp_path):
    enc = block()
    row = exported(enc, tmp_path, "dense", "qasm3")
    path = tmp_path / "dense-block.qasm"
    circuit, gates = qla.to_circuit(enc), count(qla.to_circuit(enc))
    np.testing.assert_allclose(to_matrix(from_openqasm3(path.read_text())), qla.unitary(enc), rtol=0, atol=1e-12)
    assert (row.file, row.form, row.size) == (path.name, "qasm3", path.stat().st_size)
    assert (row.rotations, row.cnot, row.toffoli, row.t) == (gates.rotations, gates.cnot, gates.toffoli, gates.t)
    assert (row.num_qubits, row.t_count) == (circuit.num_wires, gates.t_count(1e-10))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_block_is_written_as_qref(tmp_path):
    enc = block()
    row = exported(enc, tmp_path, "dense", "qref")
    named = {each["name"]: each["value"] for each in to_qref(qla.to_circuit(enc))["program"]["resources"]}
    assert row.file == "dense-block.qref.json" and row.toffoli == named["toffoli"] > 0


def test_a_write_that_fails_leaves_the_file_before_it(tmp_path, monkeypatch):
    exported(block(), tmp_path, "dense", "qref")
    before = (tmp_path / "dense-block.qref.json").read_bytes()
    monkeypatch.setattr(part, "content", lambda circuit, name: "x" * 10)
    monkeypatch.setattr("qla_jax._files.append", lambda *arguments: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        exported(block(), tmp_path, "dense", "qref")
    assert (tmp_path / "dense-block.qref.json").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_only_a_job_that_asks_for_it_has_the_part():
    plain, asked = (main_job.study(Job(tiny(), Path("nowhere"), export=export)) for export in (None, "qref"))
    assert set(asked.items) - set(plain.items) == {key(kind, "exported") for kind in KINDS}
    assert asked.settings == plain.settings | {"export": "qref"}


@pytest.mark.slow
def test_the_part_exports_the_first_block_of_the_network(tmp_path):
    """Of the network whose checkpoint lies in the directory; a resumed job finds the row."""
    with small_networks():
        study = main_job.study(Job(tiny(), tmp_path, epochs=1, kind="dense", export="qref"))
        trained = study.items[key("dense", "training")]({})
        assert isinstance(trained, TrainedNetwork)
        row = study.items[key("dense", "exported")]({key("dense", "training"): trained})
    assert (tmp_path / row.file).is_file() and row.rotations > 0
    assert from_json(Part, to_json(row)) == row


def test_the_report_names_the_file_with_its_counts():
    table = exported_rows(network(exported=ROW))
    head = ["file", "bytes", "qubits", "rotations", "CNOT", "Toffoli", "T"]
    assert table.rows == [head, ["dense-block.qasm", "10", "5", "4", "3", "2", "900"]]
    assert exported_rows(network()) is None


def test_unknown_formats_are_refused_before_training():
    with pytest.raises(ValueError, match="`format` must be one of qasm3, qref, qpy, but is 'pdf'"):
        main_job.study(Job(tiny(), Path("nowhere"), export="pdf"))


def test_a_format_whose_package_is_missing_is_refused_before_training(monkeypatch):
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'qiskit'", name="qiskit")

    monkeypatch.setattr(circuit_files.importlib, "import_module", missing)
    with pytest.raises(MissingExtra, match="a file of format qpy needs qiskit"):
        main_job.study(Job(tiny(), Path("nowhere"), export="qpy"))


def test_the_option_of_the_command_reaches_the_job(tmp_path, monkeypatch):
    seen = []

    def stop(job, progress):
        seen.append(job)
        raise ValueError("`stop`")

    monkeypatch.setattr(main_job, "study", stop)
    with small_networks():
        ran = CliRunner().invoke(app, ["run", "--export", "qasm3", "--output", str(tmp_path / "run")])
    assert ran.exit_code == 2 and [job.export for job in seen] == ["qasm3"]
    assert CliRunner().invoke(app, ["run", "--export", "pdf"]).exit_code == 2
