"""Each convention as its source writes it down, in plain NumPy: the matrices at one signal x, multiplied in order.

Nothing here is taken from the package. `ours` and `models[name]` give 2 x 2 matrices.
"""

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

Z = np.diag([1.0, -1.0])
H = np.array([[1, 1], [1, -1]]) / np.sqrt(2)


def times(*matrices: np.ndarray) -> np.ndarray:
    return reduce(np.matmul, matrices, np.eye(2))


def z_turn(phase: float) -> np.ndarray:
    return np.diag(np.exp([1j * phase, -1j * phase]))


def x_turn(phase: float) -> np.ndarray:
    return H @ z_turn(phase) @ H


def rotation(x: float) -> np.ndarray:
    angle = np.arccos(x)
    return np.array([[np.cos(angle), 1j * np.sin(angle)], [1j * np.sin(angle), np.cos(angle)]])


def reflection(x: float) -> np.ndarray:
    angle = np.arccos(x)
    return np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])


def ours(phases: Sequence[float], x: float) -> np.ndarray:
    return times(z_turn(phases[0]), *(rotation(x) @ z_turn(phase) for phase in phases[1:]))


def wz(phases: Sequence[float], x: float) -> np.ndarray:
    return times(x_turn(phases[0]), *(z_turn(np.arccos(x)) @ x_turn(phase) for phase in phases[1:]))


def reflections(phases: Sequence[float], x: float) -> np.ndarray:
    return times(z_turn(phases[0]), *(reflection(x) @ z_turn(phase) for phase in phases[1:]))


def calls(phases: Sequence[float], x: float) -> np.ndarray:
    return times(*(z_turn(phase) @ reflection(x) for phase in phases))


def applied_first_to_last(phases: Sequence[float], x: float) -> np.ndarray:
    """A circuit: what comes first acts first."""
    state = z_turn(phases[0])
    for phase in phases[1:]:
        state = z_turn(phase) @ reflection(x) @ state
    return state


def walk(phases: Sequence[float], x: float) -> np.ndarray:
    """Projector phases on |0>; the step is R, then the reflection 1 - 2|0><0|."""
    state = np.diag([np.exp(1j * phases[0]), 1])
    for phase in phases[1:]:
        state = np.diag([np.exp(1j * phase), 1]) @ (-Z) @ reflection(x) @ state
    return state


def mirrored(parity: int) -> Callable[[Sequence[float], float], np.ndarray]:
    def model(phases: Sequence[float], x: float) -> np.ndarray:
        right = [*phases[:-1], phases[-1] + np.pi / 4]
        if parity:
            return ours([*reversed(right), *right], x)
        return ours([*reversed(right[1:]), 2 * right[0], *right[1:]], x)

    return model


models: dict[str, Callable[[Sequence[float], float], np.ndarray]] = {
    "wx": ours,
    "wz": wz,
    "reflection": reflections,
    "qsvt": calls,
    "pyqsp": ours,
    "pyqsp_wx": ours,
    "qsppack": ours,
    "qsppack_reduced_even": mirrored(0),
    "qsppack_reduced_odd": mirrored(1),
    "nlft_qsp": ours,
    "nlft_qsp_qsvt": reflections,
    "qrisp": ours,
    "qrisp_qsvt": reflections,
    "pennylane_qsp": ours,
    "pennylane_qsvt": applied_first_to_last,
    "cudaq": walk,
}


def motlagh_wiebe(theta: Sequence[float], phi: Sequence[float], lam: float, z: complex) -> np.ndarray:
    def turn(theta: float, phi: float, lam: float) -> np.ndarray:
        cos, sin = np.cos(theta), np.sin(theta)
        return np.diag([np.exp(1j * phi), 1]) @ np.array([[cos, sin], [sin, -cos]]) @ np.diag([np.exp(1j * lam), 1])

    state = turn(theta[0], phi[0], lam)
    for angles in zip(theta[1:], phi[1:], strict=True):
        state = turn(*angles, 0) @ np.diag([z, 1]) @ state
    return state


def laneve(theta: Sequence[float], phi: Sequence[float], lam: float, z: complex) -> np.ndarray:
    turns = [x_turn(p) @ z_turn(t) for p, t in zip(phi, theta, strict=True)]
    return times(z_turn(lam), turns[0], *(np.diag([z, 1]) @ turn for turn in turns[1:]))
