"""The reference lists what the package offers: names read from the source are those that Python sees."""

import importlib
import inspect
from collections.abc import Callable

import qla_jax
import qla_jax as qla
from tools.vocabulary import PACKAGE, ROOMS, Name, definition, first_sentence, public_names, reexports, source_of


def value_of(name: Name) -> object:
    module, _, last = name.path.rpartition(".")
    loaded = importlib.import_module(module)
    return getattr(loaded, last) if hasattr(loaded, last) else importlib.import_module(name.path)


def test_every_name_of_the_package_is_listed():
    listed = {id(value_of(name)) for name in public_names()}
    rooms = {value for value in (getattr(qla_jax, name) for name in qla_jax.__all__) if hasattr(value, "__path__")}
    missing = [name for name in qla_jax.__all__ if id(getattr(qla_jax, name)) not in listed]
    assert {getattr(qla_jax, name) for name in missing} == rooms


def test_every_name_of_a_room_is_listed():
    listed = {name.path for name in public_names()}
    for room in ROOMS:
        for name, module in reexports(source_of(f"{PACKAGE}.{room}")):
            path = definition(name, module)
            assert path in listed or source_of(path).is_file(), f"{room}.{name}"


def test_names_are_where_the_reference_says_and_have_a_sentence():
    for name in public_names():
        assert first_sentence(name.path) or not callable(value_of(name)), name.path  # constants may have none


def test_rooms_with_public_names_have_a_page():
    assert {path.split(".")[1] for path in (name.path for name in public_names())} == set(ROOMS)


ROOMS_WITH_NAMES = "arithmetic circuits claims measurement nn phases polynomials prior qram variational".split()
NEED_ANOTHER_PACKAGE = {
    "from_pennylane", "from_qiskit", "to_cirq", "to_pennylane", "to_pennylane_qsvt", "to_qiskit", "to_qualtran",
    "physical_estimate",
}  # fmt: skip


def public_functions() -> dict[str, Callable]:
    """Functions of the vocabulary and of the rooms' own names."""
    found = {f"qla.{name}": getattr(qla, name) for name in qla.__all__}
    for room in ROOMS_WITH_NAMES:
        names = vars(importlib.import_module(f"qla_jax.{room}"))
        found |= {f"{room}.{name}": value for name, value in names.items() if not name.startswith("_")}
    return {
        name: value
        for name, value in found.items()
        if callable(value) and not inspect.isclass(value) and getattr(value, "__module__", "").startswith("qla_jax")
    }


def test_every_public_function_has_an_example():
    found = public_functions()
    assert len(found) > 200
    without = {name for name, value in found.items() if ">>> " not in (inspect.getdoc(value) or "")}
    assert {name for name in without if name.partition(".")[2] not in NEED_ANOTHER_PACKAGE} == set()
