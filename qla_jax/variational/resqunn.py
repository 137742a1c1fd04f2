r"""Quanvolutional layers with residual connections, sizes matched by zeros.

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
    """The paper's layers: depth 4 and then 1 where there are two. Three on 28 x 28 need `pad`: 7 x 7 is odd."""
    return tuple(quanvolution_spec(depth=depth, pad=pad) for depth in as_integers("depths", depths, least=1))


def features(
    image: Image,
    angles: Sequence[Array],
    specs: Sequence[QuanvolutionSpec],
    placement: Placement,
    *,
    detach_data: bool = False,
) -> Image:
    """What the layers make of one image.

    Args:
        image: shape (channel, row, column), entries in radians.
        angles: for each layer, of shape `spec.angles_shape`.
        specs: the layers.
        placement: their residual connections.
        detach_data: whether derivatives stop at every layer's input, as where data are encoded anew without a
            gradient; sums pass them on. The value is the same.

    Raises:
        ValueError: unequal numbers of layers, or what `quanvolve` raises.
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
    """The sum of two images, zeros behind the last channels, rows and columns of the smaller ones."""
    shape = [max(sizes) for sizes in zip(first.shape, second.shape, strict=True)]
    padded = [
        jnp.pad(one, [(0, size - have) for size, have in zip(shape, one.shape, strict=True)]) for one in (first, second)
    ]
    first, second = promoted(*padded)
    return first + second


def layer_shapes(shape: Shape, specs: Sequence[QuanvolutionSpec], placement: Placement) -> list[Shape]:
    """Shapes of X and of what is passed on behind every layer.

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
    """The shape of `features` for images of such a shape: the last of `layer_shapes`."""
    return layer_shapes(shape, specs, placement)[-1]


def _require_layers(specs: int, placement: Placement, angles: int) -> None:
    require_kind("placement", placement, Placement)
    same = specs == placement.num_layers == angles
    told = f"{specs} `specs`, {angles} `angles`, and {placement.num_layers} layers in `placement`"
    require(same, f"`specs`, `angles` and `placement` must be of as many layers, but there are {told}.")
