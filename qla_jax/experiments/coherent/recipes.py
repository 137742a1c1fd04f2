"""The networks of the main job by name: what they are made of, how they are trained, how images lie in them."""

import math
from dataclasses import dataclass
from typing import Literal

from flax import nnx

from qla_jax.nn import CoherentResNet, ConvolutionalPath, ConvolutionWeight, DenseWeight, TerminalWeight
from qla_jax.training import TrainingConfig

MIN_OUTCOMES = 16


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained.

    Attributes:
        weights: of the blocks.
        blocks: k.
        training: how.
        degree: of the activation's polynomial.
        paths: d, classical paths whose Kronecker product the circuit starts from; without any it starts from the image.
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
"""Which networks a regime of the paper (Figure 1) is shown by; without one, those of Lemma 7 alone."""


def build(shape: tuple[int, int, int], classes: int, recipe: Recipe) -> CoherentResNet:
    """A fresh network for images of a shape (channel, row, column)."""
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
