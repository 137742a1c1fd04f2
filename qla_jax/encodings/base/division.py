r"""How a state is divided among the devices of a mesh while circuits run on it.

At rest, a state of shape (2^a, 2^n) is divided along the system: each device holds the amplitudes of some values of the
leading system qubits, for all values of the ancillas. Gates on ancillas, reflections about their zero state and
everything diagonal in the system then exchange nothing. A circuit that acts on some qubits and leaves others idle runs
on each device alone, if the idle qubits have enough values for all devices. They may be those that are divided at rest;
otherwise the state is exchanged once before the circuit and once after it. A leaf that moves amplitudes between values
of the leading system qubits exchanges them itself and says so by `stays_divided`.

Without a mesh in use nothing of this happens, and the compiled programs are those of one device.

Example:
    >>> with jax.set_mesh(mesh()):
    ...     kept = jax.jit(at_rest)(jnp.zeros((2, 16)))
    >>> kept.shape
    (2, 16)
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from qla_jax.meshes import divided, local, shards

State = Num[Array, "ancilla system"]


def at_rest(state: State) -> State:
    """Return a state constrained to be divided along the system; without a mesh the state itself."""
    return divided(state)


def resting(method: Callable[[Any, State], State]) -> Callable[[Any, State], State]:
    """Decorate `apply` or `apply_adjoint` so that a state is divided along the system before and after it."""

    @functools.wraps(method)
    def call(self: Any, state: State) -> State:
        return method(self, state) if shards() == 1 else at_rest(method(self, at_rest(state)))

    return call


def run_among(
    apply: Callable[[State], State], part: Any, grid: Array, ancilla: int, system: int, leading: int | None
) -> Array:
    """Run a part on two axes of a divided state, for all values of the other axes, which are idle.

    Args:
        apply: method `apply` or `apply_adjoint` of the part.
        part: encoding that runs.
        grid: state with an axis for each group of qubits.
        ancilla: axis of the ancillas of the part.
        system: axis of the system of the part.
        leading: idle axis of the leading qubits of the joint system; None where the part has these qubits.
    """
    idle = [axis for axis in range(grid.ndim) if axis not in (ancilla, system)]
    moved = jnp.moveaxis(grid, (ancilla, system), (-2, -1))
    sizes, own = moved.shape[:-2], moved.shape[-2:]
    carrier = idle.index(leading) if leading is not None and grid.shape[leading] >= shards() else None
    if carrier is None and not part.stays_divided and math.prod(sizes) >= shards():
        moved, sizes, carrier = moved.reshape(-1, *own), (math.prod(sizes),), 0
    run = apply
    for _ in sizes:
        run = jax.vmap(run)
    done = run(moved) if carrier is None else local(run, carrier, out=carrier)(moved)
    return jnp.moveaxis(done.reshape(*(grid.shape[axis] for axis in idle), *own), (-2, -1), (ancilla, system))
