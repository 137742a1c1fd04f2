r"""Circuits of two parts one after another, an inner and then an outer one, on shared ancillas where that saves qubits.

Parts with a and b ancillas need a + b qubits if each has ancillas of its own. If both use the same ones instead, the
branch that the inner part leaves outside of $|0\rangle$ would return by the outer part, and the block would be wrong.
One more qubit, the mark, prevents this: after the inner part it is flipped unless the shared ancillas are 0. The mark
is flagged in 0 like all ancillas, and $\max(a, b) + 1$ qubits suffice. Parts share from $\min(a, b) = 2$ on.

A balanced tree of K parts has $\lceil\log_2K\rceil$ marks on each path, so that K parts take at most
$\max_i a_i + \lceil\log_2K\rceil$ ancillas. This is the number of the compression gadget, which counts in one register,
and no exact product of K parts can do with a shorter counter. A mark takes one flip under the shared ancillas, while a
counter of c bits takes c of them.

Example:
    >>> [together(inner, outer) for inner, outer in [(0, 5), (1, 5), (2, 5), (5, 5)]]
    [5, 6, 6, 6]

References:
    Low, Wiebe (2018), the compression gadget. https://arxiv.org/abs/1805.00675
    Vasconcelos, Gilyen (2025), its least number of qubits. https://arxiv.org/abs/2507.07900
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax._modes import reshaped
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.operations import Gate, Operation
from qla_jax.encodings.base.encoding import Encoding, State, on_front_ancillas, run_on


def together(inner: int, outer: int) -> int:
    """Return the number of ancillas of two circuits one after another.

    Args:
        inner: number of ancillas of the first circuit.
        outer: number of ancillas of the second circuit.
    """
    return min(inner + outer, max(inner, outer) + 1)


def num_shared(inner: int, outer: int) -> int:
    """Return the number of ancillas that both circuits use; 0 where sharing saves no qubit.

    Args:
        inner: number of ancillas of the first circuit.
        outer: number of ancillas of the second circuit.
    """
    return min(inner, outer) if min(inner, outer) > 1 else 0


def run_in_turn(outer: Encoding, inner: Encoding, state: State) -> State:
    """Run the circuit of `inner` and then the circuit of `outer`.

    Args:
        outer: encoding that runs second, on the front ancillas where none are shared.
        inner: encoding that runs first, on the last ancillas.
        state: state of all ancillas and the system.
    """
    shared = num_shared(inner.num_ancillas, outer.num_ancillas)
    state = run_on(inner.apply, inner, state)
    if not shared:
        return on_front_ancillas(outer.apply, outer, state)
    return run_on(outer.apply, outer, marked(state, shared))


def run_in_turn_adjoint(outer: Encoding, inner: Encoding, state: State) -> State:
    """Run the inverse of the circuit of `run_in_turn`.

    Args:
        outer: encoding whose inverse circuit runs first.
        inner: encoding whose inverse circuit runs second.
        state: state of all ancillas and the system.
    """
    shared = num_shared(inner.num_ancillas, outer.num_ancillas)
    if not shared:
        state = on_front_ancillas(outer.apply_adjoint, outer, state)
    else:
        state = marked(run_on(outer.apply_adjoint, outer, state), shared)
    return run_on(inner.apply_adjoint, inner, state)


def marked(state: State, shared: int) -> State:
    """Flip the first ancilla, the mark, unless the last ancillas are 0; the operation is its own inverse.

    Args:
        state: state of all ancillas and the system.
        shared: number of the last ancillas that are looked at.
    """
    grid = reshaped(state, (2, -1, 1 << shared, state.shape[1]))
    return reshaped(flipped_unless_zero(grid, mark=0, shared=2), state.shape)


def flipped_unless_zero(grid: Array, *, mark: int, shared: int) -> Array:
    """Flip one qubit unless a register is 0.

    Args:
        grid: state with an axis for each group of qubits.
        mark: axis of the qubit.
        shared: axis of the register.
    """
    # All values but one are flipped: a choice between two reads needs no table of targets.
    zero = jax.lax.broadcasted_iota(jnp.int32, grid.shape, shared) == 0
    return jnp.where(zero, grid, jnp.flip(grid, mark))


def marking(inner: int, outer: int) -> Gates:
    """Return the gates between two circuits one after another: a flip of the mark under all shared ancillas.

    Args:
        inner: number of ancillas of the first circuit.
        outer: number of ancillas of the second circuit.
    """
    shared = num_shared(inner, outer)
    if not shared:
        return Gates()
    return Gates(toffoli=shared - 1, under=Gates(toffoli=shared, cnot=1))


def mark_operations(mark: int, shared: Sequence[int]) -> list[Operation]:
    """Return the operations that flip the mark unless the shared ancillas are 0.

    Args:
        mark: wire of the mark.
        shared: wires of the shared ancillas.
    """
    return [Gate("x", mark), Gate("x", mark, controls=tuple(shared), values=(0,) * len(shared))]


def in_turn_operations(
    enc: Encoding, outer: Encoding, inner: Encoding, outer_circuit: Circuit, inner_circuit: Circuit
) -> list[Operation]:
    """Return the operations of two circuits one after another.

    Args:
        enc: encoding that consists of the two parts.
        outer: encoding that runs second.
        inner: encoding that runs first.
        outer_circuit: circuit of `outer`.
        inner_circuit: circuit of `inner`.
    """
    shared = num_shared(inner.num_ancillas, outer.num_ancillas)
    first = enc.call(inner, inner_circuit)
    if not shared:
        return [first, enc.call(outer, outer_circuit, front=True)]
    mark, *others = enc.ancilla_wires
    return [first, *mark_operations(mark, others[len(others) - shared :]), enc.call(outer, outer_circuit)]
