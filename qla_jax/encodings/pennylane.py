r"""Block encodings for `qml.QSVT` of PennyLane: a circuit as one operation, and phase factors as `PCPhase` operations.

`qml.QSVT` alternates the block encoding and its inverse with phases of the subspace in which all ancillas are 0. The
wires have the order here, ancillas first, so that this subspace is the leading one.
"""

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.typing import ArrayLike

from qla_jax._checks import require, require_kind
from qla_jax._extras import needs
from qla_jax.circuits.foreign import to_pennylane
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.emission import to_circuit
from qla_jax.phases.sequence import PhaseFactors
from qla_jax.phases.solve import TOLERANCE, find
from qla_jax.polynomials.foreign import as_chebyshev
from qla_jax.polynomials.polynomial import Polynomial


def to_pennylane_qsvt(
    enc: BlockEncoding, poly: Polynomial | PhaseFactors | ArrayLike, *, wires: Sequence[Any] | None = None
) -> tuple[Any, list[Any]]:
    r"""Return the two arguments of `qml.QSVT`: a block encoding as an operation, and projector-controlled phases.

    The leading block of `qml.QSVT(*pair)` is a complex polynomial of $A/\alpha$, with the real part `poly`. The circuit
    of `qsvt(enc, poly)` has one more ancilla, which takes the real part.

    Args:
        enc: block encoding of A with concrete arrays.
        poly: polynomial as for `qsvt`.
        wires: PennyLane's wires, ancillas first; 0, 1, ... by default.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a polynomial that `phase_factors` rejects, another number of wires, or traced arrays.
        MissingExtra: PennyLane is not installed.

    References:
        Gilyen, Su, Low, Wiebe (2018), Theorem 17. https://arxiv.org/abs/1806.01838
    """
    require_kind("enc", enc, BlockEncoding)
    with needs("peers", "`to_pennylane_qsvt`"):
        qml = importlib.import_module("pennylane")
    size = enc.num_ancillas + enc.num_qubits
    named = list(range(size)) if wires is None else list(wires)
    require(len(named) == size, f"`wires` must be {size} wires, but are {len(named)}.")
    found = poly if isinstance(poly, PhaseFactors) else find(as_chebyshev(poly), None, TOLERANCE)
    angles = np.asarray(found.to("pennylane_qsvt").values).tolist()
    projectors = [qml.PCPhase(angle, dim=1 << enc.num_qubits, wires=named) for angle in angles]
    # The matrix of a product is wrong in PennyLane 0.45.1 where factors fall into groups without a common wire.
    return qml.prod(qml.Identity(wires=named), *reversed(to_pennylane(to_circuit(enc), named))), projectors
