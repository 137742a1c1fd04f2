"""Costs of readout protocols as functions of the sizes of a problem, one row for each protocol.

Example:
    >>> sizes = Sizes(dimension=2**16, rank=30, eps=0.01)
    >>> {row.name: f"{row.cost(sizes):.2e}" for row in protocols()}["Chebyshev decomposition"]
    '3.77e+04'

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Table 1. https://arxiv.org/abs/2402.18940
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from qla_jax.measurement.amplitude_estimation import points_for, queries_of
from qla_jax.measurement.vector_tomography import CONSTANT


class Sizes(NamedTuple):
    """Sizes of a readout problem, on which costs depend.

    Attributes:
        dimension: number d of amplitudes of the state.
        rank: number R of Chebyshev coefficients in all.
        eps: precision, in the sense and units of each row: relative to the norm of the state, or absolute.
        observables: number L of Pauli words.
        weight: largest number w of qubits that a word acts on.
        failure: probability of failure, where a row takes one.
    """

    dimension: int
    rank: int = 1
    eps: float = 0.01
    observables: int = 1
    weight: int = 1
    failure: float = 0.01


class ReadoutProtocol(NamedTuple):
    """Row of the comparison: one readout protocol and its cost.

    Attributes:
        name: name of the protocol.
        output: quantities that the protocol estimates.
        complexity: complexity in LaTeX, as its source states it.
        formula: cost with constants in LaTeX, as `cost` evaluates it.
        cost: function that returns the number of queries, as simulated here.
        postprocessing: classical work in LaTeX.
        source: paper and number of the theorem.
    """

    name: str
    output: str
    complexity: str
    formula: str
    cost: Callable[[Sizes], float]
    postprocessing: str
    source: str


def protocols() -> tuple[ReadoutProtocol, ...]:
    """Return all rows, beginning with the most expensive readout of the whole state.

    Example:
        >>> [row.name for row in protocols()][-1]
        'Chebyshev decomposition'
    """
    return (
        ReadoutProtocol(
            "state tomography",
            "all amplitudes, in Euclidean norm, up to a phase",
            r"O(d^2/\epsilon^2)",
            r"4d^{\log_25}(1 + \sqrt{2\ln(1/\delta)})^2/\epsilon^2",
            _state_tomography,
            r"\mathrm{poly}(d)",
            "Guta, Kahn, Kueng, Tropp (2020); Pauli bases by linear inversion take d^2.32",
        ),
        ReadoutProtocol(
            "maximum-norm tomography",
            "all amplitudes, each to precision",
            r"O(\log d/\epsilon^2)",
            r"2\lceil36\ln d/\epsilon^2\rceil",
            _tomography,
            r"O(d)",
            "Kerenidis, Landman, Prakash (2019), Theorem 4.3",
        ),
        ReadoutProtocol(
            "classical shadows",
            "L Pauli words of weight w",
            r"O(3^w\log L/\epsilon^2)",
            r"\lceil2\ln(2L/\delta)\rceil\lceil34\cdot3^w/\epsilon^2\rceil",
            _shadows,
            r"O(L)\text{ per copy}",
            "Huang, Kueng, Preskill (2020), Theorem 1",
        ),
        ReadoutProtocol(
            "Chebyshev decomposition",
            "R coefficients, each to precision",
            r"\tilde O(R/\epsilon)",
            r"R(2\lceil2\pi/\epsilon\rceil - 1)",
            _chebyshev,
            r"O(R)",
            "Towards Fault-Tolerant Quantum Deep Learning (2025), Theorem II.1",
        ),
    )


def _state_tomography(sizes: Sizes) -> float:
    confidence = (1 + math.sqrt(2 * math.log(1 / sizes.failure))) ** 2
    return 4 * sizes.dimension ** math.log2(5) * confidence / sizes.eps**2


def _tomography(sizes: Sizes) -> float:
    return 2 * math.ceil(CONSTANT * math.log(max(sizes.dimension, 2)) / sizes.eps**2)


def _shadows(sizes: Sizes) -> float:
    groups = math.ceil(2 * math.log(2 * sizes.observables / sizes.failure))
    return groups * math.ceil(34 * 3**sizes.weight / sizes.eps**2)


def _chebyshev(sizes: Sizes) -> float:
    return sizes.rank * queries_of(points_for(sizes.eps / 2))
