"""Results as JSON and back: every kind of field, and keys that are not those of the type."""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

from qla_jax.experiments.core.results import finite, from_json, named, to_json


class Pair(NamedTuple):
    first: int
    second: float


@dataclass(frozen=True)
class Inner:
    with_: float = field(default=0.0, metadata=named("with"))
    found: float | None = None


@dataclass(frozen=True)
class Other:
    name: str


@dataclass(frozen=True)
class Outer:
    number: float
    inner: Inner
    either: Inner | Other
    pairs: list[Pair]
    sizes: tuple[int, ...]
    two: tuple[str, Pair]
    by_name: dict[str, Inner]
    maybe: Inner | None
    rest: dict[str, Any] = field(default_factory=dict)


WHOLE = Outer(
    0.5,
    Inner(1.0),
    Other("x"),
    [Pair(1, 2.0)],
    (1, 2),
    ("a", Pair(3, 4.0)),
    {"b": Inner(2.0, 3.0)},
    None,
    {"c": [1, {"d": None}]},
)
PLAIN = {
    "number": 0.5,
    "inner": {"with": 1.0},
    "either": {"name": "x"},
    "pairs": [{"first": 1, "second": 2.0}],
    "sizes": [1, 2],
    "two": ["a", {"first": 3, "second": 4.0}],
    "by_name": {"b": {"with": 2.0, "found": 3.0}},
    "maybe": None,
    "rest": {"c": [1, {"d": None}]},
}


def test_results_go_to_json_and_back():
    assert to_json(WHOLE) == PLAIN
    assert from_json(Outer, PLAIN) == WHOLE
    assert to_json({1: np.float64(0.5), "a": np.arange(2)}) == {"1": 0.5, "a": [0, 1]}
    assert type(to_json(np.int64(3))) is int


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (Pair, {"first": 1}, "`Pair` must have the keys first, second, but second is missing"),
        (Pair, {"first": 1, "second": 2, "third": 3}, "but third is unknown"),
        (Inner, {"with_": 1.0}, "`Inner` must have the keys with, found, but with is missing and with_ is unknown"),
        (Outer, PLAIN | {"either": {"names": 1}}, "but with is missing and names is unknown"),
        (Outer, PLAIN | {"inner": {"with": 1, "more": 2}}, "`Inner` must have the keys with, found, but more is"),
        (tuple[int, int], [1, 2, 3], "zip"),
        (Outer, PLAIN | {"inner": [1]}, r"`Inner` must have the keys with, found, but it is \[1\]"),
    ],
)
def test_unknown_and_missing_keys_are_named(kind, value, told):
    with pytest.raises(ValueError, match=told):
        from_json(kind, value)


def test_what_is_not_finite_is_null():
    assert finite({"a": [math.inf, 1.0, {"b": math.nan}], "c": "inf"}) == {"a": [None, 1.0, {"b": None}], "c": "inf"}
