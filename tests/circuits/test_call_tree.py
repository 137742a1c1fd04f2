"""Trees of calls: counts add up at every level, and a QREF document holds them."""

import json
import sys

import pytest

import qla_jax as qla
from qla_jax._extras import MissingExtra
from qla_jax.circuits import Call, Circuit, Gate, Within, count, to_qref
from qla_jax.circuits.call_tree import KINDS, CallTree, call_tree
from qla_jax.encodings.emission import to_circuit
from tests.circuits.builds import BUILDS

pytestmark = pytest.mark.x64


def of(gates):
    return {kind: getattr(gates, kind) for kind in KINDS}


def nodes(tree: CallTree, seen=None):
    seen = {} if seen is None else seen
    if id(tree) not in seen:
        seen[id(tree)] = tree
        for called, _ in tree.calls:
            nodes(called, seen)
    return seen.values()


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.sample(7)
def test_counts_add_up_at_every_level(name):
    circuit = to_circuit(BUILDS[name]())
    for root in (circuit, circuit.controlled(), circuit.inverse()):
        assert of(call_tree(root).total) == of(count(root))
        for node in nodes(call_tree(root)):
            parts = {kind: sum(times * getattr(each.total, kind) for each, times in node.calls) for kind in KINDS}
            assert {kind: parts[kind] + node.between[kind] for kind in KINDS} == of(node.total)
            assert all(number >= 0 for number in node.between.values())


def test_calls_in_conjugations_are_counted_with_their_controls():
    part = Circuit(1, (Gate("t", 0),), "part")
    inner = Within((Call(part, (0,)),), (Call(part, (1,)),))
    tree = call_tree(Circuit(3, (inner, inner.controlled((2,)))))
    assert [(node.controls, times) for node, times in tree.calls] == [(0, 5), (1, 1)]
    assert tree.between == dict.fromkeys(KINDS, 0)


def routines(routine):
    yield routine
    for child in routine.get("children", ()):
        yield from routines(child)


def additive(routine):
    """The additive resources of a routine; those of a repetition are those of its child, so many times."""
    if "repetition" in routine:
        (child,) = routine["children"]
        assert "resources" not in routine
        return {kind: routine["repetition"]["count"] * value for kind, value in additive(child).items()}
    return {each["name"]: each["value"] for each in routine["resources"] if each["type"] == "additive"}


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.sample(5)
def test_documents_add_up_and_are_plain_data(name):
    circuit = to_circuit(BUILDS[name]())
    document = to_qref(circuit)
    assert json.loads(json.dumps(document)) == document and document["version"] == "v1"
    assert additive(document["program"]) == of(count(circuit))
    for routine in routines(document["program"]):
        children = routine.get("children", [])
        found = {kind: sum(additive(child)[kind] for child in children) for kind in KINDS}
        assert not children or "repetition" in routine or found == additive(routine)
        names = [child["name"] for child in children]
        assert len(set(names)) == len(names)


def test_the_depth_of_a_document_is_chosen():
    enc = qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25})
    circuit = to_circuit(qla.qsvt(enc @ enc, [0.0, 0.3, 0.0, 0.6]))
    sizes = [len(list(routines(to_qref(circuit, depth=depth)["program"]))) for depth in range(4)]
    assert sizes[0] == 1 and sizes[0] < sizes[1] < sizes[2]
    with pytest.raises(ValueError, match="`depth` must be at least 0, but is -1"):
        to_qref(circuit, depth=-1)
    with pytest.raises(TypeError, match="`circuit` must be of type Circuit"):
        to_qref(enc)


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("from_pennylane", "pennylane"),
        ("from_qiskit", "qiskit"),
        ("to_cirq", "cirq"),
        ("to_pennylane", "pennylane"),
        ("to_qiskit", "qiskit"),
        ("to_qualtran", "qualtran"),
    ],
)
def test_a_package_that_is_missing_is_named(monkeypatch, name, library):
    monkeypatch.setitem(sys.modules, library, None)
    told = rf"`{name}` needs {library}: pip install 'qla-jax\[peers\]'"
    with pytest.raises(MissingExtra, match=told):
        getattr(qla.circuits, name)(Circuit(1))
