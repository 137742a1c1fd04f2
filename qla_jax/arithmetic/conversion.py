r"""Conversion between numbers in registers, digit by digit, and numbers as amplitudes.

From registers to amplitudes, an index in uniform superposition reads its number from a memory, and the number rotates a
qubit,
$$|i\rangle|x_i\rangle|0\rangle \mapsto |i\rangle|x_i\rangle\Bigl(\tfrac{x_i}{s}|0\rangle
+ \sqrt{1 - \tfrac{x_i^2}{s^2}}\,|1\rangle\Bigr),$$
after which the read is undone. With $s = \max|x_i|$ the success amplitude is $\|x\|_2/(\|x\|_\infty\sqrt N)$.

From amplitudes to registers, any readout estimates each entry, and the estimates are rounded into the format.

Example:
    >>> format = Format(bits=8, fraction=4)
    >>> vec = amplitude_encode(encode(jnp.array([3.0, -1.0, 0.5, 2.0]), format))
    >>> vec.encoded.tolist(), bool(jnp.allclose(vec.amplitude, jnp.sqrt(14.25) / (3 * jnp.sqrt(4))))
    ([3.0, -1.0, 0.5, 2.0], True)

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section II.3. https://arxiv.org/abs/2402.18940
"""

from typing import Protocol, TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import as_alpha
from qla_jax._checks import as_numeric, is_concrete, require, require_callable, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, remembered
from qla_jax.arithmetic.elementwise import relu
from qla_jax.arithmetic.formats import FixedPoint, Format, decode, encode
from qla_jax.arithmetic.layers import add_bias, reshaped
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.matrices.diagonal import ratio, rotate, rotate_back
from qla_jax.linalg.hadamard import hadamard_on_all
from qla_jax.linalg.preparation import length


class Estimates(Protocol):
    """Result of a readout, as far as this room uses it; its price is passed on to the caller unchanged."""

    @property
    def values(self) -> Array:
        """Estimates of the entries of a state, in its shape."""


Found = TypeVar("Found", bound=Estimates)
Given = TypeVar("Given", bound=Estimates, covariant=True)


class StateReader(Protocol[Given]):
    """Interface of all readouts, given by its shape since this room and `measurement` do not import each other."""

    def __call__(self, state: ArrayLike, /, *, key: Array) -> Given:
        """Read a tensor out, whose norm is known."""


class DigitalRotation(VectorEncoding, kw_only=True):
    """Vector encoding by Hadamard gates on the index and a rotation by the number read.

    The register of the number is not simulated.
    """

    ratios: Num[Array, " system"]

    def apply(self, state: State) -> State:
        return rotate(self.ratios, hadamard_on_all(state))

    def apply_adjoint(self, state: State) -> State:
        return hadamard_on_all(rotate_back(self.ratios, state))

    def gates(self) -> Gates:
        return remembered(self.num_qubits)


@default_promotion
def amplitude_encode(
    x: FixedPoint, *, scale: ArrayLike | None = None, target: ArrayLike | None = None
) -> DigitalRotation:
    r"""Encode numbers in registers as amplitudes: an $(s\sqrt N, 1, \epsilon)$-vector-encoding of x, padded to N = 2^n.

    The success amplitude is $\|x\|_2/(s\sqrt N)$. The result is differentiable in `scale`, but not in x, which consists
    of integers.

    Args:
        x: numbers in fixed point; each axis becomes a register.
        scale: number s of at least the largest |x_i|, which is the default. Inside jit a smaller one gives `eps = inf`.
        target: real vector that x stands for; then the absolute error $\epsilon$ is $\|x - target\|$, from quantization
            and overflow. By default x itself is encoded, exactly.

    Raises:
        TypeError: not numbers in fixed point.
        ValueError: a flagged number without a `target`, the zero vector, a `scale` that is too small, or a `target` of
            another shape, where these can be seen.

    Example:
        >>> vec = amplitude_encode(encode(jnp.array([3.0, -1.0, 0.5, 2.0]), Format(bits=8, fraction=4)))
        >>> vec.encoded.tolist(), float(vec.alpha)  # 3 * sqrt(4)
        ([3.0, -1.0, 0.5, 2.0], 6.0)
    """
    require_kind("x", x, FixedPoint)
    values = decode(x).reshape(-1)
    if is_concrete(x.overflow) and target is None:
        flagged = int(np.asarray(x.overflow).sum())  # NumPy: concrete inside jit, too
        require(flagged == 0, f"`x` must fit its format, but {flagged} entries overflowed.")
    largest = jnp.abs(values).max()
    if is_concrete(largest):
        require(bool(largest > 0) or scale is not None, "`x` must not be the zero vector, but its largest |x| is 0.0.")
    scale, eps = as_alpha(scale, largest, "the largest |x|", name="scale")
    if target is not None:
        target = as_numeric("target", target, ndim=None)
        require(target.shape == x.shape, f"`target` must have shape {x.shape}, but has shape {target.shape}.")
        eps = eps + length(values - target.reshape(-1))
    else:
        eps = jnp.where(x.overflow.any(), jnp.inf, eps)
    qubits = registers.num_qubits(x.shape)
    return DigitalRotation(
        alpha=scale * jnp.sqrt(jnp.asarray(1 << qubits, values.dtype)),
        eps=eps,
        num_ancillas=1,
        num_qubits=qubits,
        encoded=values,
        sizes=x.shape,
        ratios=registers.embed(ratio(values, scale), x.shape, qubits),
    )


