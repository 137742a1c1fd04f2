"""The registry of public functions that the laws of `tests/test_kernels.py` run over: one module for each room.

A room's module has `PUBLIC`, the dotted names of its public functions and classes; `KERNELS`, at least one for each;
`EXEMPT`, the names that have none, each with the reason; and `SAMPLE`, the names of a few kernels whose values are
compared in quick runs, too. A new public function is one more line, or a reason.

Arrays hold whole numbers, so that they are exact in every dtype. The function is called with arrays of JAX, of NumPy,
lists and tracers; what it returns may be any pytree.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np


class Kernel(NamedTuple):
    """A public function and arguments for it.

    Attributes:
        name: public dotted name; a word after a blank tells several kernels of one name apart.
        function: takes the arrays in order, and the integers by name.
        arrays: whole numbers from 0 to 120, or of either sign where `signed`.
        integers: sizes, counts, wires: everything that has to be a Python integer, and may be one of NumPy.
        signed: whether arrays have negative entries, so that no unsigned dtype holds them.
        random: whether values are drawn in the dtype of the arrays, so that those of another precision differ.
        exact: whether values depend on nothing but integers, so that precision changes nothing.
        single: whether parameters are float32, so that values are within single precision whatever the arrays are.
        without: laws that do not apply, each with the reason.
        factor: rounding units that values of order one may differ by, in place of 64.
    """

    name: str
    function: Callable[..., Any]
    arrays: tuple[np.ndarray, ...] = ()
    integers: Mapping[str, int] = {}
    signed: bool = False
    random: bool = False
    exact: bool = False
    single: bool = False
    without: Mapping[str, str] = {}
    factor: float = 64

    @property
    def public(self) -> str:
        """The public name alone."""
        return self.name.split(" ")[0]

    @property
    def bits(self) -> bool:
        """Whether all entries are 0 or 1, so that booleans hold them."""
        return all(np.isin(array, (0, 1)).all() for array in self.arrays)


def public(room: ModuleType, prefix: str) -> set[str]:
    """Dotted names of what a module has in public and can be called."""
    names = getattr(room, "__all__", vars(room))  # what loads on first use is listed
    return {f"{prefix}.{name}" for name in names if callable(getattr(room, name)) and name[0] != "_"}


def numbers(*entries: Any) -> np.ndarray:
    """Whole numbers in float64."""
    return np.array(entries, np.float64)


def rooms() -> list[ModuleType]:
    """All modules of the registry."""
    return [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
