"""How images lie in the registers of a coherent network."""

import numpy as np

from qla_jax.nn.coherent_resnet import CoherentResNet


def arranged(model: CoherentResNet, images: np.ndarray) -> np.ndarray:
    """Return images as a network takes them: as they are for paths, flat for dense weights, as channels otherwise."""
    if len(model.paths):
        return images
    return images.reshape(len(images), -1) if len(model.sizes) == 1 else space_to_depth(images, model.outcomes)


def stride(channels: int, outcomes: int) -> int:
    """Return the largest power of two whose square times the channels fits in the outcomes, at least as many."""
    return 1 << ((outcomes // channels).bit_length() - 1) // 2


def space_to_depth(images: np.ndarray, outcomes: int) -> np.ndarray:
    """Load images as channels of a coarser grid.

    Pixel (r, c) goes to channel (r mod f, c mod f) at place (r // f, c // f), f the `stride`. A permutation of basis
    states, so no cost to the circuit; it spreads an image over the channels, which the outcomes are read from, and
    leaves the rest of the grid to the network as null amplitudes.
    """
    factor = stride(images.shape[1], outcomes)
    count, channels, rows, columns = images.shape
    margins = [(0, -size % factor) for size in (rows, columns)]
    padded = np.pad(images, [(0, 0), (0, 0), *margins])
    split = padded.reshape(count, channels, padded.shape[2] // factor, factor, padded.shape[3] // factor, factor)
    return split.transpose(0, 1, 3, 5, 2, 4).reshape(count, channels * factor**2, *split.shape[2:5:2])
