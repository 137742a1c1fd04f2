"""Kernels of `qla_jax.arithmetic`: integers, so that precision changes nothing."""

import numpy as np

from qla_jax import arithmetic as room
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.measurement import exact_readout
from tests.kernels import Kernel, numbers, public

INTEGERS = {"programs": "integers are encoded by a program of their own"}

PUBLIC = public(room, "arithmetic")
WIDE = room.Format(bits=20, fraction=8)
SMALL = room.Format(bits=6, fraction=3)
X, Y = numbers(3, 20, 7, 0), numbers(2, 5, 7, 1)
IMAGE = np.arange(16.0).reshape(1, 4, 4)
KERNEL = IMAGE[None, :, :2, :2]
BUILT = "builds a circuit of Python integers on the host"


def fixed(x):
    """Numbers in a format that holds what kernels make of them."""
    return room.encode(x, WIDE)


def of_one(name, x=X):
    return Kernel(f"arithmetic.{name}", lambda x: getattr(room, name)(fixed(x)), (x,), exact=True)


def of_two(name):
    return Kernel(f"arithmetic.{name}", lambda x, y: getattr(room, name)(fixed(x), fixed(y)), (X, Y), exact=True)


def counted(name, build, integers, **options):
    """A circuit by its counts, which are plain integers."""
    return Kernel(f"arithmetic.{name}", lambda **given: tuple(room.counts(build(**given))), (), integers, **options)


