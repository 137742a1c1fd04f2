"""`qla-jax export`: what is written, what is counted, and what is refused with one line and status 2."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner, Result

import qla_jax as qla
from qla_jax.circuits import count, from_openqasm3, to_matrix, to_qref
from qla_jax.cli import app
from tests.cases import real

pytestmark = pytest.mark.x64
MATRIX = real(4, 4)


@pytest.fixture(autouse=True)
def _there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def export(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["export", *arguments])


def refused(*arguments: str) -> str:
    ran = export(*arguments)
    assert ran.exit_code == 2 and ran.output.count("\n") == 1, ran.output
    return ran.output


def test_a_matrix_of_a_file_is_written_as_openqasm(tmp_path):
    np.save("matrix.npy", MATRIX)
    ran = export("matrix.npy", "-o", "a.qasm", "--alpha", "6")
    assert ran.exit_code == 0, ran.output
    enc = qla.block_encode(MATRIX, alpha=6.0)
    found = to_matrix(from_openqasm3((tmp_path / "a.qasm").read_text()))
    np.testing.assert_allclose(found, qla.unitary(enc), rtol=0, atol=1e-12)
    assert f"{count(qla.to_circuit(enc)).rotations}" in ran.output and "a.qasm" in ran.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.qasm", "matrix.npy"]


def test_an_expression_is_written_as_qref_with_counts_as_json(tmp_path):
    expression = "qla.qsvt(qla.block_encode(np.diag([0.5, 0.2]), alpha=1.0), [0.0, 0.3, 0.0, 0.6])"
    ran = export(expression, "--to", "qref", "--json")
    circuit = qla.to_circuit(qla.qsvt(qla.block_encode(np.diag([0.5, 0.2]), alpha=1.0), [0.0, 0.3, 0.0, 0.6]))
    assert json.loads((tmp_path / "circuit.qref.json").read_text()) == to_qref(circuit)
    told, gates = json.loads(ran.stdout), count(circuit)
    assert told["num_wires"] == circuit.num_wires and told["num_ancillas"] == 2 and told["alpha"] == 1.0
    assert told["t_count"] == gates.t_count(1e-10) and told["rotations"] == gates.rotations
    assert told["output"] == "circuit.qref.json" and told["format"] == "qref"


@pytest.mark.parametrize("source", ["jnp.eye(2)", "qla.vector_encode([3.0, 4.0])", "qla.circuits.Circuit(2)"])
def test_matrices_vectors_and_circuits_are_written(source):
    assert export(source).exit_code == 0


def test_arrays_of_a_file_are_named(tmp_path):
    np.savez("two.npz", a=MATRIX, b=np.eye(2))
    assert "`--array` must be one of a, b, but two.npz has several arrays" in refused("two.npz")
    assert "no array c" in refused("two.npz", "--array", "c")
    assert export("two.npz", "--array", "b").exit_code == 0


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "no.npy").write_text("no array")
    (tmp_path / "no.npz").write_text("no archive")
    (tmp_path / "there.qasm").write_text("there")
    np.save("objects.npy", np.array([{}], object), allow_pickle=True)
    assert "cannot write or read absent.npy" in refused("absent.npy")
    for name in ("no.npy", "no.npz", "objects.npy"):
        assert f"must be a file of arrays of NumPy, but {name} is not" in refused(name)
    assert "raises NameError: name 'nothing' is not defined" in refused("nothing")
    assert "raises SyntaxError" in refused("1 +")
    assert "raises ValueError: `alpha` must be at least the spectral norm" in refused(
        "qla.block_encode(2 * np.eye(2), alpha=1.0)"
    )
    assert "`matrix` must be an array of numbers" in refused("'word'")
    assert "`--alpha` must belong to a matrix" in refused("qla.block_encode(np.eye(2))", "--alpha", "2")
    assert "`--output` must be a new file, but there.qasm is there" in refused("np.eye(2)", "-o", "there.qasm")
    assert "`rotation_eps` must lie between 0 and 1" in refused("np.eye(2)", "--rotation-eps", "2")
    assert (tmp_path / "there.qasm").read_text() == "there" and not (tmp_path / "circuit.qasm").exists()


def test_the_precision_of_the_caller_is_left_alone():
    before = jax.config.jax_enable_x64
    assert export("np.eye(2)").exit_code == 0
    assert jax.config.jax_enable_x64 == before and jnp.zeros(()).dtype == np.float64


@pytest.mark.peers
def test_a_circuit_is_written_as_qpy(tmp_path):
    qiskit = pytest.importorskip("qiskit")
    assert export("qla.block_encode_pauli({'XZ': 0.5, 'YI': 0.3j})", "--to", "qpy").exit_code == 0
    with (tmp_path / "circuit.qpy").open("rb") as file:
        (loaded,) = qiskit.qpy.load(file)
    expected = qla.unitary(qla.block_encode_pauli({"XZ": 0.5, "YI": 0.3j}))
    np.testing.assert_allclose(qiskit.quantum_info.Operator(loaded).data, expected, rtol=0, atol=1e-12)
