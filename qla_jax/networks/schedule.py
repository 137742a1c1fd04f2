r"""Schedules of a network before it is built: the error that each block may have, and the number of ancillas.

The input error $\delta_{i-1}$ and the error $e_i$ of block i give the output error
$\delta_i = 712(\delta_{i-1} + e_i)$ as published. To first order at the smallest norm it is
$\delta_i = \frac{1+L}{1-L}\delta_{i-1} + \frac{1}{1-L}e_i$ with the factors 19.6 and 10.3.

Example:
    >>> [f"{error:.1e}" for error in sharp_schedule(1e-2, 2)], [f"{error:.1e}" for error in published_schedule(1e-2, 2)]
    (['2.5e-05', '4.9e-04'], ['9.9e-09', '7.0e-06'])

References:
    Rattew et al. (2025), Lemma 7. https://arxiv.org/abs/2510.07195
"""

import math

from qla_jax._checks import require
from qla_jax.encodings.base.in_turn import together
from qla_jax.networks.residual import LIPSCHITZ

GROWTH, SHARE = (1 + LIPSCHITZ) / (1 - LIPSCHITZ), 1 / (1 - LIPSCHITZ)
PUBLISHED = 712
"""Constant of the published error bound of Lemma 6."""


def published_schedule(eps: float, blocks: int) -> list[float]:
    r"""Return the published errors of blocks, $e_1 = 2\epsilon/1424^k$ and $e_i = \epsilon/1424^{k-i+1}$.

    With this schedule the error of each block equals the error of its input.

    Args:
        eps: final error $\epsilon$ of the state, absolute.
        blocks: number k of blocks.
    """
    _require(eps, blocks)
    errors = [eps / (2 * PUBLISHED) ** (blocks - i + 1) for i in range(1, blocks + 1)]
    return [2 * errors[0], *errors[1:]]


def sharp_schedule(eps: float, blocks: int) -> list[float]:
    r"""Return the errors of blocks with equal shares of the final error.

    The errors are $e_i = \frac{\epsilon}{k}(1 - L)\big(\frac{1-L}{1+L}\big)^{k-i}$. Among all schedules with the final
    error $\epsilon$ this one has the largest product of errors, and hence the least $\sum_i\log(1/e_i)$.

    Args:
        eps: final error $\epsilon$ of the state, absolute.
        blocks: number k of blocks.
    """
    _require(eps, blocks)
    return [eps / (blocks * SHARE * GROWTH ** (blocks - i)) for i in range(1, blocks + 1)]


def published_error_after(errors: list[float], input_eps: float = 0.0) -> float:
    r"""Return the final error $\delta_k$ by the published rule $\delta_i = 712(\delta_{i-1} + e_i)$.

    Args:
        errors: errors $e_i$ of the blocks.
        input_eps: error $\delta_0$ of the input, absolute.
    """
    for error in errors:
        input_eps = PUBLISHED * (input_eps + error)
    return input_eps


def sharp_error_after(errors: list[float], input_eps: float = 0.0) -> float:
    r"""Return the final error $\delta_k$ by the first-order rule $\delta_i = 19.6\,\delta_{i-1} + 10.3\,e_i$.

    Args:
        errors: errors $e_i$ of the blocks.
        input_eps: error $\delta_0$ of the input, absolute.
    """
    for error in errors:
        input_eps = GROWTH * input_eps + SHARE * error
    return input_eps


def published_ancillas(qubits: int, weight: int, blocks: int, of_input: int = 0) -> int:
    r"""Return the published number of ancillas, $a_i = 2a_{i-1} + 2b + n + 9$, at most $2^k(a + 2b + n + 9)$.

    Args:
        qubits: number n of system qubits.
        weight: number b of ancillas of a weight.
        blocks: number k of blocks.
        of_input: number $a_0$ of ancillas of the input.
    """
    return 2**blocks * of_input + (2**blocks - 1) * (2 * weight + qubits + 9)


def ancillas(qubits: int, weight: int, blocks: int, degree: int, *, amplified: bool, of_input: int = 0) -> int:
    r"""Return the number of ancillas of this package's circuits.

    The rule is $a_i = c_i + n + \lceil\log_2\frac{d+1}2\rceil + 1 + \min(c_i, 1)$ with the
    $c_i = \min(a_{i-1} + b, \max(a_{i-1}, b) + 1)$ ancillas of the weight times the state, and one more for an
    amplified block. Without sharing it would be $a_i = 2(a_{i-1} + b) + n + \lceil\log_2\frac{d+1}2\rceil + 1$.

    Args:
        qubits: number n of system qubits.
        weight: number b of ancillas of a weight.
        blocks: number k of blocks.
        degree: degree d of the activation's polynomial.
        amplified: True where blocks are amplified.
        of_input: number $a_0$ of ancillas of the input.
    """
    index = math.ceil(math.log2((degree + 1) / 2))
    for _ in range(blocks):
        multiplied = together(of_input, weight)
        of_input = together(multiplied, multiplied + qubits + index) + 1 + amplified
    return of_input


def _require(eps: float, blocks: int) -> None:
    require(eps > 0, f"`eps` must be positive, but is {eps}.")
    require(blocks > 0, f"`blocks` must be positive, but is {blocks}.")
