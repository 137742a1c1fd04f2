"""Methods of the comparison: a run of each network, and its largest coherent circuit."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.encoding import Encoding
from qla_jax.encodings.vectors.loading import qram_encode
from qla_jax.linalg.products import matmul
from qla_jax.measurement import hadamard_test
from qla_jax.networks.regimes import Setting, convolutions, count, kernels, network, plan
from qla_jax.networks.residual import NORM_RANGE
from qla_jax.polynomials import erf, exp
from qla_jax.prior import AttentionWeights, LayeredRun, convolutional, feedforward, transformer
from qla_jax.prior.transformer import token_encoding
from qla_jax.transforms.activation import Activation

LAYERS = 2


class CountedMethod(NamedTuple):
    """Steps of one run, and the numbers that were read out between its layers."""

    steps: float
    between: int


class CircuitFacts(NamedTuple):
    """Properties of a method's largest coherent circuit, and the least norm between layers."""

    activated: bool
    reads: int
    least_norm: float


@dataclass(frozen=True)
class About:
    """Description of a method.

    Attributes:
        name: authors and year.
        architecture: architecture of the network.
        inside: operations that are coherent.
        read: quantities that are measured before the end.
        formula: formula of the steps.
    """

    name: str
    architecture: str
    inside: str
    read: str
    formula: str


@dataclass(frozen=True)
class Method(About):
    """Method and the functions that run it.

    Attributes:
        run: function from N and the error to the steps.
        circuit: function that returns the properties of its coherent circuit.
        entries: sizes N to run at.
        errors: errors to run at.
    """

    run: Callable[[int, float], CountedMethod]
    circuit: Callable[[], CircuitFacts]
    entries: Sequence[int]
    errors: Sequence[float]


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape[0]).normal(size=shape)


def _contraction(rows: int, columns: int) -> Array:
    matrix = _random(rows, columns)
    return jnp.asarray(matrix / np.linalg.norm(matrix, 2))


def _of(found: LayeredRun) -> CountedMethod:
    return CountedMethod(found.steps, sum(found.words[:-1]))


def _dense(entries: int, eps: float) -> CountedMethod:
    weights = [_contraction(entries, entries)] * LAYERS
    psi = _random(entries)
    return _of(feedforward(weights, psi / np.linalg.norm(psi), eps=eps / math.sqrt(entries), key=jax.random.key(0)))


def _convolution(entries: int, eps: float) -> CountedMethod:
    """Count a convolutional network of one channel, whose pooling halves the sides of the second layer."""
    side = math.isqrt(entries)
    taps = [_random(1, 1, 3, 3) / 3] * LAYERS
    image, share = _random(1, side, side) / side, eps / math.sqrt(2 * entries)
    return _of(convolutional(taps, image, eps=share, eta=share, key=jax.random.key(0)))


def _attention(entries: int, eps: float) -> CountedMethod:
    """Count a transformer of tokens of four features, so that N entries are N/4 tokens."""
    tokens = _random(entries // 4, 4)
    blocks = [AttentionWeights(*[_contraction(4, 4)] * 5)] * LAYERS
    eta = eps / (2 * math.sqrt(entries))
    return _of(transformer(blocks, tokens, eps=min(eta, 1e-2), eta=eta, key=jax.random.key(0)))


def _of_inner_products() -> CircuitFacts:
    """Return the properties of a Hadamard test; the least norm is 0, since W = 0 leaves no amplitude."""
    vec = qram_encode(jnp.ones(4))
    return _seen(hadamard_test(vec, vec).circuit, 0.0)


def _of_token() -> CircuitFacts:
    """Return the properties of a block; equal tokens with a value of -1 make its sum vanish."""
    one, tokens = jnp.eye(4), jnp.full((4, 4), 0.5)
    polys = exp(-0.5, degree=3), erf(math.sqrt(0.5), degree=3)

    def build(value: Array) -> Encoding:
        return token_encoding(AttentionWeights(one, one, value, one, one), tokens, tokens[0], polys)

    residual = tokens[0] - matmul(tokens.T, jnp.full(4, 0.25))
    return _seen(jax.eval_shape(build, one), float(jnp.linalg.norm(residual)))


def _of_regime(regime: str) -> CircuitFacts:
    setting = Setting(regime, 16, LAYERS)
    drawn = kernels(setting)
    planned = plan(setting, [float(np.abs(kernel).sum()) for kernel in drawn])
    vectors = [jax.ShapeDtypeStruct((16,), drawn.dtype)] * (1 if regime == "a" else 2)
    matrix = jax.ShapeDtypeStruct((setting.size,) * 2, drawn.dtype) if setting.terminal else None
    weights = jax.eval_shape(lambda *parts: convolutions(setting, parts), *drawn)
    built = jax.eval_shape(lambda *parts: network(setting, planned, *parts), weights, vectors, matrix)
    return _seen(built, NORM_RANGE[0])


def _seen(circuit: Encoding, least_norm: float) -> CircuitFacts:
    return CircuitFacts(_activated(circuit, set()), cost(circuit).gates.reads, least_norm)


def _activated(node: Encoding, seen: set[int]) -> bool:
    """Return whether amplitudes are transformed anywhere in a circuit, or in what a node stands for."""
    if id(node) in seen:
        return False
    seen.add(id(node))
    stands_for = [node.poly] if hasattr(node, "poly") else []
    return bool(stands_for) or isinstance(node, Activation) or any(_activated(use.part, seen) for use in node.uses())


def _coherent(regime: str, entries: int, eps: float) -> CountedMethod:
    return CountedMethod(count(Setting(regime, entries, LAYERS, eps)).depth, 0)


FEW = (16, 64, 256)
ROUGH = (0.5, 0.1)
FINE = tuple(10.0**-power for power in range(1, 7))
MANY = tuple(1 << n for n in range(8, 29, 4))

METHODS = (
    Method(
        "Allcock et al. (2020)",
        "feed-forward",
        "one inner product",
        "every neuron",
        "2nK(2M - 1) a layer, M = 2 pi R/eps",
        _dense,
        _of_inner_products,
        FEW,
        ROUGH,
    ),
    Method(
        "Kerenidis et al. (2020)",
        "convolutional",
        "inner products and a cap on their digits",
        "every pixel of a layer",
        "2N(2m + 1)4K(2M - 1) a layer, N = 36 ln P/eta^2",
        _convolution,
        _of_inner_products,
        FEW,
        ROUGH,
    ),
    Method(
        "Guo et al. (2024)",
        "transformer",
        "a block: attention, GELU, sums",
        "every token of a block",
        "calls/amplitude of a token times 2N, N = 36 ln d/eta^2",
        _attention,
        _of_token,
        FEW,
        ROUGH,
    ),
    *(
        Method(
            f"Rattew et al. (2025), {regime}",
            architecture,
            "all layers",
            "nothing",
            formula,
            partial(_coherent, regime),
            partial(_of_regime, regime),
            MANY,
            FINE,
        )
        for regime, architecture, formula in (
            ("a", "residual CNN", "polylog(N/eps)^k"),
            ("b", "bilinear residual CNN", "N log(1/eps)^(2k)"),
            ("c", "bilinear residual CNN", "N log(1/eps)^(2k)"),
        )
    ),
)
