"""Quanvolutional networks with residual connections as Flax NNX modules.

A quanvolutional layer runs one circuit on every patch of an image. The expectation values are the channels of a smaller
image. `gradient_access` measures which layers a gradient reaches.

References:
    Henderson, Shakya, Pradhan, Cook (2019), Quanvolutional neural networks. https://arxiv.org/abs/1904.04767
    Kashif, Shafique (2024), ResQuNNs. https://arxiv.org/abs/2402.09146
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
from qla_jax.linalg.products import FULL, PrecisionLike, as_precision
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
    """Variable for numbers that are drawn like parameters but not trained, such as the angles of a frozen layer.

    Filters by `nnx.Param` skip a frozen variable, so no optimizer changes it and `count_parameters` leaves it out.

    Example:
        >>> from qla_jax.variational import quanvolution_spec
        >>> layer = Quanvolution(quanvolution_spec(), trainable=False, rngs=nnx.Rngs(0))
        >>> isinstance(layer.angles, Frozen), len(jax.tree.leaves(nnx.state(layer, nnx.Param)))
        (True, 0)

    References:
        Kashif, Shafique (2024), ResQuNNs: frozen and trainable layers. https://arxiv.org/abs/2402.09146
    """


class Quanvolution(nnx.Module):
    """Quanvolutional layer: one circuit on every patch of an image, the expectation values as channels.

    Args:
        spec: patch, stride, encoding, ansatz and depth of the layer.
        image_channels: channels of an input image.
        trainable: whether the angles are trained; otherwise they are drawn once and kept.
        detach_data: whether gradients stop at the layer's input.
        rngs: random streams of the angles, uniform in [0, 2 pi).
        dtype: precision of the angles.

    Raises:
        TypeError: a `spec` of another kind.
        ValueError: channels that are not an integer of at least 1.

    Example:
        >>> from qla_jax.variational import quanvolution_spec
        >>> layer = Quanvolution(quanvolution_spec(), rngs=nnx.Rngs(0))
        >>> jax.eval_shape(layer, jnp.ones((2, 1, 8, 8))).shape  # one channel: the mean over the four qubits
        (2, 1, 4, 4)

    References:
        Henderson, Shakya, Pradhan, Cook (2019), Quanvolutional neural networks. https://arxiv.org/abs/1904.04767
        Kashif, Shafique (2024), ResQuNNs, equations (1) to (9). https://arxiv.org/abs/2402.09146
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
        """Return the expectation values of each image as an image with one channel per measured observable.

        Raises:
            ValueError: images of another number of channels, or sides that the stride does not fit; entries that are
                not finite, unless the images are traced.
        """
        images = as_images(images, (self.image_channels, None, None))
        images = jax.lax.stop_gradient(images) if self.detach_data else images
        return jax.vmap(lambda image: quanvolve(image, self.angles[...], self.spec))(images)


class DenseHead(nnx.Module):
    """Classical head of a quanvolutional network: one linear layer from the flattened features to class scores.

    Args:
        size: number of features.
        num_classes: number of classes.
        rngs: random streams of the parameters.
        dtype: precision of the parameters.
        precision: precision of the products, such as "tensorfloat32"; all bits of float32 unless given.

    Raises:
        ValueError: a size that is not an integer of at least 1, or a precision that is none of JAX.

    Example:
        >>> head = DenseHead(16, 3, rngs=nnx.Rngs(0))
        >>> head(jnp.ones((5, 4, 2, 2))).shape
        (5, 3)

    References:
        Kashif, Shafique (2024), ResQuNNs, Table 2. https://arxiv.org/abs/2402.09146
    """

    def __init__(
        self,
        size: int,
        num_classes: int = 10,
        *,
        rngs: nnx.Rngs,
        dtype: jnp.dtype = jnp.float32,
        precision: PrecisionLike = FULL,
    ):
        precision = as_precision("precision", precision)
        size, num_classes = as_sizes(size=size, num_classes=num_classes)
        self.size = size
        self.linear = nnx.Linear(size, num_classes, precision=precision, rngs=rngs, param_dtype=dtype)

    def __call__(self, features: Images) -> Float[Array, "batch num_classes"]:
        """Return the class scores of each item, shape (batch, num_classes).

        Raises:
            ValueError: features without a batch axis, or of another size.
        """
        return self.linear(as_rows("features", features, size=self.size))


class QuantumHead(nnx.Module):
    """Quantum head of a quanvolutional network: a circuit on the features as amplitudes, one measured qubit per class.

    A class score is the expectation value of Z of a qubit, between -1 and 1.

    Args:
        num_classes: number of classes, at most the number of qubits.
        num_qubits: number of qubits n; an item has at most 2^n features.
        depth: number of units of RY rotations and linear entanglement.
        rngs: random streams of the angles, uniform in [0, 2 pi).
        dtype: precision of the angles.

    Raises:
        ValueError: a size that is not an integer of at least 1, or more classes than qubits.

    Example:
        >>> head = QuantumHead(2, num_qubits=4, rngs=nnx.Rngs(0))
        >>> head(jnp.ones((5, 4, 2, 2))).shape
        (5, 2)

    References:
        Kashif, Shafique (2024), ResQuNNs, equations (15) and (16). https://arxiv.org/abs/2402.09146
    """

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
        """Return the class scores of each item, shape (batch, num_classes).

        An item whose features are all zero has no state, and its scores are zero.

        Raises:
            ValueError: features without a batch axis, or more features than amplitudes.
        """
        rows = as_rows("features", features, most=1 << self.angles.shape[2])
        return jax.vmap(lambda one: quantum_readout(one, self.angles[...], num_classes=self.num_classes))(rows)


