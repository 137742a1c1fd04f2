r"""Quanvolutional networks with residual connections as Flax NNX modules.

Example:
    >>> net = ResQuNN((1, 28, 28), placement("O1+O2", 2), resqunn_specs(), rngs=nnx.Rngs(0))
    >>> net(jnp.ones((2, 1, 28, 28))).shape
    (2, 10)
"""

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float, Int

from qla_jax._checks import as_integer, require, require_kind
from qla_jax.nn._shapes import as_image_shape, as_images, as_rows, as_sizes
from qla_jax.variational.classifier import (
    READOUT_CLASSES,
    READOUT_QUBITS,
    cross_entropy,
    quantum_readout,
    require_labels,
)
from qla_jax.variational.placements import Placement
from qla_jax.variational.placements import placement as placement
from qla_jax.variational.quanvolution import QuanvolutionSpec, quanvolve
from qla_jax.variational.resqunn import feature_shape, features, layer_shapes
from qla_jax.variational.resqunn import resqunn_specs as resqunn_specs

Images = Float[Array, "batch channel row column"]


class Frozen(nnx.Variable):
    """Numbers drawn like parameters that no optimizer moves: `nnx.Param` does not find them."""


class Quanvolution(nnx.Module):
    """A quanvolutional layer.

    Args:
        spec: what is fixed of it.
        image_channels: of its inputs.
        trainable: whether its angles are parameters, or drawn once and kept.
        detach_data: whether no gradient passes to its input.
        rngs: of the angles, uniform in [0, 2 pi).
        dtype: of the angles.
    """

    def __init__(
        self,
        spec: QuanvolutionSpec,
        image_channels: int = 1,
        *,
        trainable: bool = True,
        detach_data: bool = False,
        rngs: nnx.Rngs,
        dtype: jnp.dtype = jnp.float32,
    ):
        require_kind("spec", spec, QuanvolutionSpec)
        self.spec = spec
        self.image_channels = as_integer("image_channels", image_channels, least=1)
        self.detach_data = detach_data
        self.angles = _angles(spec.angles_shape(image_channels), trainable, rngs, dtype)

    def __call__(self, images: Images) -> Images:
        """The expectation values as images.

        Raises:
            ValueError: what `quanvolve` raises.
        """
        images = as_images(images, (self.image_channels, None, None))
        images = jax.lax.stop_gradient(images) if self.detach_data else images
        return jax.vmap(lambda image: quanvolve(image, self.angles[...], self.spec))(images)


class DenseHead(nnx.Module):
    """One linear layer on the flattened features: class scores."""

    def __init__(self, size: int, num_classes: int = 10, *, rngs: nnx.Rngs, dtype: jnp.dtype = jnp.float32):
        size, num_classes = as_sizes(size=size, num_classes=num_classes)
        self.size = size
        self.linear = nnx.Linear(size, num_classes, rngs=rngs, param_dtype=dtype)

    def __call__(self, features: Images) -> Float[Array, "batch num_classes"]:
        """Class scores.

        Raises:
            ValueError: no batch, or features of another size.
        """
        return self.linear(as_rows("features", features, size=self.size))


class QuantumHead(nnx.Module):
    """A circuit on the features as amplitudes, some qubits measured: class scores between -1 and 1."""

    def __init__(
        self,
        num_classes: int = READOUT_CLASSES,
        *,
        num_qubits: int = READOUT_QUBITS,
        depth: int = 1,
        rngs: nnx.Rngs,
        dtype: jnp.dtype = jnp.float32,
    ):
        num_classes, num_qubits, depth = as_sizes(num_classes=num_classes, num_qubits=num_qubits, depth=depth)
        fits = num_classes <= num_qubits
        require(fits, f"`num_classes` must be at most {num_qubits}, the qubits, but is {num_classes}.")
        self.num_classes = num_classes
        self.angles = _angles((depth, 1, num_qubits), True, rngs, dtype)

    def __call__(self, features: Images) -> Float[Array, "batch num_classes"]:
        """Class scores; zero for an item without any feature, which no state encodes.

        Raises:
            ValueError: no batch, or more features than amplitudes.
        """
        rows = as_rows("features", features, most=1 << self.angles.shape[2])
        return jax.vmap(lambda one: quantum_readout(one, self.angles[...], num_classes=self.num_classes))(rows)


