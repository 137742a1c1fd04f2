"""Arrangement of images in the registers of a coherent network."""

import numpy as np

from qla_jax.nn.coherent_resnet import CoherentResNet


def arranged(model: CoherentResNet, images: np.ndarray) -> np.ndarray:
    """Return images in the arrangement that a coherent network takes.

    A network with paths takes images as they are, a network on one register takes flat images, and a network on
    channels takes the result of `space_to_depth`.

    Args:
        model: the network.
        images: batch of images, shape (batch, channels, rows, columns).
    """
    if len(model.paths):
        return images
    return images.reshape(len(images), -1) if len(model.sizes) == 1 else space_to_depth(images, model.outcomes)


def stride(channels: int, outcomes: int) -> int:
    """Return the largest power of two f with `channels` f^2 <= `outcomes`: the factor of `space_to_depth`.

    Args:
        channels: channels of an image, at most as many as outcomes.
        outcomes: number of outcomes of the network.
    """
    return 1 << ((outcomes // channels).bit_length() - 1) // 2


def space_to_depth(images: np.ndarray, outcomes: int) -> np.ndarray:
    """Return images as channels of a coarser grid.

    Pixel (r, c) goes to channel (r mod f, c mod f) at place (r // f, c // f), where f is the `stride`. This is a
    permutation of basis states, so the circuit has no cost for it. The image is spread over the channels, from which
    the outcomes are measured, and the rest of the grid holds null amplitudes.

    Args:
        images: batch of images, shape (batch, channels, rows, columns).
        outcomes: number of outcomes of the network.
    """
    factor = stride(images.shape[1], outcomes)
    count, channels, rows, columns = images.shape
    margins = [(0, -size % factor) for size in (rows, columns)]
    padded = np.pad(images, [(0, 0), (0, 0), *margins])
    split = padded.reshape(count, channels, padded.shape[2] // factor, factor, padded.shape[3] // factor, factor)
    return split.transpose(0, 1, 3, 5, 2, 4).reshape(count, channels * factor**2, *split.shape[2:5:2])
