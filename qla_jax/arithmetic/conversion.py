r"""Between the two ways to hold numbers: in registers, digit by digit, and in amplitudes.

Digital to amplitudes: an index in uniform superposition reads its number from a memory, one qubit turns by it,
$$|i\rangle|x_i\rangle|0\rangle \mapsto |i\rangle|x_i\rangle\Bigl(\tfrac{x_i}{s}|0\rangle
+ \sqrt{1 - \tfrac{x_i^2}{s^2}}\,|1\rangle\Bigr),$$
and the number is read back. With $s = \max|x_i|$ the flagged amplitude is $\|x\|_2/(\|x\|_\infty\sqrt N)$.

Amplitudes to digital: an estimate of each amplitude, by whatever readout, rounded into the format.

Example:
    >>> format = Format(bits=8, fraction=4)
    >>> vec = amplitude_encode(encode(jnp.array([3.0, -1.0, 0.5, 2.0]), format))
    >>> vec.vector().tolist(), bool(jnp.allclose(vec.amplitude, jnp.sqrt(14.25) / (3 * jnp.sqrt(4))))
    ([3.0, -1.0, 0.5, 2.0], True)

References:
    Fault-tolerant quantum deep learning (2024), section II.3. https://arxiv.org/abs/2402.18940
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax.arithmetic.elementwise import relu
from qla_jax.arithmetic.formats import FixedPoint, Format, decode, encode
from qla_jax.arithmetic.layers import add_bias
from qla_jax.encodings import registers
from qla_jax.encodings.block import BlockEncoding
from qla_jax.encodings.checks import as_alpha, as_numeric, is_concrete, require, require_kind
from qla_jax.encodings.diagonal import ratio, rotate, rotate_back
from qla_jax.encodings.encoding import State
from qla_jax.encodings.gates import Gates, remembered
from qla_jax.encodings.vector import VectorEncoding

Readout = Callable[[Num[Array, " n"]], ArrayLike]
"""From amplitudes to estimates of them."""


class DigitalRotation(VectorEncoding, kw_only=True):
    """Hadamard gates on the index, then the rotation by the number read; its register is not simulated."""

    ratios: Num[Array, " system"]

    def apply(self, state: State) -> State:
        return rotate(self.ratios, _hadamard(state))

    def apply_adjoint(self, state: State) -> State:
        return _hadamard(rotate_back(self.ratios, state))

    def gates(self) -> Gates:
        return remembered(self.num_qubits)


def _hadamard(state: State) -> State:
    qubits = state.shape[1].bit_length() - 1
    grid = state.reshape(state.shape[0], *(2,) * qubits)
    for axis in range(1, qubits + 1):
        up, down = jnp.split(grid, 2, axis=axis)
        grid = jnp.concatenate([up + down, up - down], axis=axis)
    return grid.reshape(state.shape) / jnp.sqrt(jnp.asarray(state.shape[1], state.real.dtype))


def amplitude_encode(
    x: FixedPoint, *, scale: ArrayLike | None = None, target: ArrayLike | None = None
) -> DigitalRotation:
    r"""Numbers in registers to amplitudes: an $(s\sqrt N, 1, \epsilon)$-vector-encoding of x, padded to N = 2^n.

    Its `amplitude` is $\|x\|_2/(s\sqrt N)$. Gradients with respect to `scale` exist; x is made of integers.

    Args:
        x: of any shape; each axis becomes a register.
        scale: s, at least the largest |x_i|, which it is unless given. Inside jit one below gives `eps = inf`.
        target: the real vector that x stands for: then $\epsilon = \|x - target\|$, of quantisation and overflow.
            Without it x itself is encoded, exactly.

    Raises:
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
    scale, eps = as_alpha(scale, largest, "the largest |x|")
    if target is not None:
        target = as_numeric("target", target, ndim=jnp.ndim(target))
        require(target.shape == x.shape, f"`target` must have shape {x.shape}, but has shape {target.shape}.")
        eps = eps + jnp.linalg.norm(values - target.reshape(-1))
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


def digital_encode(vec: VectorEncoding, format: Format, *, readout: Readout) -> FixedPoint:
    r"""Amplitudes to numbers in registers: $\alpha$ times an estimate of each flagged amplitude, rounded.

    Args:
        vec: what is read out.
        format: of the numbers.
        readout: from the flagged amplitudes, `vec.vector() / vec.alpha`, to their estimates: amplitude estimation,
            tomography, or `lambda a: a` for an exact one. Its error, times alpha, is that of the numbers besides half
            of a last bit. It may close over a key; gradients end at the rounding in any case.

    Raises:
        ValueError: estimates of another shape, or complex ones.
    """
    require_kind("vec", vec, VectorEncoding)
    amplitudes = ratio(vec.vector(), vec.alpha)
    estimates = jnp.asarray(readout(amplitudes))
    fits = estimates.shape == amplitudes.shape
    require(fits, f"`readout` must give shape {amplitudes.shape}, but gives {estimates.shape}.")
    require(jnp.isrealobj(estimates), f"`readout` must give real numbers, but gives {estimates.dtype}.")
    return encode(vec.alpha * estimates, format)


def dense_layer(
    weight: BlockEncoding, vec: VectorEncoding, bias: FixedPoint, *, readout: Readout
) -> tuple[VectorEncoding, FixedPoint]:
    r"""A dense layer in the reference's four steps, $\mathrm{ReLU}(Wx + b)$: the state before transfer, the result.

    1. Linear algebra: `weight @ vec`, Lemma 2. 2. Transfer: each amplitude is estimated and written into a register.
    3. Arithmetic: the bias is added. 4. Arithmetic: ReLU. `amplitude_encode` takes the result to the next layer.

    Raises:
        ValueError: a bias that has not one number for each row, and what `digital_encode` raises.
    """
    product = weight @ vec
    digital = digital_encode(product, bias.format, readout=readout)
    return product, relu(add_bias(digital, bias))
