"""Quanvolutional networks with residual connections, where zeros match the sizes of images.

Example:
    >>> from qla_jax.variational.placements import placement
    >>> specs = (quanvolution_spec(depth=4), quanvolution_spec())
    >>> feature_shape((1, 28, 28), specs, placement("O1+O2", 2))
    (1, 14, 14)

References:
    Kashif, Shafique (2024), ResQuNNs, Table 2. https://arxiv.org/abs/2402.09146
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax._checks import as_inexact, as_integers, as_tuple, require, require_kind
from qla_jax._modes import promoted
from qla_jax.variational.placements import Placement
from qla_jax.variational.quanvolution import Image, QuanvolutionSpec, quanvolution_spec, quanvolve

Shape = tuple[int, int, int]


def resqunn_specs(depths: Sequence[int] = (4, 1), *, pad: bool = False) -> tuple[QuanvolutionSpec, ...]:
    """Return the settings of the paper's layers: depth 4 and then 1 where there are two layers.

    Three layers on 28 x 28 images need `pad`, since sides of 7 are odd.

    Args:
        depths: number of depth units of each layer.
        pad: whether images are padded by zeros until the stride fits.

    Example:
        >>> [spec.depth for spec in resqunn_specs()]
        [4, 1]
    """
    return tuple(quanvolution_spec(depth=depth, pad=pad) for depth in as_integers("depths", depths, least=1))


def features(
    image: Image,
    angles: Sequence[Array],
    specs: Sequence[QuanvolutionSpec],
    placement: Placement,
    *,
    detach_data: bool = False,
) -> Image:
    """Return the features that quanvolutional layers with residual connections compute from one image.

    Args:
        image: image of shape (channel, row, column), entries in radians.
        angles: parameters of each layer, of shape `spec.angles_shape(channels)`.
        specs: settings of the layers.
        placement: residual connections of the layers.
        detach_data: whether derivatives stop at every layer's input, as where data are encoded anew without a gradient;
            sums pass them on. The value is the same.

    Raises:
        ValueError: unequal numbers of layers, or what `quanvolve` raises.

    Example:
        >>> from qla_jax.variational import placement
        >>> specs = resqunn_specs((1, 1))
        >>> angles = [jnp.zeros((1, 1, 4))] * 2
        >>> features(jnp.ones((1, 4, 4)), angles, specs, placement("O1+O2", 2)).round(3).tolist()
        [[[1.182, 0.269], [0.269, 0.269]]]
    """
    specs, angles = as_tuple("specs", specs, QuanvolutionSpec), as_tuple("angles", angles, object)
    _require_layers(len(specs), placement, len(angles))
    passed = [as_inexact("image", image)]
    for spec, angle, sources in zip(specs, angles, placement.sources, strict=True):
        data = jax.lax.stop_gradient(passed[-1]) if detach_data else passed[-1]
        total = quanvolve(data, angle, spec)
        for source in sources:
            total = add_padded(total, passed[source])
        passed.append(total)
    return passed[-1]


def add_padded(first: Image, second: Image) -> Image:
    """Add two images, with zeros after the last channels, rows and columns of the smaller one.

    Args:
        first: image of shape (channel, row, column).
        second: image of shape (channel, row, column).
    """
    shape = [max(sizes) for sizes in zip(first.shape, second.shape, strict=True)]
    padded = [
        jnp.pad(one, [(0, size - have) for size, have in zip(shape, one.shape, strict=True)]) for one in (first, second)
    ]
    first, second = promoted(*padded)
    return first + second


def layer_shapes(shape: Shape, specs: Sequence[QuanvolutionSpec], placement: Placement) -> list[Shape]:
    """Return the shapes of the input and of the sums that the layers pass on.

    Args:
        shape: shape (channel, row, column) of an image.
        specs: settings of the layers.
        placement: residual connections of the layers.

    Raises:
        ValueError: unequal numbers of layers, or sides that a stride does not fit.
    """
    specs = as_tuple("specs", specs, QuanvolutionSpec)
    _require_layers(len(specs), placement, len(specs))
    channels, rows, columns = as_integers("shape", shape, least=1)
    passed = [(channels, rows, columns)]
    for spec, sources in zip(specs, placement.sources, strict=True):
        together = [spec.output_shape(passed[-1]), *(passed[source] for source in sources)]
        passed.append((max(s[0] for s in together), max(s[1] for s in together), max(s[2] for s in together)))
    return passed


def feature_shape(shape: Shape, specs: Sequence[QuanvolutionSpec], placement: Placement) -> Shape:
    """Return the shape of `features` for images of a given shape, the last of `layer_shapes`.

    Args:
        shape: shape (channel, row, column) of an image.
        specs: settings of the layers.
        placement: residual connections of the layers.

    Example:
        >>> from qla_jax.variational import placement
        >>> feature_shape((1, 28, 28), resqunn_specs(), placement("O1+O2", 2))
        (1, 14, 14)
    """
    return layer_shapes(shape, specs, placement)[-1]


def _require_layers(specs: int, placement: Placement, angles: int) -> None:
    require_kind("placement", placement, Placement)
    same = specs == placement.num_layers == angles
    told = f"{specs} `specs`, {angles} `angles`, and {placement.num_layers} layers in `placement`"
    require(same, f"`specs`, `angles` and `placement` must be of as many layers, but there are {told}.")
