r"""The networks of the three regimes whole, of any size: planned from theory, built without numbers, counted.

Regime (a) reads its input of $N = CM^2$ entries from a quantum memory, (b) and (c) load two vectors of N entries and
work on their product of $N^2$; k convolutional blocks follow, each amplified, and in (a) and (b) the terminal block.
What a circuit's lengths follow from is known beforehand: the error each part may have, from the error of the state in
the end; the amplitudes that skip connections prove; and by how much the normalization of a kernel has to shrink.

References:
    Rattew et al. (2025), Theorem 2 and Figure 1. https://arxiv.org/abs/2510.07195
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.accounting.costs import Cost, cost
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import Encoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.lemmas import vector_tensor
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.encodings.vectors.loading import load_vector, qram_encode
from qla_jax.linalg.norms import convolution_norm_bound
from qla_jax.networks.amplified import amplified_block
from qla_jax.networks.residual import LIPSCHITZ, SCALE, skip_norm_block
from qla_jax.networks.schedule import SHARE, published_ancillas, published_schedule, sharp_schedule
from qla_jax.networks.terminal import TAU, terminal_block
from qla_jax.polynomials import erf
from qla_jax.transforms.amplification import amplify_to_norm

REGIMES = ("a", "b", "c")
SCHEDULES = {"sharp": sharp_schedule, "published": published_schedule}
PATHS = 2
"""d, the vectors whose product regimes (b) and (c) start from."""
GAP = 0.5
"""Weights are brought to twice their norm, as in Lemma 5."""
MARGIN = 1e-3
"""How far amplifications stay below 1."""
TERMINAL_GROWTH = (TAU + 2 * (1 - TAU)) / (2 * TAU - 1)
"""What the terminal block makes of an input error, 74.5."""
MAX_DEGREE = 61
FREQUENCIES = 64
"""Of a norm bound along each axis; it is at most 2% too large between them for D = 8."""


@dataclass(frozen=True)
class Setting:
    """A network by its sizes.

    Attributes:
        regime: a, b or c.
        entries: N, of the input in (a), of each path in (b) and (c).
        blocks: k.
        eps: the error of the state in the end; that of the sampled distribution is twice as large.
        channels: C.
        taps: D, of kernels of D x D.
        schedule: which errors blocks may have: "sharp" or "published". The published one goes with the published
            degree of activations, from the uniform error times the root of the dimension.
    """

    regime: str
    entries: int
    blocks: int = 1
    eps: float = 1e-2
    channels: int = 4
    taps: int = 3
    schedule: str = "sharp"

    @property
    def size(self) -> int:
        """Entries of the state: N or N^2."""
        return self.entries if self.regime == "a" else self.entries**PATHS

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Channels, rows and columns of the state."""
        places = self.size // self.channels
        rows = 1 << (places.bit_length() - 1) // 2
        return self.channels, rows, places // rows

    @property
    def terminal(self) -> bool:
        """Whether a terminal block follows."""
        return self.regime != "c"

    @property
    def classical(self) -> int:
        """Multiplications of the exact network: convolutions, and the dense product of a terminal block."""
        return self.blocks * self.size * self.channels * self.taps**2 + self.terminal * self.size**2

    @property
    def published_ancillas(self) -> int:
        r"""Of the blocks by Lemmas 5 and 7: $b = 3 + 8D + 2\log CD$ of a weight."""
        bits = 2 * (self.channels * self.taps - 1).bit_length()
        return published_ancillas((self.size - 1).bit_length(), 3 + 8 * self.taps + bits, self.blocks)


class Step(NamedTuple):
    """What fixes the lengths of a block's circuits.

    Attributes:
        gain: by how much the normalization of the weight shrinks.
        weight_eps: error of the weight.
        degree: of the activation's polynomial.
        amplitude: proven lower bound on the flagged amplitude.
        eps: error of its amplification.
    """

    gain: float
    weight_eps: float
    degree: int
    amplitude: float
    eps: float