@default_promotion
def digital_encode(
    vec: VectorEncoding, format: Format, *, readout: StateReader[Found], key: Array
) -> tuple[FixedPoint, Found]:
    r"""Convert amplitudes to numbers in registers: estimate each entry of the encoded vector and round it.

    The readout measures the state of `vec` after success and knows its norm, so values estimate x and bounds are
    absolute. Queries of the readout are to the circuit of this state. By amplitude amplification each query takes about
    $\frac\pi4$ of 1/`vec.amplitude` uses of `vec` and its inverse.

    Args:
        vec: vector encoding to read out.
        format: format of the numbers.
        readout: any readout of `qla_jax.measurement`, such as `tomography(delta=0.01)` or `exact_readout()`.
        key: random key of the readout.

    Returns:
        The numbers, in the shape `vec.sizes`, and the result of the readout with values, shots, queries and bounds. The
        error of a number is that of the readout plus half of a last bit, except where it did not fit. Gradients end at
        the rounding.

    Raises:
        TypeError: no vector encoding, no format, or a readout that gives no `values`.
        ValueError: values of another shape, or complex ones, and what the readout raises.

    Example:
        >>> vec = qla.vector_encode(jnp.array([3.0, -1.0]))
        >>> numbers, _ = digital_encode(
        ...     vec, Format(bits=8, fraction=4), readout=qla.exact_readout(), key=jax.random.key(0)
        ... )
        >>> decode(numbers).tolist()
        [3.0, -1.0]
    """
    require_kind("vec", vec, VectorEncoding)
    require_kind("format", format, Format)
    require_callable("readout", readout)
    found = readout(vec.encoded.reshape(vec.sizes), key=key)
    if not hasattr(found, "values") or callable(found.values):
        raise TypeError(f"`readout` must give a Readout with its `values`, but gives {type(found).__name__}.")
    values = jnp.asarray(found.values)
    require(values.shape == vec.sizes, f"`readout` must give shape {vec.sizes}, but gives {values.shape}.")
    require(jnp.isrealobj(values), f"`readout` must give real numbers, but gives {values.dtype}.")
    return encode(values, format), found


@default_promotion
def dense_layer(
    weight: BlockEncoding, vec: VectorEncoding, bias: FixedPoint, *, readout: StateReader[Found], key: Array
) -> tuple[VectorEncoding, FixedPoint, Found]:
    r"""Apply the dense layer $\mathrm{ReLU}(Wx + b)$ of the reference, with a readout in between.

    The reference's section II.3.3 has five steps. Steps 1 to 4 are linear algebra, `weight @ vec`; transfer,
    `digital_encode`; addition of the bias; and ReLU. In step 5 the state is ready to be measured; instead,
    `amplitude_encode` of the result is the input of the next layer.

    Args:
        weight: block encoding of W.
        vec: vector encoding of x.
        bias: bias b in fixed point, one number for each row.
        readout: readout of the transfer, see `digital_encode`.
        key: random key of the readout.

    Returns:
        The vector encoding of Wx before the transfer, the numbers after ReLU, and the result of the readout.

    Raises:
        TypeError: a `weight` that is no block encoding, a `bias` that is not in fixed point.
        ValueError: a bias that has not one number for each row, and what `digital_encode` raises.

    Example:
        >>> weight, vec = (
        ...     qla.block_encode(jnp.array([[1.0, 0.0], [0.0, -1.0]])),
        ...     qla.vector_encode(jnp.array([3.0, 1.0])),
        ... )
        >>> bias = encode(jnp.array([0.5, 0.5]), Format(bits=8, fraction=4))
        >>> _, result, _ = dense_layer(weight, vec, bias, readout=qla.exact_readout(), key=jax.random.key(0))
        >>> decode(result).tolist()
        [3.5, 0.0]
    """
    require_kind("weight", weight, BlockEncoding)
    require_kind("bias", bias, FixedPoint)
    product = weight @ vec
    digital, found = digital_encode(product, bias.format, readout=readout, key=key)
    return product, relu(add_bias(reshaped(digital, (-1,)), bias)), found
