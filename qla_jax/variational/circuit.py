"""Circuits as data: layers of gates, where a loop repeats a layer with other angles.

A layer is written once, as a function of its angles, and mapped over the depth. It runs as `lax.scan`, so the compiled
program does not grow with the depth. Real gates (RY, H, CX, CZ) on a real state use real arithmetic. `run` can be
differentiated in forward and reverse mode; in reverse mode it keeps a state for every gate, while `run_adjoint` keeps
one.

Example:
    >>> from qla_jax.variational.gates import cx, rx
    >>> turns = jnp.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])  # three layers of two qubits
    >>> ansatz = circuit(2, repeated(lambda a: [rx(0, a[0]), rx(1, a[1]), cx(0, 1)], turns))
    >>> run(ansatz).shape, ansatz.num_gates
    ((4,), 9)
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Num

from qla_jax._checks import as_inexact, as_integer, as_tuple, require, require_callable, require_kind
from qla_jax._modes import common_dtype, varying_like
from qla_jax._nodes import Node
from qla_jax.linalg.qubits import qubits_of
from qla_jax.variational.fusion import LEAST_QUBITS
from qla_jax.variational.layers import GateLayer
from qla_jax.variational.sharding import engine
from qla_jax.variational.states import require_state_fits, zero_state
from qla_jax.variational.unitaries import ParametrizedGate

MAX_UNITARY_QUBITS = 13
"""Limit on the qubits of an explicit unitary: 2^13 rows take 1 GiB in complex128."""


class ParametrizedCircuit(Node, kw_only=True):
    """Circuit of layers, the first of which acts first.

    Attributes:
        layers: layers with their own gates.
        num_qubits: number n of qubits.
    """

    layers: tuple[GateLayer, ...]
    num_qubits: int = struct.field(pytree_node=False)

    @property
    def num_gates(self) -> int:
        """Number of gates in all, repeats counted."""
        return sum(layer.repeats * len(layer.gates) for layer in self.layers)

    def adjoint(self) -> "ParametrizedCircuit":
        """Return the circuit that undoes this one."""
        return self.replace(layers=tuple(layer.adjoint() for layer in self.layers[::-1]))

    def __add__(self, other: "ParametrizedCircuit") -> "ParametrizedCircuit":
        if not isinstance(other, ParametrizedCircuit):
            return NotImplemented
        require(
            self.num_qubits == other.num_qubits,
            f"`num_qubits` must be equal to add circuits, but is {self.num_qubits} and {other.num_qubits}.",
        )
        return self.replace(layers=self.layers + other.layers)


def layer(gates: Sequence[ParametrizedGate]) -> GateLayer:
    """Return a layer of gates that run once.

    Example:
        >>> from qla_jax.variational import cx, hadamard
        >>> bell = circuit(2, layer([hadamard(0), cx(0, 1)]))
        >>> run(bell).round(4)
        Array([0.7071, 0.    , 0.    , 0.7071], dtype=...)
    """
    rows = as_tuple("gates", gates, ParametrizedGate)
    return GateLayer(gates=tuple(jax.tree.map(lambda leaf: leaf[None], gate) for gate in rows), repeats=1)


def repeated(make: Callable[[Any], Sequence[ParametrizedGate]], angles: Any) -> GateLayer:
    """Return a layer that repeats a row of gates, once for each entry along the first axis of `angles`.

    Args:
        make: function from the angles of one row to its gates, the same gates for all angles.
        angles: array, or pytree of arrays, with a leading axis of the depth, at least 1.

    Raises:
        ValueError: no depth, or axes of different lengths.

    Example:
        >>> from qla_jax.variational import ry
        >>> turned = circuit(1, repeated(lambda angle: [ry(0, angle)], jnp.array([0.1, 0.2, 0.3])))
        >>> turned.num_gates, run(turned).round(4)  # cos(0.3), sin(0.3)
        (3, Array([0.9553, 0.2955], dtype=...))
    """
    require_callable("make", make)
    angles = jax.tree.map(lambda leaf: as_inexact("angles", leaf), angles, is_leaf=_is_array)
    lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(angles)}
    require(
        len(lengths) == 1 and 0 not in lengths,
        f"`angles` must lead with one axis of the depth, at least 1, but have lengths {sorted(lengths)}.",
    )
    return GateLayer(
        gates=jax.vmap(lambda angle: as_tuple("make", make(angle), ParametrizedGate))(angles), repeats=lengths.pop()
    )


def circuit(num_qubits: int, *layers: GateLayer | Sequence[ParametrizedGate]) -> ParametrizedCircuit:
    """Build a circuit of layers or of plain rows of gates.

    Args:
        num_qubits: number of qubits.
        layers: layers, or sequences of gates that run once.

    Raises:
        ValueError: no qubit, or a gate on a qubit that is not there.

    Example:
        >>> from qla_jax.variational import cx, hadamard
        >>> bell = circuit(2, [hadamard(0), cx(0, 1)])
        >>> bell.num_gates, (bell + bell.adjoint()).num_gates
        (2, 4)
    """
    num_qubits = as_integer("num_qubits", num_qubits, least=1)
    made = tuple(one if isinstance(one, GateLayer) else layer(one) for one in layers)
    used = [wire for one in made for gate in one.gates for wire in gate.wires]
    most = max(used, default=0)
    require(most < num_qubits, f"`wires` must be below `num_qubits` = {num_qubits}, but one is {most}.")
    return ParametrizedCircuit(layers=made, num_qubits=num_qubits)


def run(circuit: ParametrizedCircuit, state: Array | None = None) -> Array:
    """Return the state after the circuit, in the shape of the initial state.

    Real gates on a real state give a real state. The result is complex where any gate or the initial state is.

    Args:
        circuit: circuit to run.
        state: initial state; |0...0> of shape (2^n,) by default.

    Raises:
        ValueError: a state of another number of qubits, or more qubits than fit in memory.

    Example:
        >>> from qla_jax.variational import cx, hadamard
        >>> run(circuit(2, [hadamard(0), cx(0, 1)])).round(4)
        Array([0.7071, 0.    , 0.    , 0.7071], dtype=...)
    """
    state = start(circuit, state)
    runs = engine.run if engine.is_divided(circuit.layers, circuit.num_qubits) else run_whole
    plain = partial(runs, act=engine.one_by_one)
    if circuit.num_qubits < LEAST_QUBITS:
        return plain(circuit.layers, state)
    # Each platform compiles one of the two: a program that is exported on another host has the right one, too.
    fused = partial(runs, act=engine.in_blocks)
    return jax.lax.platform_dependent(circuit.layers, state, tpu=fused, default=plain)


def run_whole(layers: tuple[GateLayer, ...], state: Array, *, act: engine.RowOnShard) -> Array:
    """Return the state after all repeats of all layers, on one device.

    Args:
        layers: layers to run.
        state: state of the dtype that `start` gives.
        act: function that applies a row of gates.
    """

    def step(state: Array, gates: tuple[ParametrizedGate, ...]) -> tuple[Array, None]:
        return act(gates, (), state), None

    for layer in layers:
        # A scan over the repeats keeps program and compile time independent of the depth.
        begin = varying_like(state, layer.gates)
        state = jax.lax.scan(step, begin, layer.gates, length=layer.repeats)[0]
    return state


def start(circuit: ParametrizedCircuit, state: Array | None = None) -> Array:
    """Return the state that a circuit starts from, in a dtype that all its gates keep.

    Args:
        circuit: circuit that will run on the state.
        state: initial state; |0...0> by default.

    Raises:
        ValueError: what `run` raises.
    """
    require_kind("circuit", circuit, ParametrizedCircuit)
    kinds = [_dtype(gate) for one in circuit.layers for gate in one.gates]
    if state is None:
        dtype = common_dtype(*kinds) if kinds else jnp.result_type(complex)
        return zero_state(circuit.num_qubits, dtype if jnp.issubdtype(dtype, jnp.inexact) else float)
    state = as_inexact("state", state)
    have = qubits_of(state)
    require(have == circuit.num_qubits, f"`state` must have {circuit.num_qubits} qubits, but has {have}.")
    dtype = common_dtype(state, *kinds)
    require_state_fits(have, dtype)
    return state.astype(dtype)


def _is_array(angles: Any) -> bool:
    """Return whether a pytree of angles is a list of numbers, which stands for an array."""
    return isinstance(angles, list) and not any(hasattr(leaf, "dtype") for leaf in jax.tree.leaves(angles))


def _dtype(gate: ParametrizedGate) -> Any:
    """Return the dtype of the result of a gate on a real state; constant gates follow the state."""
    if not jax.tree.leaves(gate):
        return jnp.bool_
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), gate)
    return jax.eval_shape(lambda gate: gate.matrix(), one).dtype


def matrix_of(circuit: ParametrizedCircuit) -> Num[Array, "dim dim"]:
    """Return the circuit as an explicit unitary.

    Raises:
        ValueError: more than 13 qubits.

    Example:
        >>> from qla_jax.variational import cx
        >>> matrix_of(circuit(2, [cx(0, 1)])).real.astype(int).tolist()
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    """
    require_kind("circuit", circuit, ParametrizedCircuit)
    n = circuit.num_qubits
    require(n <= MAX_UNITARY_QUBITS, f"`num_qubits` must be at most {MAX_UNITARY_QUBITS} for a unitary, but is {n}.")
    basis = jnp.eye(1 << n, dtype=start(circuit).dtype)
    return jax.vmap(lambda state: run(circuit, state), out_axes=1)(basis)