class Plan(NamedTuple):
    """All of them, and amplitude and error of the terminal block."""

    steps: tuple[Step, ...]
    amplitude: float
    eps: float


def kernels(setting: Setting) -> np.ndarray:
    """Gaussian kernels of a certified norm of 1, on images of any size; shape (k, C, C, D, D)."""
    shape = (setting.blocks, setting.channels, setting.channels, setting.taps, setting.taps)
    drawn = np.random.default_rng(0).normal(size=shape)
    return np.stack([kernel / float(_norm_bound(kernel)) for kernel in drawn])


def plan(setting: Setting, alphas: Sequence[float]) -> Plan:
    r"""Errors from the schedule, amplitudes from the skip connection, for weights with these normalizations.

    A third of what a block may err by goes to its weight, its activation and its amplification each.

    Raises:
        ValueError: errors that no polynomial reaches in double precision.
    """
    behind = setting.eps / 2 / TERMINAL_GROWTH if setting.terminal else setting.eps
    shares = [error / 3 for error in SCHEDULES[setting.schedule](behind, setting.blocks)]
    steps, alpha = [], 1.0
    for raw, share in zip(alphas, shares, strict=True):
        gain = (1 - GAP) * raw * (1 - 1e-12)
        degree, relative = _activation(share, setting)
        weight = min(raw, 1 / ((1 - GAP) * (1 - MARGIN)) * (1 + share))
        least = least_amplitude(relative, weight, alpha)
        steps.append(Step(gain, share / LIPSCHITZ, degree, least, SHARE * share))
        alpha = 1 / (1 - MARGIN)
    least = (2 * TAU - 1) / (TAU * alpha + (1 - TAU) * alpha**2)
    return Plan(tuple(steps), least * (1 - 1e-9), setting.eps / 2)


def least_amplitude(relative: float, weight: float, alpha: float) -> float:
    r"""$(1 - g)/(\alpha + s)$ for a block whose weight has normalization $\alpha_W$ and whose input has $\alpha$.

    Here $g = L + r$ bounds $|P(x)/x|$, r the activation's error relative to its input, and $s = \alpha_W\alpha g$.
    """
    slope = LIPSCHITZ + relative
    return (1 - slope) / (alpha * (1 + weight * slope))


def convolutions(setting: Setting, weights: Sequence[Array]) -> list[BlockEncoding]:
    """Kernels whose norms are certified to be 1 at most, as encodings."""
    raw = [block_encode_convolution(kernel, setting.sizes[1:]) for kernel in weights]
    return [enc.replace(norm_bound=jnp.ones_like(enc.alpha)) for enc in raw]


def network(
    setting: Setting, planned: Plan, weights: Sequence[BlockEncoding], inputs: Sequence[Array], matrix: Array | None
) -> VectorEncoding:
    """The network on numbers, or on shapes and dtypes alone under `jax.eval_shape`.

    Args:
        setting: its sizes.
        planned: lengths of its circuits. A weight is amplified where its normalization has to shrink.
        weights: of norm 1 at most.
        inputs: unit vectors, one in (a), two in (b) and (c).
        matrix: of the terminal block, of norm 1 at most; None in (c).
    """
    if setting.regime == "a":
        vec: VectorEncoding = qram_encode(inputs[0].reshape(weights[0].domain), pad=True)
    else:
        vec = vector_tensor(*(load_vector(x) for x in inputs))
    for raw, step in zip(weights, planned.steps, strict=True):
        weight = raw
        if step.gain > 1:
            weight = amplify_to_norm(raw, relative_eps=step.weight_eps, gain=step.gain, gap=GAP, margin=MARGIN)
        block = skip_norm_block(weight, vec, poly=erf(np.asarray(SCALE, vec.alpha.dtype), degree=step.degree))
        vec = amplified_block(block, eps=step.eps, amplitude_bound=step.amplitude, margin=MARGIN)
    if matrix is None:
        return vec
    last = terminal_block(matrix, vec, norm_bound=1.0)
    return amplified_block(last, eps=planned.eps, amplitude_bound=planned.amplitude, margin=MARGIN)


