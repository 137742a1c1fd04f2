r"""Softmax of attention scores in the two versions of the paper: classical after a readout, or by quantum arithmetic.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix D.1 (classical) and section III.2
    (arithmetic). https://arxiv.org/abs/2402.18940
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from qla_jax import arithmetic
from qla_jax._checks import as_inexact, require, require_kind
from qla_jax.arithmetic import Format, Piecewise, decode, encode
from qla_jax.linalg.derivatives import straight_through
from qla_jax.nn.fixed_qam import spread
from qla_jax.nn.qam import Computed, made
from qla_jax.nn.steps import Numbers
from qla_jax.nn.tables import exponential_table

Scores = Float[Array, "head n n"]


class Softmax(ABC):
    """Base class of maps from attention scores to weights whose rows sum to one.

    Attributes:
        classical: whether the scores are read out before the map.
    """

    classical: bool

    @abstractmethod
    def __call__(self, scores: Scores | Numbers) -> Numbers:
        """Return the attention weights together with the step that computed them.

        Args:
            scores: scores of all heads.
        """


@dataclass(frozen=True)
class ClassicalSoftmax(Softmax):
    """Softmax of attention scores on a classical computer, in floating-point numbers.

    A `QTransformer` with a classical softmax can read the scores out before it, see `TransformerTransfers.scores`.

    Example:
        >>> ClassicalSoftmax()(jnp.zeros((1, 2, 2))).values.tolist()
        [[[0.5, 0.5], [0.5, 0.5]]]

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix D.1. https://arxiv.org/abs/2402.18940
    """

    classical = True

    def __call__(self, scores: Scores | Numbers) -> Numbers:
        return _scores(scores).in_memory().rearranged(lambda x: jax.nn.softmax(x, axis=-1))


@dataclass(frozen=True)
class ArithmeticSoftmax(Softmax):
    r"""Softmax of attention scores in registers: $e^{s - \max}$ by piecewise polynomials, their sum, and a quotient.

    Rows sum to one up to the rounding of each quotient, which is a floor. The derivative is that of softmax at the
    rounded scores (a straight-through estimator). `arithmetic_softmax` constructs the map from a format.

    Attributes:
        table: table of the exponential, with the format of the registers.

    Example:
        >>> softmax = ArithmeticSoftmax(exponential_table(Format(bits=12, fraction=7)))
        >>> softmax(jnp.zeros((1, 2, 2))).values.tolist()
        [[[0.5, 0.5], [0.5, 0.5]]]

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.2. https://arxiv.org/abs/2402.18940
    """

    table: Piecewise
    classical = False

    def __call__(self, scores: Scores | Numbers) -> Numbers:
        given = _scores(scores)
        scores = given.values
        keys = scores.shape[-1]
        registers = encode(jax.lax.stop_gradient(scores), self.table.format)
        # Without the maximum the arguments are at most 0, where the table is defined and the exponential at most 1.
        top = jnp.broadcast_to(registers.integers.max(axis=-1, keepdims=True), scores.shape)
        powers = self.table(arithmetic.subtract(registers, registers.replace(integers=top)))
        ones = encode(jnp.ones((keys, 1)), self.table.format)
        found = arithmetic.divide(powers, spread(arithmetic.dot(powers, ones), scores.shape))
        rounded = straight_through(scores, decode(registers).astype(scores.dtype))
        weights = straight_through(jax.nn.softmax(rounded, axis=-1), decode(found).astype(scores.dtype))
        each = {"maximum": 1, "subtract": 1, "exponential": 1, "add": 1}
        misfits = found.overflow.sum(dtype=jnp.int32)
        return made(Computed(weights, misfits), given, fan_in=keys, each=each, once={"divide": 1})


def _scores(scores: Scores | Numbers) -> Numbers:
    values = as_inexact("scores", scores.values if isinstance(scores, Numbers) else scores)
    return replace(scores, values=values) if isinstance(scores, Numbers) else Numbers(values)


def arithmetic_softmax(format: Format) -> ArithmeticSoftmax:
    """Return a softmax of attention scores by arithmetic in registers of a fixed-point format.

    Args:
        format: format of the registers; its largest number must be at least the number of keys. With overflow
            "saturate" a score far below the maximum counts as the least number of the format.

    Raises:
        TypeError: a format of another kind.
        ValueError: a format that cannot hold 1, or for which the exponential has no table.

    Example:
        >>> softmax = arithmetic_softmax(Format(bits=12, fraction=7))
        >>> softmax(jnp.zeros((1, 2, 2))).values.tolist()
        [[[0.5, 0.5], [0.5, 0.5]]]

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.2. https://arxiv.org/abs/2402.18940
    """
    require_kind("format", format, Format)
    require(format.largest >= 1 << format.fraction, f"`format` must hold 1, but is {format}.")
    return ArithmeticSoftmax(exponential_table(format))
