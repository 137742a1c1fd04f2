r"""Between the two ways to hold numbers: in registers, digit by digit, and in amplitudes.

Digital to amplitudes: an index in uniform superposition reads its number from a memory, one qubit turns by it,
$$|i\rangle|x_i\rangle|0\rangle \mapsto |i\rangle|x_i\rangle\Bigl(\tfrac{x_i}{s}|0\rangle
+ \sqrt{1 - \tfrac{x_i^2}{s^2}}\,|1\rangle\Bigr),$$
and the number is read back. With $s = \max|x_i|$ the flagged amplitude is $\|x\|_2/(\|x\|_\infty\sqrt N)$.

Amplitudes to digital: an estimate of each entry, by whatever readout, rounded into the format.

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

from qla_jax._checks import as_alpha, as_numeric, is_concrete, require, require_callable, require_kind
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
    """What a readout gives, as far as it is looked at here; its price goes back to the caller as it is."""

    @property
    def values(self) -> Array:
        """Estimates of the entries of a state, in its shape."""


Found = TypeVar("Found", bound=Estimates)
Given = TypeVar("Given", bound=Estimates, covariant=True)


class StateReader(Protocol[Given]):
    """The one interface of all readouts, by its shape: this room and that of measurements do not import each other."""

    def __call__(self, state: ArrayLike, /, *, key: Array) -> Given:
        """Read a tensor out; its norm is known."""


class DigitalRotation(VectorEncoding, kw_only=True):
    """Hadamard gates on the index, then the rotation by the number read; its register is not simulated."""

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
    r"""Numbers in registers to amplitudes: an $(s\sqrt N, 1, \epsilon)$-vector-encoding of x, padded to N = 2^n.

    Its `amplitude` is $\|x\|_2/(s\sqrt N)$. Gradients with respect to `scale` exist; x is made of integers.

    Args:
        x: of any shape; each axis becomes a register.
        scale: s, at least the largest |x_i|, which it is unless given. Inside jit one below gives `eps = inf`.
        target: the real vector that x stands for: then $\epsilon = \|x - target\|$, of quantization and overflow.
            Without it x itself is encoded, exactly.

    Raises:
        TypeError: not numbers in fixed point.
        ValueError: a flagged number without a `target`, the zero vector, a `scale` that is too small, or a `target` of
            another shape, where these can be seen.
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
    r"""Amplitudes to numbers in registers: an estimate of each entry of the encoded vector, rounded.

    What is read out is the state behind the success of `vec`, with its norm: values estimate x, bounds are absolute.
    Their queries are to the circuit of that state, of which each takes about $\frac\pi4$ of 1/`vec.amplitude` uses of
    `vec` and of its inverse, by amplitude amplification.

    Args:
        vec: what is read out.
        format: of the numbers.
        readout: any readout of the measurement room, such as `tomography(delta=0.01)` or `exact_readout()`.
        key: of all that is random in it.

    Returns:
        The numbers, in the shape `vec.sizes`, which are off by the error of the readout, half of a last bit, and what
        did not fit; and the readout itself: values, shots, queries, bounds. Gradients end at the rounding.

    Raises:
        TypeError: no vector encoding, no format, or a readout that gives no `values`.
        ValueError: values of another shape, or complex ones, and what the readout raises.
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
    r"""The reference's dense layer, $\mathrm{ReLU}(Wx + b)$: the state before the transfer, the result, the readout.

    Of the five steps of its section II.3.3 these are: 1. linear algebra, `weight @ vec`; 2. transfer, `digital_encode`;
    3. arithmetic, the bias is added; 4. arithmetic, ReLU. The fifth is that the state is ready to be read out; here
    `amplitude_encode` takes the result to the next layer.

    Raises:
        TypeError: a `weight` that is no block encoding, a `bias` that is not in fixed point.
        ValueError: a bias that has not one number for each row, and what `digital_encode` raises.
    """
    require_kind("weight", weight, BlockEncoding)
    require_kind("bias", bias, FixedPoint)
    product = weight @ vec
    digital, found = digital_encode(product, bias.format, readout=readout, key=key)
    return product, relu(add_bias(reshaped(digital, (-1,)), bias)), found
