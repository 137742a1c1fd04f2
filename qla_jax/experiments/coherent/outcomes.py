"""Outcomes of a network on labeled images: the confusion matrix, and images that a reader can look at.

Example:
    >>> confusion(np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]]), np.array([0, 1]), classes=2)
    [[1, 0, 0], [0, 0, 1]]
"""

import numpy as np

from qla_jax.experiments.coherent.results import Example

EXAMPLES = 8
DIGITS = 4
"""Decimals of pixels and probabilities that are kept with the results."""


def confusion(outcomes: np.ndarray, labels: np.ndarray, classes: int) -> list[list[int]]:
    """Return the number of images by class (row) and most probable outcome (column).

    Args:
        outcomes: probabilities, (image, outcome).
        labels: classes of the images.
        classes: number of classes; outcomes beyond them share one column more, if there are any.
    """
    columns = classes + (outcomes.shape[1] > classes)
    found = np.zeros((classes, columns), int)
    np.add.at(found, (labels, np.minimum(outcomes.argmax(1), columns - 1)), 1)
    return found.tolist()


def examples(outcomes: np.ndarray, images: np.ndarray, labels: np.ndarray) -> list[Example]:
    """Return the first image of each class in the order of the images, at most eight.

    Args:
        outcomes: probabilities, (image, outcome).
        images: pixels, (image, channel, row, column).
        labels: classes of the images.
    """
    _, first = np.unique(labels, return_index=True)
    return [
        Example(images[at].round(DIGITS).tolist(), int(labels[at]), outcomes[at].round(DIGITS).tolist())
        for at in sorted(first)[:EXAMPLES]
    ]
