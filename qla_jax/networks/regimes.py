r"""Complete networks of the three regimes at any size: planned from theory, built without numbers, and counted.

Regime (a) reads its input of $N = CM^2$ entries from a quantum memory. Regimes (b) and (c) load two vectors of N
entries and work on their tensor product of $N^2$ entries. Then follow k convolutional blocks, each amplified, and in
(a) and (b) the terminal block. The lengths of the circuits are known in advance from three quantities: the error that
each part may have, given the final error of the state; the amplitudes that skip connections prove; and the factor by
which the normalization of a kernel has to shrink.

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
"""Number d of the vectors whose tensor product is the input of regimes (b) and (c)."""
GAP = 0.5
"""Gap of the amplification of weights, which makes alpha twice their norm, as in Lemma 5."""
MARGIN = 1e-3
"""Distance of the polynomials of amplifications from 1."""
TERMINAL_GROWTH = (TAU + 2 * (1 - TAU)) / (2 * TAU - 1)
"""Factor 74.5 by which the terminal block multiplies an input error."""
MAX_DEGREE = 61
FREQUENCIES = 64
"""Number of frequencies of a norm bound along each axis; the bound is at most 2% too large for D = 8."""


@dataclass(frozen=True)
class Setting:
    """Sizes and error of a network.

    Attributes:
        regime: regime "a", "b" or "c".
        entries: number N of entries of the input in (a), of each of the two vectors in (b) and (c).
        blocks: number k of residual blocks.
        eps: final error of the state, absolute; the error of the sampled distribution is twice as large.
        channels: number C of channels.
        taps: size D of kernels of D x D.
        schedule: schedule of the errors of blocks, "sharp" or "published". The published one uses the published degree
            of activations, from the uniform error times the square root of the dimension.
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
        """Number of entries of the state, N or N^2."""
        return self.entries if self.regime == "a" else self.entries**PATHS

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Channels, rows and columns of the state."""
        places = self.size // self.channels
        rows = 1 << (places.bit_length() - 1) // 2
        return self.channels, rows, places // rows

    @property
    def terminal(self) -> bool:
        """True where a terminal block follows the residual blocks."""
        return self.regime != "c"

    @property
    def classical(self) -> int:
        """Number of multiplications of the exact network: convolutions, and the dense product of a terminal block."""
        return self.blocks * self.size * self.channels * self.taps**2 + self.terminal * self.size**2

    @property
    def published_ancillas(self) -> int:
        r"""Number of ancillas of the blocks by Lemmas 5 and 7, with $b = 3 + 8D + 2\log CD$ for each weight."""
        bits = 2 * (self.channels * self.taps - 1).bit_length()
        return published_ancillas((self.size - 1).bit_length(), 3 + 8 * self.taps + bits, self.blocks)


class Step(NamedTuple):
    """Numbers that determine the lengths of a block's circuits.

    Attributes:
        gain: factor by which the normalization of the weight shrinks.
        weight_eps: error of the weight, relative to its norm.
        degree: degree of the activation's polynomial.
        amplitude: proven lower bound on the success amplitude.
        eps: error of the amplification, relative to the length of the vector.
    """

    gain: float
    weight_eps: float
    degree: int
    amplitude: float
    eps: float


class Plan(NamedTuple):
    """Steps of all blocks, and success amplitude and error of the terminal block."""

    steps: tuple[Step, ...]
    amplitude: float
    eps: float


def kernels(setting: Setting) -> np.ndarray:
    """Return Gaussian kernels of a certified norm of 1 on images of any size, shape (k, C, C, D, D)."""
    shape = (setting.blocks, setting.channels, setting.channels, setting.taps, setting.taps)
    drawn = np.random.default_rng(0).normal(size=shape)
    return np.stack([kernel / float(_norm_bound(kernel)) for kernel in drawn])


def plan(setting: Setting, alphas: Sequence[float]) -> Plan:
    r"""Return the plan of a network: errors from the schedule, amplitudes from the skip connections.

    The error of a block is divided equally between its weight, its activation and its amplification.

    Args:
        setting: sizes and error of the network.
        alphas: subnormalizations of the weights.

    Raises:
        ValueError: errors that no polynomial reaches in double precision.
    """
    # Half of eps is for the amplification of the terminal block; the block multiplies the error of its input.
    behind = setting.eps / 2 / TERMINAL_GROWTH if setting.terminal else setting.eps
    shares = [error / 3 for error in SCHEDULES[setting.schedule](behind, setting.blocks)]
    steps, alpha = [], 1.0
    for raw, share in zip(alphas, shares, strict=True):
        # Lower by a rounding, so that the norm bound of 1 is certified to be below the gap after amplification.
        gain = (1 - GAP) * raw * (1 - 1e-12)
        degree, relative = _activation(share, setting)
        weight = min(raw, 1 / ((1 - GAP) * (1 - MARGIN)) * (1 + share))
        least = least_amplitude(relative, weight, alpha)
        steps.append(Step(gain, share / LIPSCHITZ, degree, least, SHARE * share))
        alpha = 1 / (1 - MARGIN)
    least = (2 * TAU - 1) / (TAU * alpha + (1 - TAU) * alpha**2)
    return Plan(tuple(steps), least * (1 - 1e-9), setting.eps / 2)


def least_amplitude(relative: float, weight: float, alpha: float) -> float:
    r"""Return the lower bound $(1 - g)/(\alpha + s)$ on the success amplitude of a block.

    Here $g = L + r$ bounds $|P(x)/x|$, and $s = \alpha_W\alpha g$.

    Args:
        relative: error r of the activation relative to its input.
        weight: subnormalization $\alpha_W$ of the weight.
        alpha: subnormalization $\alpha$ of the input.
    """
    slope = LIPSCHITZ + relative
    return (1 - slope) / (alpha * (1 + weight * slope))


def convolutions(setting: Setting, weights: Sequence[Array]) -> list[BlockEncoding]:
    """Return encodings of kernels whose norms are certified to be at most 1.

    Args:
        setting: sizes of the network.
        weights: kernels, one for each block.
    """
    raw = [block_encode_convolution(kernel, setting.sizes[1:]) for kernel in weights]
    return [enc.replace(norm_bound=jnp.ones_like(enc.alpha)) for enc in raw]


def network(
    setting: Setting, planned: Plan, weights: Sequence[BlockEncoding], inputs: Sequence[Array], matrix: Array | None
) -> VectorEncoding:
    """Return the network as one encoding, on numbers or, under `jax.eval_shape`, on shapes and dtypes alone.

    Args:
        setting: sizes of the network.
        planned: plan of the lengths of its circuits. A weight is amplified where its normalization has to shrink.
        weights: block encodings of the weights, of norm at most 1.
        inputs: unit vectors, one in (a), two in (b) and (c).
        matrix: matrix of the terminal block, of norm at most 1; None in (c).
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
    r"""Resources of one run of a network.

    Attributes:
        depth: number of consecutive gates; a lower bound where `uncounted` names parts that are left out.
        loading: number of these gates that load an input.
        weighing: number of these gates in encodings of weights, mostly kernels.
        queries: number of calls of inputs, kernels and columns.
        num_ancillas: number of ancilla qubits.
        num_qubits: number of all qubits.
        amplitude: lower bound on the success amplitude.
        gain: largest $\|K\|_1/(2\|C\|)$ of a kernel.
        degrees: degrees of the activations.
        uncounted: names of nodes without a gate count, as in `Cost`.
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
    """Return the resources of a network that is built without numbers.

    Raises:
        ValueError: the conditions of `plan`.
    """
    # `eval_shape` runs the builders on shapes alone, so that no array of the size of the network is formed.
    weights = kernels(setting)
    alphas = [float(np.abs(kernel).sum()) for kernel in weights]
    return count_of(setting, alphas, jax.eval_shape(partial(convolutions, setting), list(weights)))


def count_of(setting: Setting, alphas: Sequence[float], weights: Sequence[BlockEncoding]) -> Counts:
    """Return the resources of a network with given weights, of which only the normalizations need numbers.

    Args:
        setting: sizes and error of the network.
        alphas: subnormalizations of the weights.
        weights: encodings of the weights, with or without numbers.

    Raises:
        ValueError: the conditions of `plan`.
    """
    planned, entry = plan(setting, alphas), weights[0].alpha.dtype
    inputs = [jax.ShapeDtypeStruct((setting.entries,), entry)] * (1 if setting.regime == "a" else PATHS)
    matrix = jax.ShapeDtypeStruct((setting.size,) * 2, entry) if setting.terminal else None
    built = jax.eval_shape(lambda *parts: network(setting, planned, *parts), list(weights), inputs, matrix)
    return counts(built, weights[0], setting, planned)


def counts(vec: VectorEncoding, weight: BlockEncoding, setting: Setting, planned: Plan) -> Counts:
    """Return the resources of a built network, with or without numbers.

    Args:
        vec: network.
        weight: one of its weights.
        setting: sizes of the network.
        planned: plan of the network.
    """
    # Known weights may save gates. Resources are those of any weights, so that networks compare by their sizes.
    vec, weight = jax.eval_shape(lambda *both: both, vec, weight)
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
    """Return the number of gates in all leaves of the class of a given leaf, which have equal gate counts."""
    calls = sum(number for name, number in counted.num_queries.items() if name.startswith(f"{type(leaf).__name__}["))
    gates = leaf.gates()
    return calls * gates.depth if gates else 0


def _activation(error: float, setting: Setting) -> tuple[int, float]:
    """Return the smallest degree whose l2 error on unit vectors is at most a given error, and its relative error."""
    for degree in range(1, MAX_DEGREE, 2):
        poly = erf(SCALE, degree=degree)
        relative = float(poly.relative_bound)
        uniform = math.sqrt(setting.size) * float(poly.error_bound)
        if (uniform if setting.schedule == "published" else relative) <= error:
            return degree, relative
    raise ValueError(f"`eps` must leave the activation an error above rounding, but leaves {error:.1e}.")


_norm_bound = jax.jit(partial(convolution_norm_bound, grid=FREQUENCIES))
