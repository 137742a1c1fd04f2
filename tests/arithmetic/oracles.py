"""The operations in Python's integers, one number at a time: (value in full, reason to flag)."""

import math
from collections.abc import Callable

import numpy as np

from qla_jax.arithmetic.formats import Format


def _towards_zero(x: int, y: int, f: Format) -> tuple[int, bool]:
    if y == 0:  # every digit of the quotient is 1
        return ((1 << (f.bits + f.fraction)) - 1) * (-1 if x < 0 else 1), True
    size = (abs(x) << f.fraction) // abs(y)
    return (size if (x < 0) == (y < 0) else -size), False


FACTOR = {"wrap": -3, "saturate": 5}

FULL: dict[str, Callable[[int, int, Format], tuple[int, bool]]] = {
    "add": lambda x, y, f: (x + y, False),
    "subtract": lambda x, y, f: (x - y, False),
    "negate": lambda x, y, f: (-x, False),
    "absolute": lambda x, y, f: (abs(x), False),
    "maximum": lambda x, y, f: (max(x, y), False),
    "relu": lambda x, y, f: (max(x, 0), False),
    "multiply": lambda x, y, f: ((x * y) >> f.fraction, False),
    "square": lambda x, y, f: ((x * x) >> f.fraction, False),
    "multiply_constant": lambda x, y, f: ((x * FACTOR[f.overflow]) >> f.fraction, False),
    "divide": _towards_zero,
    "sqrt": lambda x, y, f: (math.isqrt(max(x, 0) << f.fraction), x < 0),
}

TWO = {"add", "subtract", "maximum", "multiply", "divide"}
NEVER_FLAGGED = {"maximum", "relu"}


def fit(value: int, f: Format) -> tuple[int, bool]:
    """Into the format, and whether it did not fit."""
    if f.least <= value <= f.largest:
        return value, False
    if f.overflow == "saturate":
        return (f.largest if value > 0 else f.least), True
    return (value - f.least) % (1 << f.bits) + f.least, True


def fitted(full: np.ndarray, f: Format) -> tuple[np.ndarray, np.ndarray]:
    """An array of them."""
    pairs = [fit(int(value), f) for value in full.ravel()]
    values, flags = (np.array(part).reshape(full.shape) for part in zip(*pairs, strict=True))
    return values, flags


def result(name: str, x: np.ndarray, y: np.ndarray, f: Format) -> tuple[np.ndarray, np.ndarray]:
    """Values and flags."""
    found = []
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        full, flag = FULL[name](a, b, f)
        value, misfit = fit(full, f)
        found.append((value, flag or misfit))
    values, flags = zip(*found, strict=True)
    return np.array(values), np.array(flags)


def signed(register: np.ndarray, bits: int) -> np.ndarray:
    """The unsigned content of a register as two's complement."""
    values = np.array([int(v) for v in np.ravel(register)], object)
    half = 1 << (bits - 1)
    return ((values + half) % (1 << bits) - half).astype(np.int64).reshape(np.shape(register))


def all_pairs(f: Format) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.arange(f.least, f.largest + 1)
    x, y = np.meshgrid(numbers, numbers, indexing="ij")
    return x.ravel(), y.ravel()


def random_pairs(f: Format, count: int = 100, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of all sizes, with the least, the largest, 0, 1 and -1 among them."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(f.least, f.largest + 1, (2, count)) >> rng.integers(0, f.bits, (2, count))
    corners = np.array([f.least, f.largest, 0, 1, -1])
    x, y = np.meshgrid(corners, corners)
    return np.concatenate([draws[0], x.ravel()]), np.concatenate([draws[1], y.ravel()])
