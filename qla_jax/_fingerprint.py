"""Fingerprints of arrays as text, and their comparison when a run is resumed.

Example:
    >>> fingerprint(labels=np.zeros(2, np.int32))
    {'labels': 'int32 (2,), sha256 af5570f5a181'}
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

DIGITS = 12
"""Number of digits of a checksum that are kept: enough to distinguish data sets, and short enough to print."""


def fingerprint(**arrays: Any) -> dict[str, str]:
    """Return dtype, shape and checksum of each array by its name, as text to compare and to print."""
    found = {}
    for name, value in arrays.items():
        array = np.ascontiguousarray(value)
        found[name] = f"{array.dtype} {np.shape(value)}, sha256 {checksum(array.view(np.uint8).data)}"
    return found


def checksum(content: bytes | memoryview) -> str:
    """Return the first digits of the SHA-256 checksum of some bytes."""
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def require_same(what: str, of: object, now: Mapping[str, Any], was: Mapping[str, Any], name: str = "resume") -> None:
    """Raise an error unless a run is resumed with the settings or data with which it began.

    Args:
        what: kind of the entries, such as "settings", for the message.
        of: origin of the first entries, such as a file, for the message.
        now: entries of the resumed run.
        was: entries of the first run.
        name: name of the argument, for the message.

    Raises:
        ValueError: the first entry that differs.
    """
    for key in {**was, **now}:
        if now.get(key) != was.get(key):
            told = f"{key} is {now.get(key)!r} and was {was.get(key)!r}".replace("'", "")
            raise ValueError(f"`{name}` must go on with the {what} of {of}, but {told}.")
