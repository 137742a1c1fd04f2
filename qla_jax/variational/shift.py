r"""Gradients by shifted angles, as a quantum computer takes them: the oracle of all other gradients here.

An expectation value in an angle of $e^{-i\theta P/2}$ with $P^2 = 1$ is a sinusoid, and
$f'(\theta) = \frac12[f(\theta + \frac\pi2) - f(\theta - \frac\pi2)]$ exactly. A controlled rotation adds the frequency
1/2, which takes four terms.

References:
    Schuld, Bergholm, Gogolin, Izaac, Killoran (2019), equation 2. https://arxiv.org/abs/1811.11184
    Anselmetti, Wierichs, Gogolin, Parrish (2021), equation 15, the four-term rule. https://arxiv.org/abs/2104.05695
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax._checks import require_callable, require_kind
from qla_jax.variational.circuit import ParametrizedCircuit
from qla_jax.variational.unitaries import ParametrizedGate

_ROOT = math.sqrt(2)
RULES = {
    1: ((math.pi / 2, 0.5),),
    2: ((math.pi / 2, (_ROOT + 1) / (4 * _ROOT)), (3 * math.pi / 2, -(_ROOT - 1) / (4 * _ROOT))),
}
"""Number of frequencies to pairs (shift, weight): f' is the sum of weight * [f(+ shift) - f(- shift)]."""


def parameter_shift(
    value: Callable[[ParametrizedCircuit], Array], circuit: ParametrizedCircuit
) -> list[tuple[Array | None, ...]]:
    """The gradient of a value in all angles of a circuit, by runs of the circuit alone.

    Args:
        value: of a circuit, linear in expectation values (of its state, or sampled); a cost that is not linear in
            them takes the chain rule around this.
        circuit: angles shared by several gates count as one for each; pull the result through what built the circuit.

    Returns:
        For each layer and each of its gates the derivatives in `gate.angles()`, None where it has none.

    Raises:
        TypeError: `circuit` is none.
    """
    require_kind("circuit", circuit, ParametrizedCircuit)
    require_callable("value", value)
    return [
        tuple(_of_gate(value, circuit, number, place) for place in range(len(layer.gates)))
        for number, layer in enumerate(circuit.layers)
    ]


def _of_gate(
    value: Callable[[ParametrizedCircuit], Array], circuit: ParametrizedCircuit, number: int, place: int
) -> Array | None:
    layer = circuit.layers[number]
    gate = layer.gates[place]
    angles = gate.angles()
    if angles is None:
        return None

    def moved(angles: Array) -> Array:
        gates: tuple[ParametrizedGate, ...] = (
            *layer.gates[:place],
            gate.with_angles(angles),
            *layer.gates[place + 1 :],
        )
        layers = (*circuit.layers[:number], layer.replace(gates=gates), *circuit.layers[number + 1 :])
        return value(circuit.replace(layers=layers))

    directions = jnp.asarray(np.eye(angles.size).reshape(angles.size, *angles.shape), angles.dtype)
    rule = RULES[gate.shifts]
    shifts = jnp.asarray([sign * shift for shift, _ in rule for sign in (1, -1)], angles.dtype)
    weights = jnp.asarray([sign * weight for _, weight in rule for sign in (1, -1)], angles.dtype)

    def derivative(direction: Array) -> Array:
        return jnp.vdot(weights, jax.lax.map(lambda shift: moved(angles + shift * direction), shifts))

    return jax.lax.map(derivative, directions).reshape(angles.shape)
