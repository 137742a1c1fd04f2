"""Checks that a circuit fits in memory, made before it runs, since a machine that swaps never returns an error.

Example:
    >>> fits(qubits=20, itemsize=8), fits(qubits=80, itemsize=8)
    (True, False)
"""

import os
from collections.abc import Callable, Iterator

import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax import Array

from qla_jax._checks import require

COPIES = 3
"""Number of full states that exist at a time while a circuit runs: input and output of a gate, and one temporary."""


def available() -> int:
    """Return the bytes of the default device: the limit of an accelerator, or the physical memory of the machine."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("bytes_limit") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def fits(qubits: int, itemsize: int) -> bool:
    """Return whether the states of a circuit fit in memory.

    Args:
        qubits: number of all qubits.
        itemsize: bytes of one amplitude.
    """
    return (COPIES * itemsize) << qubits <= available()


def require_fit(num_ancillas: int, num_system: int, dtype: jnp.dtype) -> None:
    """Raise an error for a state that does not fit in memory; the message names alternatives.

    Args:
        num_ancillas: number of ancilla qubits.
        num_system: number of system qubits.
        dtype: dtype of the amplitudes.

    Raises:
        ValueError: a state that does not fit.
    """
    qubits, itemsize = num_ancillas + num_system, jnp.dtype(dtype).itemsize
    require(
        fits(qubits, itemsize),
        f"the circuit must fit in memory, but has {qubits} qubits, {num_ancillas} of them ancillas: {COPIES} states of "
        f"2^{qubits} amplitudes take {gib(COPIES * itemsize, qubits)}, and there are {gib(available())}. The encoded "
        "view, `matvec` and `vector`, has no ancillas; `run_projected` drops those of a vector as early as it can.",
    )


def require_arrays_fit(function: Callable, argument: Array, qubits: int) -> None:
    """Raise an error for a function whose largest array does not fit in memory.

    Args:
        function: function that holds less than the whole state, such as a projected circuit.
        argument: argument of the function.
        qubits: number of all qubits, for the message.

    Raises:
        ValueError: an array that does not fit.
    """
    # The function is traced, not run: shapes of all intermediate arrays are in the jaxpr, at no memory.
    traced = jax.make_jaxpr(function)(argument)
    largest = max(_sizes(traced.jaxpr), default=0)
    require(
        largest <= available(),
        f"the circuit must fit in memory, but has {qubits} qubits, and takes an array of {gib(largest)} even with "
        f"ancillas dropped early; there are {gib(available())}. The encoded view, `vector`, has no ancillas.",
    )


def _sizes(program: jex.Jaxpr) -> Iterator[int]:
    for equation in program.eqns:
        for variable in equation.outvars:
            if isinstance(variable.aval, jax.core.ShapedArray):
                yield variable.aval.size * variable.aval.dtype.itemsize
        for inner in jax.tree.leaves(list(equation.params.values())):
            if isinstance(inner, jex.ClosedJaxpr):
                yield from _sizes(inner.jaxpr)
            elif isinstance(inner, jex.Jaxpr):
                yield from _sizes(inner)


def gib(number: int, doublings: int = 0) -> str:
    """Return a number of bytes in GiB as text, with a power of two for numbers too large to read.

    Args:
        number: number of bytes.
        doublings: number of times by which it is doubled.
    """
    shift = doublings - 30
    return f"{number * 2**shift:.3g} GiB" if shift < 40 else f"{number} * 2^{shift} GiB"
