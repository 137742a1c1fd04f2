"""docs/reference/json.md describes the JSON files: it equals what `tools.json_keys` makes of the dataclasses."""

import pytest

from qla_jax.experiments.coherent.results import MainReport
from tools.json_keys import DOCUMENT, document, entries, told


def test_the_document_is_that_of_the_types():
    assert DOCUMENT.read_text() == document()


def test_fields_and_meanings_are_read_from_types_and_docstrings():
    assert told(list[dict[str, float]]) == "list of object of number" and told(int | None) == "integer or null"
    assert told(tuple[float, int]) == "[number, integer]" and told(tuple[int, ...]) == "[integer, ...]"
    assert entries(MainReport)["kind"] == "name of the recipe."
    assert entries(MainReport)["failures"] == "a line for each violated bound or failed check; empty is good."
    with pytest.raises(KeyError):
        _ = entries(MainReport)["nothing"]