KERNELS = [
    *(of_one(name) for name in ("absolute", "negate", "relu", "sqrt", "square", "reciprocal")),
    *(of_two(name) for name in ("add", "divide", "less", "maximum", "multiply", "subtract", "dot", "add_bias")),
    Kernel("arithmetic.encode", lambda x: room.encode(x, WIDE), (X,), exact=True),
    Kernel("arithmetic.encode signed", lambda x: room.encode(x, WIDE), (numbers(3, -20, 0),), signed=True, exact=True),
    Kernel(
        "arithmetic.Format",
        lambda x, bits, fraction: room.encode(x, room.Format(bits, fraction)),
        (X,),
        {"bits": 12, "fraction": 4},
        exact=True,
    ),
    Kernel("arithmetic.decode", lambda x: room.decode(room.encode(x, WIDE)), (X,), exact=True),
    Kernel("arithmetic.from_integers", lambda x: room.from_integers(fixed(x).integers, WIDE), (X,), exact=True),
    Kernel(
        "arithmetic.multiply_constant",
        lambda x, factor: room.multiply_constant(fixed(x), factor),
        (X,),
        {"factor": 3},
        exact=True,
    ),
    Kernel(
        "arithmetic.convolve",
        lambda x, k: room.convolve(fixed(x), fixed(k)),
        (IMAGE, KERNEL),
        exact=True,
    ),
    Kernel(
        "arithmetic.convolve strides",
        lambda x, k, stride: room.convolve(fixed(x), fixed(k), stride=stride),
        (IMAGE, KERNEL),
        {"stride": 2},
        exact=True,
    ),
    Kernel(
        "arithmetic.max_pool", lambda x, window: room.max_pool(fixed(x), window), (IMAGE,), {"window": 2}, exact=True
    ),
    Kernel(
        "arithmetic.batch_norm",
        lambda x, mean, variance, gamma, beta: room.batch_norm(fixed(x), mean, variance, gamma, beta, epsilon=0.0),
        (IMAGE, numbers(3), numbers(4), numbers(2), numbers(1)),
        without=INTEGERS,
    ),
    Kernel(
        "arithmetic.batch_norm_constants",
        lambda mean, variance, gamma, beta, e: room.batch_norm_constants(mean, variance, gamma, beta, WIDE, epsilon=e),
        (numbers(3), numbers(3), numbers(2), numbers(1), numbers(1)[0]),
    ),
    Kernel(
        "arithmetic.arccos",
        lambda x, working: room.arccos(room.encode(x, SMALL), working=working),
        (numbers(0, 1),),
        {"working": 6},
        exact=True,
    ),
    Kernel("arithmetic.arccos_error", lambda working: room.arccos_error(SMALL, working), (), {"working": 6}),
    Kernel("arithmetic.angle_encode", lambda x: room.angle_encode(room.encode(x, SMALL)), (numbers(0, 1),), exact=True),
    Kernel(
        "arithmetic.angle_encode target",
        lambda x, target: room.angle_encode(room.encode(x, SMALL), target=target),
        (numbers(0, 1), numbers(1, 1)),
        without=INTEGERS,
    ),
    Kernel("arithmetic.amplitude_encode", lambda x: room.amplitude_encode(fixed(x)), (X,), exact=True),
    Kernel(
        "arithmetic.amplitude_encode scale",
        lambda x, scale, target: room.amplitude_encode(fixed(x), scale=scale, target=target),
        (X, numbers(25)[0], X),
        without=INTEGERS,
    ),
    Kernel(
        "arithmetic.digital_encode",
        lambda x: room.digital_encode(vector_encode(x), WIDE, readout=exact_readout(), key=None)[0],
        (numbers(3, 4),),
    ),
    Kernel(
        "arithmetic.dense_layer",
        lambda w, x, bias: room.dense_layer(
            block_encode(w), vector_encode(x), fixed(bias), readout=exact_readout(), key=None
        )[1],
        (numbers([1, 2], [3, 4]), numbers(3, 4), numbers(1, 2)),
        without=INTEGERS,
    ),
    Kernel(
        "arithmetic.exponential",
        lambda x, degree: room.exponential(SMALL, degree=degree)(room.encode(x, SMALL)),
        (numbers(0, 1),),
        {"degree": 2},
        exact=True,
    ),
    Kernel(
        "arithmetic.piecewise",
        lambda x, degree: room.piecewise(np.tanh, SMALL, derivative=room.cauchy(1.0, 1.6), degree=degree)(
            room.encode(x, SMALL)
        ),
        (numbers(0, 1),),
        {"degree": 2},
        exact=True,
    ),
    counted("adder", room.adder, {"bits": 4}),
    counted("dot_circuit", lambda length: room.dot_circuit(length, SMALL), {"length": 2}),
    counted("max_pool_circuit", lambda window: room.max_pool_circuit(window, SMALL), {"window": 2}),
    counted("batch_norm_circuit", lambda **c: room.batch_norm_circuit(**c, format=SMALL), {"factor": 6, "offset": 3}),
    counted("operation", lambda factor: room.operation("multiply_constant", SMALL, factor=factor), {"factor": 3}),
    counted("pixel_circuit", lambda weights: room.pixel_circuit(weights, SMALL), {"weights": (1, 2)}),
    Kernel(
        "arithmetic.ReversibleCircuit",
        lambda state: room.adder(1).on_state(state),
        (numbers(3, 20, 7, 11),),
    ),
    Kernel(
        "arithmetic.ReversibleCircuit basis",
        lambda x, y: room.adder(3).on_basis(x=x, y=y),
        (),
        {"x": 3, "y": 6},
        exact=True,
    ),
    Kernel(
        "arithmetic.ReversibleCircuit turns",
        lambda state, turns: room.adder(1, "draper").on_state(state, turns=turns),
        (numbers(3, 20, 7, 11), numbers(1)),
    ),
]

SAMPLE = ("arithmetic.divide", "arithmetic.sqrt", "arithmetic.encode signed", "arithmetic.max_pool")

EXEMPT = {
    "arithmetic.FixedPoint": "what `encode` returns",
    "arithmetic.Piecewise": "what `piecewise` returns",
    "arithmetic.ReversibleCounts": "what `counts` returns",
    "arithmetic.circuit": "takes gates and wires, which may be any hashable objects",
    "arithmetic.counts": "takes a circuit and no number",
    "arithmetic.cauchy": "takes two real numbers of Python, which `as_real` reads",
    "arithmetic.arccos_circuit": BUILT,
    "arithmetic.reciprocal_circuit": BUILT,
    "arithmetic.newton_error": BUILT,
}
