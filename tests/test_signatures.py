"""Public signatures: one rule for keys, the operator first, Args that match, and no two classes of one name."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest

import qla_jax


def modules() -> list[str]:
    names = [found.name for found in pkgutil.walk_packages(qla_jax.__path__, "qla_jax.")]
    return [name for name in names if not any(part.startswith("_") for part in name.split(".")[1:])]


def members(kind: Any) -> Iterator[tuple[str, Any]]:
    for module in modules():
        for name, value in vars(importlib.import_module(module)).items():
            if not name.startswith("_") and kind(value) and getattr(value, "__module__", None) == module:
                yield f"{module}.{name}", value


def functions() -> Iterator[tuple[str, inspect.Signature, Any]]:
    """Functions, and methods of classes."""
    for name, value in members(lambda value: callable(value) and not inspect.isclass(value)):
        yield name, inspect.signature(value), value
    for name, value in members(inspect.isclass):
        for method, body in vars(value).items():
            if inspect.isfunction(body) and (not method.startswith("_") or method in ("__init__", "__call__")):
                yield f"{name}.{method}", inspect.signature(body), body


def is_random_key(parameter: inspect.Parameter) -> bool:
    return parameter.name == "key" and "Array" in str(parameter.annotation)


def test_random_keys_are_keywords():
    wrong = [
        name
        for name, signature, _ in functions()
        for parameter in signature.parameters.values()
        if is_random_key(parameter) and parameter.kind is not parameter.KEYWORD_ONLY
    ]
    assert wrong == []


def test_the_operator_comes_first():
    wrong = []
    for name, value in vars(qla_jax).items():
        if inspect.isfunction(inspect.unwrap(value)) and not name.startswith("_"):
            names = list(inspect.signature(value).parameters)
            wrong += [name] if "enc" in names and names[0] != "enc" else []
    assert wrong == []


def test_documented_arguments_are_those_of_the_signature():
    wrong = []
    for name, signature, value in functions():
        text = inspect.getdoc(value) or ""
        section = re.search(r"^Args:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
        if section is None:
            continue
        told = re.findall(r"^    \*{0,2}(\w+):", section[1], re.MULTILINE)
        have = [parameter for parameter in signature.parameters if parameter != "self"]
        if told != have:
            wrong.append((name, told, have))
    assert wrong == []


def test_no_two_classes_share_a_name():
    seen: dict[str, list[str]] = {}
    for name, value in members(inspect.isclass):
        seen.setdefault(value.__name__, []).append(name)
    assert {name: places for name, places in seen.items() if len(places) > 1} == {}


@pytest.mark.parametrize("name", ["product", "tensor", "concatenate", "linear_combination", "vector_sum"])
def test_parts_are_positional_and_options_keywords(name):
    kinds = [parameter.kind for parameter in inspect.signature(getattr(qla_jax, name)).parameters.values()]
    assert kinds[0] is inspect.Parameter.VAR_POSITIONAL
    assert all(kind is inspect.Parameter.KEYWORD_ONLY for kind in kinds[1:])
