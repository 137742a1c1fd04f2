r"""Quantum Fourier transform, $|x\rangle \mapsto 2^{-n/2}\sum_k e^{2\pi ixk/2^n}|k\rangle$.

Example:
    >>> from qla_jax.circuits import Circuit, to_matrix
    >>> to_matrix(Circuit(2, fourier_operations((0, 1))))[1, 1].round(3).item()
    0.5j

References:
    Coppersmith (1994), An approximate Fourier transform useful in quantum factoring. https://arxiv.org/abs/quant-ph/0201067
"""

from collections.abc import Sequence

import numpy as np

from qla_jax.circuits.composites import rearranged
from qla_jax.circuits.operations import Gate, Operation, Phase


def fourier_operations(wires: Sequence[int]) -> tuple[Operation, ...]:
    """Return the operations of the quantum Fourier transform, the exchange of the wires' order included.

    Args:
        wires: wires, the most significant first.

    Example:
        >>> from qla_jax.circuits import Circuit, to_matrix
        >>> np.angle(to_matrix(Circuit(2, fourier_operations((0, 1))))[1], deg=True).round().tolist()
        [0.0, 90.0, 180.0, -90.0]

    References:
        Coppersmith (1994). https://arxiv.org/abs/quant-ph/0201067
    """
    found: list[Operation] = []
    for place, wire in enumerate(wires):
        found.append(Gate("h", wire))
        found += [Phase(np.pi / 2**step, (wire, other)) for step, other in enumerate(wires[place + 1 :], 1)]
    return (*found, *rearranged(wires, wires[::-1]))