class ResQuNN(nnx.Module):
    """Quanvolutional layers, residual connections, a head, softmax.

    Args:
        shape: of the images, (channel, row, column).
        placement: the residual connections.
        specs: the layers.
        head: from features to class scores; a `DenseHead` of ten classes unless given.
        trainable: whether the layers' angles are parameters; the head's are in any case.
        detach_data: whether gradients stop at every layer's input.
        rngs: of all angles and weights.
        dtype: of them.

    Raises:
        TypeError: a placement or a layer that is none.
        ValueError: sides that a stride does not fit, unequal numbers of layers, or a head that the features do not fit.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        placement: Placement,
        specs: Sequence[QuanvolutionSpec],
        *,
        head: nnx.Module | None = None,
        trainable: bool = True,
        detach_data: bool = False,
        rngs: nnx.Rngs,
        dtype: jnp.dtype = jnp.float32,
    ):
        require_kind("placement", placement, Placement)
        for spec in specs:
            require_kind("specs", spec, QuanvolutionSpec)
        self.shape = as_image_shape(shape)
        shapes = layer_shapes(self.shape, specs, placement)
        self.placement = placement
        self.specs = tuple(specs)
        self.detach_data = detach_data
        self.angles = nnx.List(
            [
                _angles(spec.angles_shape(before[0]), trainable, rngs, dtype)
                for spec, before in zip(specs, shapes, strict=False)
            ]
        )
        made = feature_shape(self.shape, specs, placement)
        self.head = DenseHead(math.prod(made), rngs=rngs, dtype=dtype) if head is None else head
        jax.eval_shape(self.head, jax.ShapeDtypeStruct((1, *made), dtype))  # a head that does not fit says so here

    def __call__(self, images: Images) -> Float[Array, "batch num_classes"]:
        """Class probabilities."""
        return jax.nn.softmax(self.scores(images))

    def layer_angles(self) -> list[Array]:
        """The angles of every layer, trainable or not."""
        return [one[...] for one in self.angles]

    def scores(self, images: Images, angles: Sequence[Array] | None = None) -> Float[Array, "batch num_classes"]:
        """Class scores, with the layers' own angles unless others are given."""
        return self.head(self.features(images, angles))

    def features(self, images: Images, angles: Sequence[Array] | None = None) -> Images:
        """What the layers make of the images.

        Raises:
            ValueError: images of another shape or, where it can be seen, not finite; what `quanvolve` raises.
        """
        images = as_images(images, self.shape)
        given = self.layer_angles() if angles is None else angles

        def one(image: Array) -> Array:
            return features(image, given, self.specs, self.placement, detach_data=self.detach_data)

        return jax.vmap(one)(images)


def mean_loss(
    model: ResQuNN, images: Images, labels: Int[Array, " batch"], angles: Sequence[Array] | None = None
) -> Float[Array, ""]:
    """The mean cross entropy of a batch, with the layers' own angles unless others are given.

    Raises:
        ValueError: labels out of range, where they can be seen; elsewhere the loss is `inf`.
    """
    images, labels = _examples(model, images, labels)
    return jax.vmap(cross_entropy)(model.scores(images, angles), labels).mean()


def gradient_access(model: ResQuNN, images: Images, labels: Int[Array, " batch"]) -> Float[Array, " layer"]:
    """Norms of the gradient of `mean_loss` in the angles of each quanvolutional layer: exactly 0 where none arrives.

    Frozen layers are looked at like trainable ones.

    Raises:
        ValueError: what `mean_loss` raises.
    """
    return _gradient_access(*nnx.split(model), *_examples(model, images, labels))


@partial(jax.jit, static_argnums=0)
def _gradient_access(graph: nnx.GraphDef[ResQuNN], state: nnx.State, images: Array, labels: Array) -> Array:
    model = nnx.merge(graph, state)
    gradient = jax.grad(lambda angles: mean_loss(model, images, labels, angles))(model.layer_angles())
    return jnp.stack([jnp.linalg.norm(one) for one in gradient])


def _examples(model: ResQuNN, images: Images, labels: Int[Array, " batch"]) -> tuple[Array, Array]:
    require_kind("model", model, ResQuNN)
    images = as_images(images, model.shape)
    count, num_classes = jax.eval_shape(model.scores, images).shape
    return images, require_labels(labels, num_classes, shape=(count,))


def _angles(shape: tuple[int, ...], trainable: bool, rngs: nnx.Rngs, dtype: jnp.dtype) -> nnx.Variable:
    drawn = jax.random.uniform(rngs.params(), shape, dtype, 0, 2 * math.pi)
    return nnx.Param(drawn) if trainable else Frozen(drawn)
