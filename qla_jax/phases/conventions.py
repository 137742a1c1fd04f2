r"""Conventions of phase factors in the literature and in other packages, and the conversions between them.

The canonical convention "wx" is $U = e^{i\phi_0Z}\prod_{j=1}^dW(x)e^{i\phi_jZ}$ with $P = \langle0|U|0\rangle$ and
$f = \mathrm{Re}\,P$. Each entry defines the product of its own matrices (`sequence`, `signal`, `processing`), the
conversion of its values to canonical ones and back, and the constant c of $\langle0|U'|0\rangle = cP$. Hence
$f = \mathrm{Re}(\langle0|U'|0\rangle/c)$, which is the real part for $c = 1$ and the imaginary part for $c = i$.

The conversions follow from $W = i\,e^{-i\pi Z/4}R\,e^{-i\pi Z/4}$: a phase between two signals changes by a quarter of
a turn, and the factor $i^d$ is absorbed by the first phase.

Example:
    >>> (convention("reflection").from_wx(jnp.zeros(3)) / jnp.pi).round(9).tolist()
    [0.75, -0.5, -0.25]
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

CANONICAL = "wx"

Matrix = tuple[tuple[Array, Array], tuple[Array, Array]]
Map = Callable[[Array], Array]


@dataclass(frozen=True)
class Convention:
    r"""Convention of phase factors: the meaning of the values, and the conversions to and from the canonical one.

    Attributes:
        name: name of the convention.
        source: paper, or function of a package, that uses the convention.
        from_wx: map from canonical values of shape (d + 1,) to values of this convention; one to one unless the source
            says otherwise.
        to_wx: map from values of this convention to canonical values.
        signal: map from x to the signal matrix, whose entries have the shape of x.
        processing: map from one phase to its processing matrix.
        sequence: map from values to the phases of the d + 1 processing matrices from left to right, between which the
            signals stand.
        degree: map from the number of values to the degree d.
        global_phase: map from values to the constant c.
        defect: map from canonical values to a bound on the change of the operator by `from_wx`, or None if there is
            none.
    """

    name: str
    source: str
    from_wx: Map
    to_wx: Map
    signal: Callable[[Array], Matrix]
    processing: Callable[[Array], Matrix]
    sequence: Map = lambda values: values
    degree: Callable[[int], int] = lambda count: count - 1
    global_phase: Map = lambda values: jnp.ones((), jnp.result_type(values, jnp.complex64))
    defect: Map | None = None


def convention(name: str) -> Convention:
    """Return the convention of a given name.

    Raises:
        ValueError: an unknown name.
    """
    if name not in CONVENTIONS:
        raise ValueError(f"`convention` must be one of {', '.join(sorted(CONVENTIONS))}, but is {name!r}.")
    return CONVENTIONS[name]


def _sine(x: Array) -> Array:
    return jnp.sqrt((1 - x) * (1 + x))


def _rotation(x: Array) -> Matrix:
    s = 1j * _sine(x)
    return (x + 0j, s), (s, x + 0j)


def _reflection(x: Array) -> Matrix:
    s = _sine(x)
    return (x, s), (s, -x)


def _walk(x: Array) -> Matrix:
    """Return R followed by a reflection about the flagged subspace, the step of a qubitization walk."""
    s = _sine(x)
    return (-x, -s), (s, -x)


def _diagonal(x: Array) -> Matrix:
    z = x + 1j * _sine(x)
    return (z, 0 * z), (0 * z, z.conj())


def _z_rotation(phase: Array) -> Matrix:
    turn = jnp.exp(1j * phase)
    return (turn, 0 * turn), (0 * turn, turn.conj())


def _x_rotation(phase: Array) -> Matrix:
    cos, sin = jnp.cos(phase) + 0j, 1j * jnp.sin(phase)
    return (cos, sin), (sin, cos)


def _projector_phase(phase: Array) -> Matrix:
    turn = jnp.exp(1j * phase)
    return (turn, 0 * turn), (0 * turn, 1 + 0 * turn)


def _shifted(shift: Callable[[int], np.ndarray]) -> dict[str, Any]:
    """Return the two conversions that add constants to the phases and subtract them."""

    def constants(values: Array) -> np.ndarray:
        return shift(len(values) - 1).astype(values.dtype)

    return {"from_wx": lambda values: values + constants(values), "to_wx": lambda values: values - constants(values)}


def _none(d: int) -> np.ndarray:
    return np.zeros(d + 1)


def _turned(d: int) -> np.ndarray:
    r"""Return the shifts of the phases from the signal W to the signal R."""
    if d == 0:
        return _none(d)
    # (2d - 1) pi/4 in front is reduced to one turn here, where d is an integer and nothing is rounded.
    return np.pi / 4 * np.r_[(2 * d - 1) % 8, np.full(d - 1, -2), -1]


def _turned_as_pennylane(d: int) -> np.ndarray:
    """Return the shifts of PennyLane, for the same operator up to its row <1|, in the multiples of a turn it uses."""
    if d == 0:
        return _none(d)
    return np.pi / 4 * np.r_[-3 - 2 * ((d + 1) % 4), np.full(d - 1, 2), -1]


def _imaginary(d: int) -> np.ndarray:
    """Return an eighth of a turn at either end, which multiplies the amplitude by i."""
    ends = np.zeros(d + 1)
    ends[0] += np.pi / 4
    ends[-1] += np.pi / 4
    return ends


# One phase for each call: only <0|U|0> is kept, so that the first and the last phase act as their sum.
def _to_calls(wx: Array) -> Array:
    d = len(wx) - 1
    if d == 0:
        raise ValueError("`phases` must be of degree 1 or more for one phase per call, but is of degree 0.")
    first = wx[:1] + wx[-1:] + (d - 1) % 4 * np.pi / 2
    return jnp.concatenate([first, wx[1:-1] - np.pi / 2])


def _from_calls(values: Array) -> Array:
    end = (values[:1] - (len(values) - 1) % 4 * np.pi / 2) / 2
    return jnp.concatenate([end, values[1:] + np.pi / 2, end])


def _to_half(parity: int) -> Map:
    def half(wx: Array) -> Array:
        d = len(wx) - 1
        if d % 2 != parity:
            raise ValueError(f"`phases` must be of {('even', 'odd')[parity]} degree, but is of degree {d}.")
        right = (wx - _imaginary(d).astype(wx.dtype))[(d + 1) // 2 :]
        return right if parity else jnp.concatenate([right[:1] / 2, right[1:]])

    return half


def _from_half(parity: int) -> Map:
    def full(values: Array) -> Array:
        right = values.at[-1].add(np.pi / 4)
        middle = right[:0] if parity else 2 * right[:1]
        right = right if parity else right[1:]
        return jnp.concatenate([right[::-1], middle, right])

    return full


def _asymmetry(wx: Array) -> Array:
    r"""Return $\sum_j\|e^{i\phi_jZ} - e^{i\phi_{d-j}Z}\|$ over the left half, a bound on the effect of mirroring."""
    left = len(wx) // 2
    return jnp.sum(2 * jnp.abs(jnp.sin((wx[:left] - wx[::-1][:left]) / 2)))


def _walk_phase(values: Array) -> Array:
    return (-1) ** (len(values) - 1) * jnp.exp(0.5j * jnp.sum(values))


_WX = Convention(
    name=CANONICAL,
    source="Martyn, Rossi, Tan, Chuang (2021), section II.A: (Wx, S_z, <0|.|0>). https://arxiv.org/abs/2105.02859",
    **_shifted(_none),
    signal=_rotation,
    processing=_z_rotation,
)
_REFLECTION = Convention(
    name="reflection",
    source="Gilyen, Su, Low, Wiebe (2018), Corollary 8, with one phase more. U' = diag(1, (-1)^d) U. "
    "https://arxiv.org/abs/1806.01838",
    **_shifted(_turned),
    signal=_reflection,
    processing=_z_rotation,
)


def _half(parity: int) -> Convention:
    return replace(
        _WX,
        name=f"qsppack_reduced_{('even', 'odd')[parity]}",
        source="qsppack 0.4, typePhi='reduced', targetPre=True: the right half of a symmetric sequence, an eighth of a "
        "turn off its end, a middle entry halved.",
        from_wx=_to_half(parity),
        to_wx=_from_half(parity),
        sequence=_from_half(parity),
        degree=lambda count: 2 * count - 2 + parity,
        defect=_asymmetry,
    )


CONVENTIONS: dict[str, Convention] = {
    entry.name: entry
    for entry in (
        _WX,
        Convention(
            name="wz",
            source="Martyn et al. (2021), section II.A: (Wz, S_x). U' = H U H with the same numbers; of <0|U'|0> the "
            "real part is f, the imaginary one is another function.",
            **_shifted(_none),
            signal=_diagonal,
            processing=_x_rotation,
        ),
        _REFLECTION,
        Convention(
            name="qsvt",
            source="Gilyen et al. (2018), Definition 15: e^{i phi_1 Z} R ... e^{i phi_d Z} R, one phase per call. The "
            "two ends are added up: only <0|U'|0> is kept, and going back they come out equal.",
            from_wx=_to_calls,
            to_wx=_from_calls,
            signal=_reflection,
            processing=_z_rotation,
            sequence=lambda values: jnp.concatenate([values, jnp.zeros_like(values[:1])]),
            degree=lambda count: count,
        ),
        replace(
            _WX,
            name="pyqsp",
            source="pyqsp 0.2, method='sym_qsp': the target is the imaginary part; also qsppack's targetPre=False. "
            "U' = e^{i pi Z/4} U e^{i pi Z/4}, c = i.",
            **_shifted(_imaginary),
            global_phase=lambda values: 1j * jnp.ones((), jnp.result_type(values, jnp.complex64)),
        ),
        replace(_WX, name="pyqsp_wx", source="pyqsp 0.2, ComputeQSPResponse(signal_operator='Wx', measurement='z')."),
        replace(_WX, name="qsppack", source="qsppack 0.4, typePhi='full', targetPre=True (its defaults)."),
        _half(0),
        _half(1),
        replace(_WX, name="nlft_qsp", source="nlft-qsp 2.1, ChebyshevQSPPhaseFactors."),
        replace(_REFLECTION, name="nlft_qsp_qsvt", source="nlft-qsp 2.1, QSVTPhaseFactors."),
        replace(_WX, name="qrisp", source="Qrisp 0.9, qsp_angles(signal_basis='X'), evaluate_qsp_polynomial."),
        replace(_REFLECTION, name="qrisp_qsvt", source="Qrisp 0.9, qsvt_angles, evaluate_qsvt_polynomial."),
        replace(_WX, name="pennylane_qsp", source="PennyLane 0.45, poly_to_angles(poly, 'QSP')."),
        replace(
            _REFLECTION,
            name="pennylane_qsvt",
            source="PennyLane 0.45, the PCPhase angles of qml.QSVT, transform_angles(., 'QSP', 'QSVT'): the first is "
            "applied first. On R, U' = (diag(1, (-1)^d) U)^T; <0|U'|0> is the same on any block encoding of x.",
            **_shifted(_turned_as_pennylane),
            sequence=lambda values: values[::-1],
        ),
        Convention(
            name="cudaq",
            source="cudaq-algorithms, PhaseSequence(convention='qsvt'): projector phases diag(e^{i phi}, 1) between "
            "steps of a walk, the first applied first; half of them are its convention='qsp'. They cannot hold a "
            "global phase: c = (-1)^d e^{i sum(values)/2}.",
            from_wx=lambda wx: 2 * wx[::-1],
            to_wx=lambda values: values[::-1] / 2,
            signal=_walk,
            processing=_projector_phase,
            sequence=lambda values: values[::-1],
            global_phase=_walk_phase,
        ),
    )
}
"""Conventions by name. Qiskit has no convention of its own for phases of signal processing, and hence no entry."""
