r"""Comparison of a trained coherent network with the ideal network, image by image, in float64.

The tracked eps bounds approximation, not rounding, so float64 is used, whatever the precision of the training. The
network is built once, and the states between its blocks are part of the result.

References:
    Rattew et al. (2025), Lemmas 6, 7, B.20 and C.1. https://arxiv.org/abs/2510.07195
"""

from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.networks.pooling import distribution_error, l2_pool
from qla_jax.networks.residual import chain, ideal_skip_norm, published_error, worst_case_error
from qla_jax.networks.terminal import TerminalBlock
from qla_jax.nn.coherent_resnet import CoherentResNet, Start

CHUNK = 128
"""Number of images that are computed at a time, which bounds the memory."""


class Built(NamedTuple):
    """Encodings that a coherent network builds from its parameters.

    Attributes:
        weights: block encodings of the weights, one per block.
        bounds: skip bounds of the weights.
        matrix: normalized matrix of the terminal block; None without one.
    """

    weights: list[BlockEncoding]
    bounds: list[Array]
    matrix: Array | None


class Trace(NamedTuple):
    """Results of the polynomial and the ideal network, for each image and, along a second axis, each block.

    Attributes:
        norm: norm N of the block's output before normalization, polynomial network.
        bare_norm: norm N of the same weights without skip connections.
        log_alpha: natural logarithm of the subnormalization of the unamplified circuit up to this block.
        alone: success amplitude of the block on an amplified input.
        actual: Euclidean distance between the states of the polynomial and the ideal network.
        eps: tracked bound on `actual`.
        worst_case: first-order bound on `actual` at the smallest norm, from the tracked errors e0 and e1.
        published: bound of Lemma 6 as published, from the tracked errors e0 and e1.
        outcomes: outcome probabilities of the polynomial network.
        ideal_outcomes: outcome probabilities of the ideal network.
        output_eps: bound on the 1-norm distance of `outcomes` and `ideal_outcomes`.
        terminal_norm: norm of the terminal block before normalization; 1 without a terminal block.
        contribution: length of the matrix part of the terminal block, relative to the part of its skip connection; 0
            without a terminal block.
        outcomes_before: outcome probabilities before the terminal block.
        states: states of the polynomial network before each block, and after the last.
    """

    norm: np.ndarray
    bare_norm: np.ndarray
    log_alpha: np.ndarray
    alone: np.ndarray
    actual: np.ndarray
    eps: np.ndarray
    worst_case: np.ndarray
    published: np.ndarray
    outcomes: np.ndarray
    ideal_outcomes: np.ndarray
    output_eps: np.ndarray
    terminal_norm: np.ndarray
    contribution: np.ndarray
    outcomes_before: np.ndarray
    states: np.ndarray


class Traced:
    """Coherent network in float64 with images to run it on. Each property is computed once.

    Attributes:
        model: the network with its parameters in float64.
        images: images in the arrangement that the network takes.
    """

    def __init__(self, model: CoherentResNet, images: np.ndarray) -> None:
        graph, state = nnx.split(model)
        with jax.enable_x64(True):
            self.model = nnx.merge(graph, jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), state))
        self.images = images

    @cached_property
    def built(self) -> Built:
        """Encodings of the network."""
        with jax.enable_x64(True):
            found: Built = jax.jit(lambda m: Built(m.encodings(), m.skip_bounds(), m.terminal_matrix()))(self.model)
            return found

    @cached_property
    def starts(self) -> Start:
        """Vectors that the circuit loads, with one entry per image along the first axis."""
        with jax.enable_x64(True):
            return self.model.load(jnp.asarray(self.images, jnp.float64))

    @cached_property
    def first_block(self) -> VectorEncoding:
        """The first block on the first image."""
        with jax.enable_x64(True):
            start = jax.tree.map(lambda x: x[0], self.starts)
            return self.model.network(self.built.weights[:1], start, self.built.bounds[:1])

    @cached_property
    def trace(self) -> Trace:
        """Results of the polynomial and the ideal network on all images."""
        with jax.enable_x64(True):
            run = jax.jit(lambda built, starts: jax.vmap(lambda start: _trace_one(self.model, built, start))(starts))
            places = [slice(first, first + CHUNK) for first in range(0, len(self.images), CHUNK)]
            parts = [run(self.built, jax.tree.map(lambda x, at=at: x[at], self.starts)) for at in places]
            return Trace(*(np.concatenate([np.asarray(part[i]) for part in parts]) for i in range(len(Trace._fields))))


def trace(model: CoherentResNet, images: np.ndarray) -> Trace:
    """Run the polynomial and the ideal network in float64 on all images.

    Args:
        model: the network, of any precision.
        images: images in the arrangement that the network takes.
    """
    return Traced(model, images).trace


def _trace_one(model: CoherentResNet, built: Built, start: Any) -> tuple[Array, ...]:
    blocks = chain(model.network(built.weights, start, built.bounds))
    poly = blocks[0].poly
    ideal = bare = blocks[0].part.encoded
    actual, bare_norms = [], []
    for block, weight in zip(blocks, built.weights, strict=True):
        ideal, _ = ideal_skip_norm(weight.matvec, ideal)
        activated = poly(weight.matvec(bare))
        bare_norms.append(jnp.linalg.norm(activated))
        bare = activated / bare_norms[-1]
        actual.append(jnp.linalg.norm(block.encoded - ideal))
    norm, log_alpha, alone, eps, input_eps, activation_eps = (
        jnp.stack(values)
        for values in zip(
            *((b.norm, b.log_alpha, b.alone, b.eps, b.part.eps, b.activation_eps) for b in blocks), strict=True
        )
    )
    worst_case, published = worst_case_error(input_eps, activation_eps), published_error(input_eps, activation_eps)
    last = model.head(built.matrix, blocks[-1])
    ends = last.encoded, model.ideal_head(built.matrix, ideal)
    outcomes, ideal_outcomes = (l2_pool(state, model.outcomes, sizes=model.sizes) for state in ends)
    by_block = norm, jnp.stack(bare_norms), log_alpha, alone, jnp.stack(actual), eps, worst_case, published
    before = l2_pool(blocks[-1], model.outcomes)
    said = (last.norm, last.contribution) if isinstance(last, TerminalBlock) else (jnp.ones(()), jnp.zeros(()))
    states = jnp.stack([*(block.part.encoded for block in blocks), blocks[-1].encoded])
    return *by_block, outcomes, ideal_outcomes, distribution_error(last.eps), *said, before, states
