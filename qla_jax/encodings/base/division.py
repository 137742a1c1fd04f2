r"""States that are divided among the devices of a mesh while circuits run on them.

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

from qla_jax.meshes import SHARDS, divided, local, shards

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
    count = shards()
    idle = [axis for axis in range(grid.ndim) if axis not in (ancilla, system)]
    moved = jnp.moveaxis(grid, (ancilla, system), (-2, -1))
    # Both sides of each exchange are stated here, since what XLA would choose between them may be a whole state.
    sizes, own = moved.shape[:-2], moved.shape[-2:]
    if leading is not None and grid.shape[leading] >= count:
        moved = _run_alone(apply, moved, idle.index(leading))
    # A part that says nothing of devices is never left to XLA where its idle qubits can be divided instead.
    elif part.stays_divided or math.prod(sizes) < count:
        moved = _mapped(apply, len(sizes))(moved)
    elif max(sizes) >= count:
        moved = divided(_run_alone(apply, divided(moved), sizes.index(max(sizes))))
    else:
        merged = divided(moved).reshape(-1, *own)
        moved = divided(_run_alone(apply, merged, 0)).reshape(moved.shape)
    return jnp.moveaxis(moved, (-2, -1), (ancilla, system))


def multiplied(
    times: Callable[[Array, Array], Array], matrix: Num[Array, "dimension dimension"], state: State
) -> State:
    """Return a matrix times a state of all its qubits.

    Args:
        times: product of a matrix and a vector.
        matrix: matrix of 2^(a + n) rows and columns.
        state: state of shape (2^a, 2^n).
    """
    if not 1 < shards() <= state.shape[1]:
        return times(matrix, state.reshape(-1)).reshape(state.shape)

    def on_device(columns: Array, part: Array) -> Array:
        # Each device adds up its columns, and the sums of all devices are added where each of them is kept.
        total = times(columns.reshape(len(matrix), -1), part.reshape(-1))
        return jax.lax.psum_scatter(total.reshape(state.shape), SHARDS, scatter_dimension=1, tiled=True)

    return local(on_device, 2, 1, out=1)(matrix.reshape(-1, *state.shape), state)


def _run_alone(apply: Callable[[State], State], grid: Array, axis: int) -> Array:
    """Run a circuit on the last two axes, on each device for its values of another axis."""
    return local(_mapped(apply, grid.ndim - 2), axis, out=axis)(grid)


def _mapped(apply: Callable[[State], State], times: int) -> Callable[[Array], Array]:
    for _ in range(times):
        apply = jax.vmap(apply)
    return apply