class ResQuNN(nnx.Module):
    """Residual quanvolutional network: quanvolutional layers with residual connections, a head, softmax.

    Args:
        shape: shape of an image, (channels, rows, columns).
        placement: placement of the residual connections, for as many layers as `specs`.
        specs: specifications of the quanvolutional layers, in order.
        head: module from features to class scores; a `DenseHead` of ten classes unless given.
        trainable: whether the angles of the quanvolutional layers are trained; those of the head are trained anyway.
        detach_data: whether gradients stop at the input of every quanvolutional layer.
        rngs: random streams of all angles and weights.
        dtype: precision of all angles and weights.

    Raises:
        TypeError: a placement or a specification of another kind.
        ValueError: sides that a stride does not fit, a placement for another number of layers, or a head that the
            features do not fit.

    Example:
        >>> from qla_jax.variational import placement, resqunn_specs
        >>> net = ResQuNN((1, 28, 28), placement("O1+O2", 2), resqunn_specs(), rngs=nnx.Rngs(0))
        >>> jax.eval_shape(net, jnp.ones((2, 1, 28, 28))).shape
        (2, 10)

    References:
        Kashif, Shafique (2024), ResQuNNs, Table 2. https://arxiv.org/abs/2402.09146
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
        jax.eval_shape(self.head, jax.ShapeDtypeStruct((1, *made), dtype))  # raises for a head that does not fit

    def __call__(self, images: Images) -> Float[Array, "batch num_classes"]:
        """Return the class probabilities of each image, shape (batch, num_classes)."""
        return jax.nn.softmax(self.scores(images))

    def layer_angles(self) -> list[Array]:
        """Return the angles of every quanvolutional layer, trainable or frozen."""
        return [one[...] for one in self.angles]

    def scores(self, images: Images, angles: Sequence[Array] | None = None) -> Float[Array, "batch num_classes"]:
        """Return the class scores of each image, shape (batch, num_classes).

        Args:
            images: batch of images.
            angles: angles of the quanvolutional layers; those of the module unless given.
        """
        return self.head(self.features(images, angles))

    def features(self, images: Images, angles: Sequence[Array] | None = None) -> Images:
        """Return the output of the last residual sum or layer for each image, which is the input of the head.

        Args:
            images: batch of images.
            angles: angles of the quanvolutional layers; those of the module unless given.

        Raises:
            ValueError: images of another shape, or angles of another shape; entries that are not finite, unless the
                images are traced.
        """
        images = as_images(images, self.shape)
        given = self.layer_angles() if angles is None else angles

        def one(image: Array) -> Array:
            return features(image, given, self.specs, self.placement, detach_data=self.detach_data)

        return jax.vmap(one)(images)


def mean_loss(
    model: ResQuNN, images: Images, labels: Int[Array, " batch"], angles: Sequence[Array] | None = None
) -> Float[Array, ""]:
    r"""Return the mean cross entropy of a quanvolutional network over a batch of labeled images.

    Args:
        model: the network.
        images: batch of images.
        labels: class of each image.
        angles: angles of the quanvolutional layers; those of the model unless given.

    Returns:
        The mean of $-\log p$ with p the probability of the right class; `inf` for traced labels out of range.

    Raises:
        ValueError: labels out of range, unless they are traced.

    Example:
        >>> from qla_jax.variational import placement, resqunn_specs
        >>> net = ResQuNN((1, 4, 4), placement("none", 1), resqunn_specs((1,)), rngs=nnx.Rngs(0))
        >>> mean_loss(net, jnp.ones((2, 1, 4, 4)), jnp.array([3, 7])).shape
        ()

    References:
        Kashif, Shafique (2024), ResQuNNs. https://arxiv.org/abs/2402.09146
    """
    images, labels = _examples(model, images, labels)
    return jax.vmap(cross_entropy)(model.scores(images, angles), labels).mean()


def gradient_access(model: ResQuNN, images: Images, labels: Int[Array, " batch"]) -> Float[Array, " layer"]:
    """Return the norm of the gradient of `mean_loss` in the angles of each quanvolutional layer.

    The norm is exactly 0 for a layer that no gradient reaches. Frozen layers are treated like trainable ones.

    Args:
        model: the network.
        images: batch of images.
        labels: class of each image.

    Returns:
        The Euclidean norms, one per quanvolutional layer.

    Raises:
        ValueError: labels out of range, unless they are traced.

    Example:
        >>> from qla_jax.variational import placement, resqunn_specs
        >>> net = ResQuNN((1, 4, 4), placement("none", 1), resqunn_specs((1,)), rngs=nnx.Rngs(0))
        >>> bool(gradient_access(net, jnp.ones((2, 1, 4, 4)), jnp.array([3, 7]))[0] > 0)
        True

    References:
        Kashif, Shafique (2024), ResQuNNs: gradient accessibility. https://arxiv.org/abs/2402.09146
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
