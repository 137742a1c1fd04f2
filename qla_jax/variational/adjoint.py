r"""Gradients of deep circuits in constant memory, by un-computing the circuit gate by gate.

Unitary gates can be undone. The backward pass starts from the final state $\psi$ and the derivative $\lambda$ of the
loss in it. For each gate, last gate first, it un-computes the state, takes the derivative in the gate's parameters from
$\langle\lambda|dU|\psi\rangle$, and applies the adjoint gate to $\lambda$. The forward pass keeps only its final state,
so memory does not depend on the depth. Rounding grows with the depth by some units per gate, as in any run of a
circuit.

The method needs two states. A state of more than `BLOCK_QUBITS` qubits is changed in place, and XLA's plan on a CPU
takes three states in all, the third while the observable is evaluated. Smaller states take up to seven copies, which is
little memory. Second derivatives of large states are slow.

Example:
    >>> from qla_jax.variational.circuit import circuit
    >>> from qla_jax.variational.gates import ry
    >>> ansatz = circuit(1, [ry(0, 0.3)])
    >>> gradient = jax.grad(lambda c: jnp.square(run_adjoint(c)[1]))(ansatz)  # of sin(0.15)^2
    >>> gradient.layers[0].gates[0].angle.round(4)
    Array([0.1478], dtype=...)

References:
    Jones, Gacon (2020), Efficient calculation of gradients in classical simulations of variational quantum
    algorithms, algorithm 1. https://arxiv.org/abs/2009.02823
"""

import jax
from jax import Array

from qla_jax._modes import varying_like
from qla_jax.variational.blocks import States, after
from qla_jax.variational.circuit import ParametrizedCircuit, start
from qla_jax.variational.layers import GateLayer
from qla_jax.variational.sharding import engine
from qla_jax.variational.uncomputing import cotangent_of, has_parameters, pull, push
from qla_jax.variational.unitaries import ParametrizedGate


def run_adjoint(circuit: ParametrizedCircuit, state: Array | None = None) -> Array:
    """Return the state after the circuit, as `run` does, with a reverse-mode derivative in memory independent of depth.

    The derivative un-computes the circuit, so all gates have to be unitary. All gates of the builders are. Forward mode
    is not available.

    Args:
        circuit: circuit of unitary gates.
        state: initial state; |0...0> by default.

    Raises:
        ValueError: what `run` raises.

    Example:
        >>> from qla_jax.variational import circuit, ry
        >>> ansatz = circuit(1, [ry(0, 0.3)])
        >>> gradient = jax.grad(lambda c: jnp.square(run_adjoint(c)[1]))(ansatz)  # of sin(0.15)^2
        >>> round(float(gradient.layers[0].gates[0].angle[0]), 4)
        0.1478
    """
    return _run(circuit, start(circuit, state))


@jax.custom_vjp
def _run(circuit: ParametrizedCircuit, state: Array) -> Array:
    if engine.is_divided(circuit.layers, circuit.num_qubits):
        return engine.run(circuit.layers, state, act=engine.in_place)
    for layer in circuit.layers:
        state = _push_layer(layer, state)
    return state


def _forward(circuit: ParametrizedCircuit, state: Array) -> tuple[Array, tuple[ParametrizedCircuit, Array]]:
    behind = _run(circuit, state)
    return behind, (circuit, behind)


def _backward(kept: tuple[ParametrizedCircuit, Array], cotangent: Array) -> tuple[ParametrizedCircuit, Array]:
    circuit, state = kept
    if engine.is_divided(circuit.layers, circuit.num_qubits):
        found, cotangent = engine.run_back(circuit.layers, state, cotangent)
        return circuit.replace(layers=found), cotangent
    # Without this order XLA copies the state for the un-computing, since the caller may still read the original.
    state = after(cotangent.reshape(-1)[0], state)
    layers = []
    for layer in circuit.layers[::-1]:
        (state, cotangent), gates = _pull_layer(layer, state, cotangent)
        layers.append(layer.replace(gates=gates))
    return circuit.replace(layers=tuple(layers[::-1])), cotangent


_run.defvjp(_forward, _backward)


def _push_layer(layer: GateLayer, state: Array) -> Array:
    """Return the state after all repeats of the layer."""

    def step(state: Array, gates: tuple[ParametrizedGate, ...]) -> tuple[Array, None]:
        for gate in gates:
            state = push(gate.matrix_for(state.dtype), gate.wires, gate.diagonal, state)
        return state, None

    return jax.lax.scan(step, varying_like(state, layer.gates), layer.gates, length=layer.repeats)[0]


def _pull_layer(layer: GateLayer, state: Array, cotangent: Array) -> tuple[States, tuple[ParametrizedGate, ...]]:
    """Return state and cotangent before the layer, and the cotangents of its gates."""

    def step(pair: States, gates: tuple[ParametrizedGate, ...]) -> tuple[States, tuple[ParametrizedGate, ...]]:
        pulled = []
        for gate in gates[::-1]:
            matrix = gate.matrix_for(pair[0].dtype)
            pair, entries = pull(matrix, gate.wires, gate.diagonal, pair, wanted=has_parameters(gate))
            pulled.append(cotangent_of(gate, entries))
        return pair, tuple(pulled[::-1])

    begin = varying_like((state, cotangent), state, cotangent, layer.gates)
    return jax.lax.scan(step, begin, layer.gates, length=layer.repeats, reverse=True)
