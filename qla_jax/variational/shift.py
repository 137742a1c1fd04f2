r"""Gradients by parameter shifts, as on a quantum computer: the reference for all other gradients of circuits.

As a function of the angle of one $e^{-i\theta P/2}$ with $P^2 = 1$, an expectation value is a sinusoid, and
$f'(\theta) = \frac12[f(\theta + \frac\pi2) - f(\theta - \frac\pi2)]$ exactly. A controlled rotation adds the frequency
1/2, so its rule has four terms.

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
from qla_jax.linalg.products import vdot
from qla_jax.variational.circuit import ParametrizedCircuit
from qla_jax.variational.unitaries import ParametrizedGate

_ROOT = math.sqrt(2)
RULES = {
    1: ((math.pi / 2, 0.5),),
    2: ((math.pi / 2, (_ROOT + 1) / (4 * _ROOT)), (3 * math.pi / 2, -(_ROOT - 1) / (4 * _ROOT))),
}
"""Rules by number of frequencies, as pairs (shift, weight): f' is the sum of weight * [f(+ shift) - f(- shift)]."""


def parameter_shift(
    value: Callable[[ParametrizedCircuit], Array], circuit: ParametrizedCircuit
) -> list[tuple[Array | None, ...]]:
    """Return the gradient of a value in all angles of a circuit, from runs of the circuit alone.

    Args:
        value: function of a circuit that is linear in expectation values, of its state or of samples; for a cost that
            is not linear in them, apply the chain rule to this gradient.
        circuit: circuit to differentiate. An angle shared by several gates counts once for each gate; pull the result
            back through the function that built the circuit.

    Returns:
        For each layer and each of its gates the derivatives in `gate.angles()`, None where it has none.

    Raises:
        TypeError: `circuit` is no circuit.

    Example:
        >>> from qla_jax.variational import circuit, run, ry, z_expectations
        >>> found = parameter_shift(lambda c: z_expectations(run(c))[0], circuit(1, [ry(0, 0.3)]))
        >>> found[0][0].round(4)  # -sin(0.3)
        Array([-0.2955], dtype=...)
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
        return vdot(weights, jax.lax.map(lambda shift: moved(angles + shift * direction), shifts))

    return jax.lax.map(derivative, directions).reshape(angles.shape)
