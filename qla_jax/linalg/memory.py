"""Whether a circuit fits in memory: asked before it runs, since a machine that swaps gives no error and no answer.

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
"""States of all qubits that live at a time while a circuit runs: what a gate reads, what it writes, one between."""


def available() -> int:
    """Bytes of the device that new arrays go to: what an accelerator may allot, or the machine's physical memory."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("bytes_limit") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def fits(qubits: int, itemsize: int) -> bool:
    """Whether a circuit on so many qubits can run, each amplitude of so many bytes."""
    return (COPIES * itemsize) << qubits <= available()


def require_fit(num_ancillas: int, num_system: int, dtype: jnp.dtype) -> None:
    """Raises ValueError for a state that is too large, with the number of qubits and the way out."""
    qubits, itemsize = num_ancillas + num_system, jnp.dtype(dtype).itemsize
    require(
        fits(qubits, itemsize),
        f"the circuit must fit in memory, but has {qubits} qubits, {num_ancillas} of them ancillas: {COPIES} states of "
        f"2^{qubits} amplitudes take {gib(COPIES * itemsize, qubits)}, and there are {gib(available())}. The encoded "
        "view, `matvec` and `vector`, has no ancillas; `run_projected` drops those of a vector as early as it can.",
    )


def require_arrays_fit(function: Callable, argument: Array, qubits: int) -> None:
    """The same for a function that holds less than the whole state: by the largest array in it."""
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
    """So many bytes, doubled so often, as people read them; the power of two stays where nobody could."""
    shift = doublings - 30
    return f"{number * 2**shift:.3g} GiB" if shift < 40 else f"{number} * 2^{shift} GiB"
