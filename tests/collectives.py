"""What a compiled program exchanges between devices: the collectives of its HLO text, loops times their trip counts.

The bytes of a collective are those of its result on one device. A collective that runs in two steps, such as
`all-gather-start` and `all-gather-done`, counts at its second step, whose result is the collective's alone.

Example:
    >>> compiled = jax.jit(run, out_shardings=divided).lower(circuit, state).compile()
    >>> exchanged(compiled.as_text()), largest(compiled.as_text())
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

KINDS = (
    "all-gather",
    "all-reduce",
    "all-to-all",
    "collective-broadcast",
    "collective-permute",
    "ragged-all-to-all",
    "reduce-scatter",
)
SHAPE = re.compile(r"\b([a-z]+\d*\w*)\[([\d,]*)\]")
INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?[\w.\-]+ = (.*?) ([a-z][\w\-]*)\(")
HEADER = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\{$")
CALLED = re.compile(r"\b(?:calls|to_apply|true_computation|false_computation)=%?([\w.\-]+)")
BRANCHES = re.compile(r"\b(?:branch_computations|called_computations)=\{([^}]*)\}")
LOOPED = re.compile(r"\b(?:body|condition)=%?([\w.\-]+)")
TRIPS = re.compile(r"known_trip_count\W+n\W+(\d+)")


class Collective(NamedTuple):
    """A collective of a program: its kind, the bytes of its result on one device, and how often it runs."""

    kind: str
    bytes: int
    times: int


def exchanged(text: str) -> int:
    """Bytes of the results of all collectives on one device, each as often as it runs."""
    return sum(one.bytes * one.times for one in collectives(text))


def largest(text: str) -> int:
    """Bytes of the largest result of a collective on one device; 0 where there is none."""
    return max((one.bytes for one in collectives(text)), default=0)


def collectives(text: str) -> list[Collective]:
    """The collectives of a compiled program, from `compiled.as_text()`.

    Raises a ValueError for a loop that holds collectives and whose trip count the compiler does not know.
    """
    entry, computations = _computations(text)
    return list(_walk(computations, entry, 1))


def nbytes(shape: str) -> int:
    """Bytes of a shape of HLO, such as `f32[8,4]{1,0}`, or of a tuple of them."""
    return sum(
        math.ceil(_bits(kind) / 8) * math.prod(int(length) for length in lengths.split(",") if length)
        for kind, lengths in SHAPE.findall(shape)
    )


def _bits(kind: str) -> int:
    found = re.search(r"\d+", kind)
    return int(found[0]) if found else 8 * (kind == "pred")  # tokens have no bytes


def _computations(text: str) -> tuple[str, dict[str, list[str]]]:
    """The name of the entry, and the lines of instructions of each computation."""
    entry, name, found = "", "", dict[str, list[str]]()
    for line in text.splitlines():
        if not line.startswith(" "):
            header = HEADER.match(line)
            name = header[2] if header else ""
            entry = name if header and header[1] else entry
        elif name:
            found.setdefault(name, []).append(line)
    if not entry:
        raise ValueError("the text of a compiled program must have an ENTRY, but this one has none.")
    return entry, found


def _walk(computations: dict[str, list[str]], name: str, times: int) -> Iterator[Collective]:
    for line in computations.get(name, []):
        found = INSTRUCTION.match(line)
        if not found:
            continue
        shape, operation = found.groups()
        kind = operation.removesuffix("-done")
        if kind in KINDS:
            yield Collective(kind, nbytes(shape), times)
        elif operation == "while":
            inside = [one for part in LOOPED.findall(line) for one in _walk(computations, part, times)]
            trips = TRIPS.search(line)
            if inside and not trips:
                raise ValueError(f"a loop with collectives must have a known trip count, but has none: {line.strip()}")
            yield from (one._replace(times=one.times * int(trips[1])) for one in inside if trips)
        elif operation not in ("async-update", "async-done") and operation.removesuffix("-start") not in KINDS:
            for branches in BRANCHES.findall(line):
                for part in branches.split(","):
                    yield from _walk(computations, part.strip().lstrip("%"), times)
            for part in CALLED.findall(line):
                yield from _walk(computations, part, times)
