"""Kernels of `qla_jax.prior`, which run layer by layer on the host."""

import jax
import numpy as np

from qla_jax import prior as room
from tests.kernels import Kernel, numbers, public

PUBLIC = public(room, "prior")
KEY = jax.random.key(0)
HOST = {law: "layers are looked at on the host" for law in ("strict", "shard_map", "mesh", "programs", "jit", "shapes")}
ORACLE = {law: "NumPy on the host, for comparison" for law in HOST}
IMAGE, TAPS = np.arange(1.0, 5).reshape(1, 2, 2), np.ones((1, 1, 2, 2))
EYE = np.eye(2)


def weights(matrix):
    return room.AttentionWeights(matrix, matrix, matrix, matrix, matrix)


KERNELS = [
    Kernel(
        "prior.feedforward",
        lambda w, x: tuple(room.feedforward([w], x, eps=0.5, key=KEY)),
        (numbers([1, 0], [1, 1]), numbers(1, 2)),
        random=True,
        without=HOST,
    ),
    Kernel("prior.exact_dense", room.exact_dense, (numbers([1, 0], [1, 1]), numbers(1, 2)), without=ORACLE),
    Kernel(
        "prior.convolutional",
        lambda k, image: tuple(room.convolutional([k], image, eps=0.5, eta=0.5, key=KEY)),
        (TAPS, IMAGE),
        random=True,
        without=HOST,
    ),
    Kernel("prior.exact_convolution", lambda k, x: room.exact_convolution(k, x, 3.0), (TAPS, IMAGE), without=ORACLE),
    Kernel(
        "prior.transformer",
        lambda tokens, w: tuple(room.transformer([weights(w)], tokens, eps=0.2, eta=0.5, key=KEY)),
        (EYE, EYE),
        random=True,
        without=HOST,
    ),
    Kernel("prior.exact_block", lambda w, tokens: room.exact_block(weights(w), tokens), (EYE, EYE), without=ORACLE),
]

SAMPLE = ("prior.exact_dense", "prior.exact_convolution", "prior.exact_block")

EXEMPT = {
    "prior.LayeredRun": "what networks return",
    "prior.AttentionWeights": "a tuple of arrays, which `transformer` looks at",
}
