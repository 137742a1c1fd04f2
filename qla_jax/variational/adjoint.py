r"""Gradients of deep circuits in the memory of a shallow one: the circuit runs backwards.

Unitary gates can be undone. Behind the circuit stand its last state and the derivative $\lambda$ of the loss; gate by
gate the state is un-computed, the gate's own derivative is taken from $\langle\lambda|dU|\psi\rangle$, and $\lambda$
passes the gate. Nothing is kept from the run forward but its end, so memory does not know the depth. Rounding grows
with it, as it does in any run of a circuit: by some units per gate. The method needs two states and room for one gate;
XLA's plan on a CPU takes seven in all, since it has transposed copies and sums of several gates at a time.

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
import jax.numpy as jnp
from jax import Array

from qla_jax.variational.circuit import Circuit, Layer, run, start
from qla_jax.variational.contraction import overlaps
from qla_jax.variational.gates import Gate


def run_adjoint(circuit: Circuit, state: Array | None = None) -> Array:
    """`run`, differentiated in reverse by un-computing: memory independent of depth, forward mode not available.

    All gates have to be unitary, for which those of the builders are.

    Raises:
        ValueError: what `run` raises.
    """
    return _run(circuit, start(circuit, state))


@jax.custom_vjp
def _run(circuit: Circuit, state: Array) -> Array:
    return run(circuit, state)


def _forward(circuit: Circuit, state: Array) -> tuple[Array, tuple[Circuit, Array]]:
    behind = run(circuit, state)
    return behind, (circuit, behind)


def _backward(kept: tuple[Circuit, Array], cotangent: Array) -> tuple[Circuit, Array]:
    circuit, state = kept
    layers = []
    for layer in circuit.layers[::-1]:
        (state, cotangent), gates = _pull_layer(layer, state, cotangent)
        layers.append(layer.replace(gates=gates))
    return circuit.replace(layers=tuple(layers[::-1])), cotangent


_run.defvjp(_forward, _backward)


def _pull_layer(layer: Layer, state: Array, cotangent: Array) -> tuple[tuple[Array, Array], tuple[Gate, ...]]:
    """State and cotangent before the layer, and the cotangents of its gates."""

    def step(pair: tuple[Array, Array], gates: tuple[Gate, ...]) -> tuple[tuple[Array, Array], tuple[Gate, ...]]:
        state, cotangent = pair
        pulled = []
        for gate in gates[::-1]:
            state = gate.adjoint().apply(state)
            # One thing after the other: the compiler would have several in memory to run them at once.
            state, cotangent = jax.lax.optimization_barrier((state, cotangent))
            of_gate = _of_gate(gate, state, cotangent)
            cotangent = gate.adjoint().apply(cotangent.conj()).conj()
            of_gate, state, cotangent = jax.lax.optimization_barrier((of_gate, state, cotangent))
            pulled.append(of_gate)
        return (state, cotangent), tuple(pulled[::-1])

    return jax.lax.scan(step, (state, cotangent), layer.gates, length=layer.repeats, reverse=True)


def _of_gate(gate: Gate, state: Array, cotangent: Array) -> Gate:
    """The cotangent of a gate, from the sums over all other qubits of cotangent times state."""
    if not jax.tree.leaves(gate):
        return gate
    matrix, pull = jax.vjp(lambda gate: gate.matrix(), gate)
    entries = overlaps(cotangent, state, gate.wires)
    return pull(entries.real if jnp.isrealobj(matrix) else entries)[0]
