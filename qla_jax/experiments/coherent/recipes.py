"""Networks of the main job by name: their structure, their training, and their layout of images."""

import math
from dataclasses import dataclass
from typing import Literal

from flax import nnx

from qla_jax.nn import CoherentResNet, ConvolutionalPath, ConvolutionWeight, DenseWeight, TerminalWeight
from qla_jax.training import TrainingConfig

MIN_OUTCOMES = 16


@dataclass(frozen=True)
class Recipe:
    """Structure of a network and its training.

    Attributes:
        weights: kind of the weights of the blocks.
        blocks: number k of blocks.
        training: settings of the training.
        degree: degree of the activation's polynomial.
        paths: number d of classical paths whose Kronecker product the circuit starts from; with 0 it starts from the
            image.
        terminal: whether a terminal block follows the others.
    """

    weights: Literal["dense", "convolutional"]
    blocks: int
    training: TrainingConfig
    degree: int = 9
    paths: int = 0
    terminal: bool = False


SLOWLY = TrainingConfig(epochs=40, learning_rate=5e-4, noise=0.2)
QUICKLY = TrainingConfig(epochs=30, learning_rate=3e-3, noise=0.2)

RECIPES = {
    "dense": Recipe("dense", 6, SLOWLY),
    "convolutional": Recipe("convolutional", 6, QUICKLY),
    "a-dense": Recipe("dense", 6, SLOWLY, terminal=True),
    "a-conv": Recipe("convolutional", 6, QUICKLY, terminal=True),
    "b": Recipe("convolutional", 4, QUICKLY, paths=2, terminal=True),
    "c": Recipe("convolutional", 4, QUICKLY, paths=2),
}

REGIMES: dict[str | None, tuple[str, ...]] = {
    None: ("dense", "convolutional"),
    "a": ("a-dense", "a-conv"),
    "b": ("b",),
    "c": ("c",),
}
"""Networks of each regime of the paper (Figure 1); without a regime, those of Lemma 7."""


def build(shape: tuple[int, int, int], classes: int, recipe: Recipe) -> CoherentResNet:
    """Return a fresh network for images of a given shape.

    Args:
        shape: shape (channel, row, column) of an image.
        classes: number of classes.
        recipe: structure of the network and its training.
    """
    rngs = nnx.Rngs(recipe.training.seed)
    outcomes = max(MIN_OUTCOMES, 1 << (max(classes, shape[0]) - 1).bit_length())
    sizes = _sizes(shape, outcomes, recipe)
    weights = [
        DenseWeight(*sizes, rngs=rngs)
        if recipe.weights == "dense"
        else ConvolutionWeight(sizes[0], (sizes[1], sizes[2]), rngs=rngs)
        for _ in range(recipe.blocks)
    ]
    entries = math.prod(sizes)
    return CoherentResNet(
        weights,
        sizes=sizes,
        outcomes=outcomes,
        degree=recipe.degree,
        paths=[ConvolutionalPath(shape, round(entries ** (1 / recipe.paths)), rngs=rngs) for _ in range(recipe.paths)],
        terminal=TerminalWeight(entries, rngs=rngs) if recipe.terminal else None,
    )


def _sizes(shape: tuple[int, int, int], outcomes: int, recipe: Recipe) -> tuple[int, ...]:
    if recipe.paths:  # a channel for each outcome, and as many entries of each path
        places = outcomes ** (recipe.paths - 1)
        rows = 1 << (places.bit_length() - 1) // 2
        return outcomes, rows, places // rows
    if recipe.weights == "dense":
        return (max(16 * outcomes, 1 << (math.prod(shape) - 1).bit_length()),)
    return outcomes, *shape[1:]
