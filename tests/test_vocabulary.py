"""The reference lists what the package offers: names read from the source are those that Python sees."""

import importlib

import qla_jax
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
