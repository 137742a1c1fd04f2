r"""Before a network is built: the error that each block may have, and the ancillas that blocks take.

An input error $\delta_{i-1}$ and an own error $e_i$ of block i become $\delta_i = 712(\delta_{i-1} + e_i)$ as
published, and $\frac{1+L}{1-L}\delta_{i-1} + \frac{1}{1-L}e_i$, 19.6 and 10.3, to first order at the smallest norm.

References:
    Rattew et al. (2025), Lemma 7. https://arxiv.org/abs/2510.07195
"""

import math

from qla_jax._checks import require
from qla_jax.networks.residual import LIPSCHITZ

GROWTH, SHARE = (1 + LIPSCHITZ) / (1 - LIPSCHITZ), 1 / (1 - LIPSCHITZ)
PUBLISHED = 712
"""The constant of Lemma 6."""


def published_schedule(eps: float, blocks: int) -> list[float]:
    r"""$e_1 = 2\epsilon/1424^k$ and $e_i = \epsilon/1424^{k-i+1}$: each block errs by as much as its input does."""
    _require(eps, blocks)
    errors = [eps / (2 * PUBLISHED) ** (blocks - i + 1) for i in range(1, blocks + 1)]
    return [2 * errors[0], *errors[1:]]


def sharp_schedule(eps: float, blocks: int) -> list[float]:
    r"""$e_i = \frac{\epsilon}{k}(1 - L)\big(\frac{1-L}{1+L}\big)^{k-i}$: each block has the same share in the end.

    Among all schedules that end at $\epsilon$ this one has the largest product of errors, hence the least
    $\sum_i\log(1/e_i)$.
    """
    _require(eps, blocks)
    return [eps / (blocks * SHARE * GROWTH ** (blocks - i)) for i in range(1, blocks + 1)]


def published_error_after(errors: list[float], input_eps: float = 0.0) -> float:
    r"""$\delta_k$ by $\delta_i = 712(\delta_{i-1} + e_i)$."""
    for error in errors:
        input_eps = PUBLISHED * (input_eps + error)
    return input_eps


def sharp_error_after(errors: list[float], input_eps: float = 0.0) -> float:
    r"""$\delta_k$ by $\delta_i = 19.6\,\delta_{i-1} + 10.3\,e_i$."""
    for error in errors:
        input_eps = GROWTH * input_eps + SHARE * error
    return input_eps


def published_ancillas(qubits: int, weight: int, blocks: int, of_input: int = 0) -> int:
    r"""$a_i = 2a_{i-1} + 2b + n + 9$, which is at most $2^k(a + 2b + n + 9)$."""
    return 2**blocks * of_input + (2**blocks - 1) * (2 * weight + qubits + 9)


def ancillas(qubits: int, weight: int, blocks: int, degree: int, *, amplified: bool, of_input: int = 0) -> int:
    r"""Those of this package: $a_i = 2(a_{i-1} + b) + n + \lceil\log_2\frac{d+1}2\rceil + 1$, one more if amplified."""
    index = math.ceil(math.log2((degree + 1) / 2))
    for _ in range(blocks):
        of_input = 2 * (of_input + weight) + qubits + index + 1 + amplified
    return of_input


def _require(eps: float, blocks: int) -> None:
    require(eps > 0, f"`eps` must be positive, but is {eps}.")
    require(blocks > 0, f"`blocks` must be positive, but is {blocks}.")
