"""Checks that a circuit fits in memory, made before it runs, since a machine that swaps never returns an error.

Example:
    >>> fits(qubits=20, itemsize=8), fits(qubits=80, itemsize=8)
    (True, False)
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax import Array

from qla_jax._checks import require
from qla_jax.meshes import shards

COPIES = 3
"""Number of full states that exist at a time while a circuit runs: input and output of a gate, and one temporary."""


def available(*arrays: Any) -> int:
    """Return the bytes of the devices that a state may use.

    A state may use the devices of the mesh in use, or those that hold given arrays, or else the default device. An
    accelerator has its limit, and all CPU devices of a machine have its physical memory together.

    Args:
        arrays: arrays that the state is computed from; traced ones are on no device yet.
    """
    devices = _devices_of(arrays)
    here = [device for device in devices if device.process_index == jax.process_index()]
    limits = [(device.memory_stats() or {}).get("bytes_limit") for device in here or jax.local_devices()[:1]]
    known = [limit for limit in limits if limit]
    if len(known) < len(limits):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(known) * max(len(devices), shards())


def _devices_of(arrays: Iterable[Any]) -> set[jax.Device]:
    known = [array for array in arrays if isinstance(array, Array) and not isinstance(array, jax.core.Tracer)]
    return set().union(*(array.devices() for array in known)) or {jax.local_devices()[0]}


def fits(qubits: int, itemsize: int, *arrays: Any) -> bool:
    """Return whether the states of a circuit fit in memory.

    Args:
        qubits: number of all qubits.
        itemsize: bytes of one amplitude.
        arrays: arrays that the states are computed from, on the devices that will hold them.
    """
    return (COPIES * itemsize) << qubits <= available(*arrays)


def require_fit(num_ancillas: int, num_system: int, dtype: jnp.dtype, *arrays: Any) -> None:
    """Raise an error for a state that does not fit in memory; the message names alternatives.

    Args:
        num_ancillas: number of ancilla qubits.
        num_system: number of system qubits.
        dtype: dtype of the amplitudes.
        arrays: arrays that the state is computed from, on the devices that will hold it.

    Raises:
        ValueError: a state that does not fit.
    """
    qubits, itemsize = num_ancillas + num_system, jnp.dtype(dtype).itemsize
    require(
        fits(qubits, itemsize, *arrays),
        f"the circuit must fit in memory, but has {qubits} qubits, {num_ancillas} of them ancillas: {COPIES} states of "
        f"2^{qubits} amplitudes take {gib(COPIES * itemsize, qubits)}, and there are {gib(available(*arrays))}. "
        "The encoded view, `matvec` and `vector`, has no ancillas; `run_projected` drops those of a vector as early as "
        "it can.",
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
        largest <= available(argument),
        f"the circuit must fit in memory, but has {qubits} qubits, and takes an array of {gib(largest)} even with "
        f"ancillas dropped early; there are {gib(available(argument))}. The encoded view, `vector`, has no ancillas.",
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