@dataclass(frozen=True)
class Counts:
    r"""What a network takes in one run.

    Attributes:
        depth: gates in a row; a lower bound where `uncounted` names what is left out.
        loading: how many of these load an input.
        weighing: how many belong to encodings of weights, kernels for the most part.
        queries: calls of inputs, kernels and columns.
        num_ancillas: ancilla qubits.
        num_qubits: all qubits.
        amplitude: lower bound on the amplitude of success.
        gain: the largest $\|K\|_1/(2\|C\|)$ of a kernel.
        degrees: of the activations.
        uncounted: see `Cost`.
    """

    depth: int
    loading: int
    weighing: int
    queries: int
    num_ancillas: int
    num_qubits: int
    amplitude: float
    gain: float
    degrees: tuple[int, ...]
    uncounted: tuple[str, ...]


def count(setting: Setting) -> Counts:
    """The counts of a network that is built, but has no numbers.

    Raises:
        ValueError: what `plan` raises.
    """
    weights = kernels(setting)
    alphas = [float(np.abs(kernel).sum()) for kernel in weights]
    return count_of(setting, alphas, jax.eval_shape(partial(convolutions, setting), list(weights)))


def count_of(setting: Setting, alphas: Sequence[float], weights: Sequence[BlockEncoding]) -> Counts:
    """The counts of a network of these weights, of which only the normalizations need numbers.

    Raises:
        ValueError: what `plan` raises.
    """
    planned, entry = plan(setting, alphas), weights[0].alpha.dtype
    inputs = [jax.ShapeDtypeStruct((setting.entries,), entry)] * (1 if setting.regime == "a" else PATHS)
    matrix = jax.ShapeDtypeStruct((setting.size,) * 2, entry) if setting.terminal else None
    built = jax.eval_shape(lambda *parts: network(setting, planned, *parts), list(weights), inputs, matrix)
    return counts(built, weights[0], setting, planned)


def counts(vec: VectorEncoding, weight: BlockEncoding, setting: Setting, planned: Plan) -> Counts:
    """The counts of a network, with or without numbers, of which one weight is shown."""
    counted = cost(vec)
    load, shape = (qram_encode, weight.domain) if setting.regime == "a" else (load_vector, (setting.entries,))
    loader = jax.eval_shape(partial(load, pad=True), jax.ShapeDtypeStruct(shape, vec.alpha.dtype))
    last = planned.eps if setting.terminal else planned.steps[-1].eps
    return Counts(
        depth=counted.gates.depth,
        loading=_within(counted, loader),
        weighing=_within(counted, weight),
        queries=counted.depth,
        num_ancillas=counted.num_ancillas,
        num_qubits=counted.num_qubits,
        amplitude=(1 - MARGIN) * (1 - last),
        gain=max(step.gain for step in planned.steps),
        degrees=tuple(step.degree for step in planned.steps),
        uncounted=counted.uncounted,
    )


def _within(counted: Cost, leaf: Encoding) -> int:
    """Gates of all leaves of this kind, which are all alike."""
    calls = sum(number for name, number in counted.num_queries.items() if name.startswith(f"{type(leaf).__name__}["))
    gates = leaf.gates()
    return calls * gates.depth if gates else 0


def _activation(error: float, setting: Setting) -> tuple[int, float]:
    """The smallest degree with at most this l2 error on vectors of norm 1, and its error relative to them."""
    for degree in range(1, MAX_DEGREE, 2):
        poly = erf(SCALE, degree=degree)
        relative = float(poly.relative_bound)
        uniform = math.sqrt(setting.size) * float(poly.error_bound)
        if (uniform if setting.schedule == "published" else relative) <= error:
            return degree, relative
    raise ValueError(f"`eps` must leave the activation an error above rounding, but leaves {error:.1e}.")


_norm_bound = jax.jit(partial(convolution_norm_bound, grid=FREQUENCIES))
