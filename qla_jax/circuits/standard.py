r"""Gates of other packages by their names, as operations here, with their phases.

The names are those of OpenQASM 3 and of Qiskit. `U`, `u2` and `u3` have a real entry in the upper left corner, as in
OpenQASM 3.0 and in Qiskit; OpenQASM 2 multiplies them by a phase.

Example:
    >>> placed("cx", (), (3, 1))
    [Gate(name='x', target=1, angle=None, controls=(3,), values=(1,))]
    >>> placed("cx", (), (0, 1, 2))
    Traceback (most recent call last):
        ...
    ValueError: `cx` must have 2 qubits, but has 3.

References:
    Cross et al. (2022), OpenQASM 3. https://arxiv.org/abs/2104.14722
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from qla_jax._checks import require
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import FIXED, TURNING, Gate, Operation, Phase, require_disjoint


class Standard(NamedTuple):
    """Gate with a name: the numbers of its parameters and of its wires, and its operations.

    Attributes:
        parameters: number of parameters.
        wires: number of wires.
        operations: function from the parameters to operations on the wires 0, 1, ...
    """

    parameters: int
    wires: int
    operations: Callable[..., list[Operation]]


def placed(name: str, parameters: Sequence[Any], wires: Sequence[int]) -> list[Operation]:
    """Return the operations of a gate of `STANDARD` on given wires.

    Args:
        name: name of the gate.
        parameters: parameters, numbers or JAX scalars.
        wires: wires, in the order of the gate.

    Raises:
        ValueError: other numbers of parameters or wires, or a wire that occurs twice.
    """
    gate = STANDARD[name]
    told, given = f"{gate.parameters} parameters", len(parameters)
    require(given == gate.parameters, f"`{name}` must have {told}, but has {given}.")
    require(len(wires) == gate.wires, f"`{name}` must have {gate.wires} qubits, but has {len(wires)}.")
    require_disjoint((), wires)
    return [part.moved(wires) for part in gate.operations(*parameters)]


def _any_turn(theta: Any, phi: Any, lam: Any) -> list[Operation]:
    """Return P(phi) RY(theta) P(lambda), whose upper left entry is cos(theta / 2)."""
    return [Gate("p", 0, lam), Gate("ry", 0, theta), Gate("p", 0, phi)]


def _root_of_x(sign: int) -> list[Operation]:
    return [Phase(sign * math.pi / 4), Gate("rx", 0, sign * math.pi / 2)]


def _swap() -> list[Operation]:
    return [Within((Gate("x", 0, controls=(1,)),), (Gate("x", 1, controls=(0,)),))]


def _under(controls: int, gate: Standard) -> Standard:
    """Return a gate under controls, which come first."""
    places, front = range(controls, controls + gate.wires), tuple(range(controls))

    def operations(*parameters: Any) -> list[Operation]:
        return [part.moved(places).controlled(front) for part in gate.operations(*parameters)]

    return Standard(gate.parameters, controls + gate.wires, operations)


def _fixed(name: str) -> Standard:
    return Standard(0, 1, lambda: [Gate(name, 0)])


def _turning(name: str) -> Standard:
    return Standard(1, 1, lambda angle: [Gate(name, 0, angle)])


_ALONE: dict[str, Standard] = {
    **{name: _fixed(name) for name in FIXED},
    **{name: _turning(name) for name in TURNING},
    "id": Standard(0, 1, list),
    "sx": Standard(0, 1, lambda: _root_of_x(1)),
    "sxdg": Standard(0, 1, lambda: _root_of_x(-1)),
    "u": Standard(3, 1, _any_turn),
    "u2": Standard(2, 1, lambda phi, lam: _any_turn(math.pi / 2, phi, lam)),
    "swap": Standard(0, 2, _swap),
}
_SYNONYMS = {"phase": "p", "u1": "p", "u3": "u", "U": "u"}

STANDARD: dict[str, Standard] = {
    **_ALONE,
    **{name: _ALONE[meaning] for name, meaning in _SYNONYMS.items()},
    **{f"c{name}": _under(1, _ALONE[name]) for name in (*FIXED, *TURNING, "sx", "swap")},
    **{name: _under(1, _ALONE["p"]) for name in ("cphase", "cu1")},
    "cu3": _under(1, _ALONE["u"]),
    "CX": _under(1, _ALONE["x"]),
    "ccx": _under(2, _ALONE["x"]),
    "ccz": _under(2, _ALONE["z"]),
    # The fourth parameter is a phase of the control.
    "cu": Standard(4, 2, lambda t, f, l, g: [Gate("p", 0, g), *_under(1, _ALONE["u"]).operations(t, f, l)]),
}
"""Gates by their names in OpenQASM 3 and Qiskit."""
