r"""Circuits as data: layers of gates, a layer repeated with other angles in one loop.

A layer is written once, as a function of its angles, and mapped over the depth; it runs as `lax.scan`, so that the
program does not grow with the depth. Real gates (RY, H, CX, CZ) on a real state stay in real arithmetic.

`run` is the definition and can be differentiated in both modes; in reverse it keeps a state for every gate.
`run_adjoint` keeps one.

Example:
    >>> from qla_jax.variational.gates import cx, rx
    >>> turns = jnp.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])  # three layers of two qubits
    >>> ansatz = circuit(2, repeated(lambda a: [rx(0, a[0]), rx(1, a[1]), cx(0, 1)], turns))
    >>> run(ansatz).shape, ansatz.num_gates
    ((4,), 9)
"""

from collections.abc import Callable, Sequence
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
from qla_jax.variational.states import require_state_fits, zero_state
from qla_jax.variational.unitaries import ParametrizedGate

MAX_UNITARY_QUBITS = 13
"""An explicit unitary has at most 2^13 rows: 1 GiB in complex128."""


class GateLayer(Node, kw_only=True):
    """Gates in a row, the first acting first, the row repeated.

    Attributes:
        gates: the arrays of each lead with an axis of `repeats`.
        repeats: how often the row runs.
    """

    gates: tuple[ParametrizedGate, ...]
    repeats: int = struct.field(pytree_node=False)

    def adjoint(self) -> "GateLayer":
        """The layer that undoes this one."""
        turned = jax.tree.map(lambda leaf: leaf[::-1], self.gates)
        flip = jax.vmap(lambda gate: gate.adjoint(), axis_size=self.repeats)
        return self.replace(gates=tuple(map(flip, turned[::-1])))


class ParametrizedCircuit(Node, kw_only=True):
    """Layers in a row, the first acting first.

    Attributes:
        layers: each with its own gates.
        num_qubits: n.
    """

    layers: tuple[GateLayer, ...]
    num_qubits: int = struct.field(pytree_node=False)

    @property
    def num_gates(self) -> int:
        """Gates in all, repeats counted."""
        return sum(layer.repeats * len(layer.gates) for layer in self.layers)

    def adjoint(self) -> "ParametrizedCircuit":
        """The circuit that undoes this one."""
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
    """Gates that run once."""
    rows = as_tuple("gates", gates, ParametrizedGate)
    return GateLayer(gates=tuple(jax.tree.map(lambda leaf: leaf[None], gate) for gate in rows), repeats=1)


def repeated(make: Callable[[Any], Sequence[ParametrizedGate]], angles: Any) -> GateLayer:
    """The gates that `make` makes of each entry along the first axis of `angles`, one row after the other.

    Args:
        make: a row of gates of its angles; the same gates whatever the angles.
        angles: an array or pytree of arrays that lead with an axis of the depth, at least 1.

    Raises:
        ValueError: no depth, or axes of different lengths.
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
    """A circuit of layers, or of plain rows of gates.

    Raises:
        ValueError: no qubit, or a gate on a qubit that is not there.
    """
    num_qubits = as_integer("num_qubits", num_qubits, least=1)
    made = tuple(one if isinstance(one, GateLayer) else layer(one) for one in layers)
    used = [wire for one in made for gate in one.gates for wire in gate.wires]
    most = max(used, default=0)
    require(most < num_qubits, f"`wires` must be below `num_qubits` = {num_qubits}, but one is {most}.")
    return ParametrizedCircuit(layers=made, num_qubits=num_qubits)


def run(circuit: ParametrizedCircuit, state: Array | None = None) -> Array:
    """The state behind the circuit, in the shape of `state`; from |0...0>, of shape (2^n,), unless given.

    Real gates on a real state give a real one; it is complex where any gate or the state is.

    Raises:
        ValueError: a state of another number of qubits, or more qubits than fit in memory.
    """
    state = start(circuit, state)
    for one in circuit.layers:
        state = run_layer(one, state)
    return state


def run_layer(layer: GateLayer, state: Array) -> Array:
    """The state behind all repeats of a layer, of the dtype that `start` gives."""

    def step(state: Array, gates: tuple[ParametrizedGate, ...]) -> tuple[Array, None]:
        for gate in gates:
            state = gate.apply(state)
        return state, None

    return jax.lax.scan(step, varying_like(state, layer.gates), layer.gates, length=layer.repeats)[0]


def start(circuit: ParametrizedCircuit, state: Array | None = None) -> Array:
    """The state that a circuit starts from, in a dtype that its gates keep.

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
    """Whether a pytree of angles is a list of numbers, which stands for an array."""
    return isinstance(angles, list) and not any(hasattr(leaf, "dtype") for leaf in jax.tree.leaves(angles))


def _dtype(gate: ParametrizedGate) -> Any:
    """Of the result of a gate on a real state: constant gates follow the state."""
    if not jax.tree.leaves(gate):
        return jnp.bool_
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), gate)
    return jax.eval_shape(lambda gate: gate.matrix(), one).dtype


def matrix_of(circuit: ParametrizedCircuit) -> Num[Array, "dim dim"]:
    """The circuit as an explicit unitary.

    Raises:
        ValueError: more than 13 qubits.
    """
    require_kind("circuit", circuit, ParametrizedCircuit)
    n = circuit.num_qubits
    require(n <= MAX_UNITARY_QUBITS, f"`num_qubits` must be at most {MAX_UNITARY_QUBITS} for a unitary, but is {n}.")
    basis = jnp.eye(1 << n, dtype=start(circuit).dtype)
    return jax.vmap(lambda state: run(circuit, state), out_axes=1)(basis)
