"""Kernels of `qla_jax.nn`: modules by what they make of a batch, with the parameters of a fixed seed."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qla_jax import nn as room
from qla_jax.arithmetic import Format
from qla_jax.variational import placement, quanvolution_spec
from tests.kernels import Kernel, numbers, public

PUBLIC = public(room, "nn")
KEY = jax.random.key(0)
FEATURES = numbers([1, 2], [3, 1])
IMAGES = np.arange(32.0).reshape(2, 1, 4, 4)
IMAGE = IMAGES[1]
FORMAT = Format(bits=16, fraction=6)
ROWS = numbers([1, 0], [1, 2])
SCORES, VALUES = ROWS[None], numbers([[1, 2], [3, 4]])
CLASSES = "what the function of its name in small letters returns"
SINGLE = {"programs": "parameters are float32, and promote what meets them"}


def rngs():
    return nnx.Rngs(0)


def module(name, make, x, sizes, **options):
    """A module of float32 parameters on one batch: its sizes are integers, its results within single precision."""
    return Kernel(
        f"nn.{name}", lambda x, **sizes: make(**sizes)(x), (x,), sizes, single=True, without=SINGLE, **options
    )


KERNELS = [
    module(
        "QuantumClassifier",
        lambda **s: room.QuantumClassifier(**s, rngs=rngs()),
        FEATURES,
        {"num_qubits": 2, "num_classes": 2, "depth": 1},
    ),
    module(
        "QuantumConvNet", lambda **s: room.QuantumConvNet(**s, rngs=rngs()), FEATURES, {"num_qubits": 2, "stages": 1}
    ),
    module("PlainMLP", lambda widths: room.PlainMLP(widths, rngs=rngs()), FEATURES, {"widths": (2, 3, 2)}),
    module(
        "PlainCNN",
        lambda **s: room.PlainCNN(**s, rngs=rngs()),
        IMAGES,
        {"channels": 2, "depth": 2, "shape": (1, 4, 4), "outcomes": 2},
    ),
    module(
        "PlainPatchCNN",
        lambda **s: room.PlainPatchCNN(**s, rngs=rngs()),
        IMAGES,
        {"channels": 2, "depth": 2, "shape": (1, 4, 4), "outcomes": 2},
    ),
    module(
        "PlainResNet",
        lambda **s: room.PlainResNet(**s, rngs=rngs()),
        IMAGES,
        {"channels": 1, "outcomes": 2, "width": 2, "stages": 2, "blocks": 1},
    ),
    module(
        "PlainTransformer",
        lambda **s: room.PlainTransformer(**s, rngs=rngs()),
        IMAGES,
        {"shape": (1, 4, 4), "outcomes": 2, "patch": 2, "width": 4, "heads": 2, "depth": 1, "hidden": 3},
    ),
    module(
        "QResNet",
        lambda **s: room.QResNet(**s, rngs=rngs()),
        IMAGES,
        {"in_channels": 1, "outcomes": 2, "width": 2, "stages": 2, "blocks": 1},
    ),
    module(
        "QResidualBlock",
        lambda **s: room.QResidualBlock(**s, rngs=rngs()).run,
        IMAGE,
        {"in_channels": 1, "out_channels": 2, "stride": 2},
    ),
    module(
        "QTransformer",
        lambda **s: room.QTransformer(**s, rngs=rngs()),
        IMAGES,
        {"shape": (1, 4, 4), "outcomes": 2, "patch": 2, "width": 4, "heads": 2, "depth": 1, "hidden": 3},
    ),
    module(
        "Quanvolution",
        lambda image_channels: room.Quanvolution(quanvolution_spec(), image_channels, rngs=rngs()),
        IMAGES,
        {"image_channels": 1},
    ),
    module("DenseHead", lambda **s: room.DenseHead(**s, rngs=rngs()), IMAGES, {"size": 16, "num_classes": 3}),
    module(
        "QuantumHead",
        lambda **s: room.QuantumHead(**s, rngs=rngs()),
        IMAGES,
        {"num_classes": 2, "num_qubits": 4, "depth": 1},
    ),
    module(
        "ResQuNN",
        lambda shape: room.ResQuNN(
            shape, placement("X+O1", 1), (quanvolution_spec(),), head=room.DenseHead(16, 2, rngs=rngs()), rngs=rngs()
        ),
        IMAGES,
        {"shape": (1, 4, 4)},
    ),
    Kernel(
        "nn.estimated_dense",
        lambda x, w: room.estimated_dense(x, w, room.weight_gradients(relative_eps=0.1, noise="exact"), key=KEY),
        (ROWS, ROWS),
    ),
    Kernel(
        "nn.estimated_dense gradient",
        lambda w: jax.grad(
            lambda w: room.estimated_dense(
                ROWS, w, room.weight_gradients(relative_eps=0.1, noise="uniform"), key=KEY
            ).sum()
        )(jnp.asarray(w, float)),
        (ROWS,),
        random=True,
        without={law: "the gradient is that of floats" for law in ("programs", "refusals")},
    ),
    Kernel("nn.concatenated_heads", room.concatenated_heads, (SCORES, VALUES)),
    Kernel("nn.combined_heads", room.combined_heads, (SCORES, VALUES, ROWS)),
    Kernel(
        "nn.arithmetic_softmax",
        lambda s: room.arithmetic_softmax(FORMAT)(s).values,
        (SCORES,),
        without={"programs": "integers are encoded by a program of their own"},
    ),
    Kernel("nn.ClassicalSoftmax", lambda s: room.ClassicalSoftmax()(s).values, (SCORES,)),
    Kernel("nn.infidelity", room.infidelity, (numbers(1, 2), numbers(2, 1))),
    Kernel(
        "nn.count_parameters",
        lambda size: room.count_parameters(room.DenseHead(size, 2, rngs=rngs())),
        (),
        {"size": 4},
    ),
    Kernel(
        "nn.mean_loss",
        lambda images: room.mean_loss(resqunn(), images, jnp.array([1, 0])),
        (IMAGES,),
        single=True,
        without=SINGLE,
    ),
    Kernel(
        "nn.gradient_access",
        lambda images: room.gradient_access(resqunn(), images, jnp.array([1, 0])),
        (IMAGES,),
        single=True,
        without=SINGLE,
    ),
    Kernel(
        "nn.weight_gradients",
        lambda entries: room.weight_gradients(relative_eps=0.1).queries(entries),
        (),
        {"entries": 3},
    ),
    Kernel("nn.overhead", lambda shape: overhead(shape).macs, (), {"shape": (1, 4, 4)}),
]


def resqunn():
    head = room.DenseHead(16, 2, rngs=rngs())
    return room.ResQuNN((1, 4, 4), placement("X+O1", 1), (quanvolution_spec(),), head=head, rngs=rngs())


def overhead(shape):
    net = room.QResNet(1, 2, width=2, stages=1, blocks=1, rngs=rngs())
    return room.overhead(net, shape, Format(bits=6, fraction=3))


SAMPLE = ("nn.infidelity", "nn.PlainMLP", "nn.concatenated_heads")

EXEMPT = {
    "nn.MeasuredNetwork": "the base class of measured networks, each of which is here",
    "nn.LayerOverhead": "a row of what `overhead` returns",
    "nn.NetworkOverhead": "what `overhead` returns",
    "nn.MeasuredRun": "what the `run` of a network returns",
    "nn.Transfer": "a row of what the `run` of a network returns",
    "nn.WeightGradients": CLASSES,
    "nn.ArithmeticSoftmax": CLASSES,
    "nn.Frozen": "a kind of variable, of any value",
    "nn.BlockTransfers": "a tuple of truth values",
    "nn.TransformerTransfers": "a tuple of truth values",
    "nn.amplified": "takes what `overhead` and a run return",
    "nn.BlockDiagnostics": "what coherent networks return",
    "nn.CoherentResNet": "has tests of its own, for dtypes and sizes, in tests/nn/test_coherent_resnet.py",
    "nn.ConvolutionWeight": "has tests of its own, for dtypes and sizes, in tests/nn/test_coherent_resnet.py",
    "nn.DenseWeight": "has tests of its own, for dtypes and sizes, in tests/nn/test_coherent_resnet.py",
    "nn.TerminalWeight": "has tests of its own, for dtypes and sizes, in tests/nn/test_coherent_resnet.py",
    "nn.ConvolutionalPath": "a path of coherent networks, which looks at its sizes itself",
}
