r"""Claims about Lemma 5: the convolution, its norm, and the cost of a subnormalization of 2.

Matrices are built from shifts as in the paper, $C = \sum K_{ijkl}|i\rangle\langle j| \otimes Q^k \otimes Q^l$, on
images in (channel, row, column) order.

References:
    Rattew et al. (2025), Lemmas B.14 to B.17 and Lemma 5. https://arxiv.org/abs/2510.07195
"""

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, FROM_TWO, Instance, Sides, claim
from qla_jax.claims.engine.instances import projected, unit_vector
from qla_jax.claims.engine.parts import spectral
from qla_jax.encodings.base.block import embed, postselect
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.linalg.norms import convolution_norm_bound
from qla_jax.linalg.products import matmul
from qla_jax.transforms.amplification import oblivious_amplification

CHANNELS, TAPS = 2, 2


def kernel_of_two(side: int, *, key: Array) -> Instance:
    """Draw a kernel of two channels and 2 x 2 taps, and an image.

    Args:
        side: side of the image.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    taps = unit_vector(CHANNELS**2 * TAPS**2, key=first)
    return {
        "kernel": taps.reshape(CHANNELS, CHANNELS, TAPS, TAPS),
        "image": unit_vector(CHANNELS * side**2, key=second).reshape(CHANNELS, side, side),
    }


def _onto_unit(kernel: Array) -> Array:
    return kernel / jnp.linalg.norm(kernel.reshape(-1))


onto_kernel = projected(kernel=_onto_unit)


def _shift(side: int, steps: int) -> Array:
    """Return a power of Q, which shifts down or right by so many steps; entries that leave are lost."""
    return jnp.eye(side, k=-steps)


def matrix_of(kernel: Array, side: int) -> Array:
    """Return the convolution C as a matrix, as the paper writes it.

    Args:
        kernel: kernel of shape (C_out, C_in, rows, columns).
        side: side of the image.
    """
    channels, inputs, rows, columns = kernel.shape
    total = jnp.zeros((channels * side**2, inputs * side**2))
    for k in range(rows):
        for l in range(columns):
            shifts = jnp.kron(_shift(side, k), _shift(side, l))
            total += jnp.kron(kernel[:, :, k, l], shifts)
    return total


def _side(instance: Instance) -> int:
    return instance["image"].shape[-1]


@claim(
    source="Rattew et al. (2025), Lemma 5",
    statement="The circuit encodes the zero-padded convolution exactly.",
    formula=r"\alpha\langle 0|U|0\rangle = \textstyle\sum K_{ijkl}|i\rangle\langle j| \otimes Q^k \otimes Q^l",
    relation="==",
    draw=kernel_of_two,
    sizes=(2, 4),
    over=FROM_TWO,
)
def convolution_circuit(instance: Instance) -> Sides:
    """The circuit is simulated with every ancilla on one image.

    The measured quantity is the largest difference of an entry.
    """
    kernel, side = instance["kernel"], _side(instance)
    x = instance["image"].reshape(-1)
    found = postselect(block_encode_convolution(kernel, (side, side), padding="top-left"), x)
    return Sides(jnp.abs(found - matmul(matrix_of(kernel, side), x)).max(), jnp.zeros(()))


@claim(
    source="derived, for Lemma 5",
    statement="The flagged part of the circuit's state is the convolved image over the 1-norm of the kernel, which is "
    "its alpha.",
    formula=r"\|\langle 0|U|0\rangle x\| = \|Cx\|/\|K\|_1",
    relation="==",
    draw=kernel_of_two,
    sizes=(2, 4),
    over=FROM_TWO,
)
def convolution_alpha(instance: Instance) -> Sides:
    """The circuit is simulated with every ancilla and without any amplification. The matrix is built from shifts."""
    kernel, side, x = instance["kernel"], _side(instance), instance["image"].reshape(-1)
    enc = block_encode_convolution(kernel, (side, side), padding="top-left")
    flagged = enc.apply(embed(enc, x))[0]
    return Sides(jnp.linalg.norm(flagged) * jnp.abs(kernel).sum(), jnp.linalg.norm(matmul(matrix_of(kernel, side), x)))


@claim(
    source="derived, for Lemma 5",
    statement="The norm of the convolution is at most the maximum norm of its symbol.",
    formula=r"\|C\| \le \max_{\theta,\phi}\|\hat K(\theta,\phi)\|",
    draw=kernel_of_two,
    sizes=(2, 4),
    project=onto_kernel,
    over=FROM_TWO,
)
def convolution_norm_by_symbol(instance: Instance) -> Sides:
    """The bound is certified by the package.

    It is a maximum over a torus in which the image has room, by Gram iteration.
    """
    kernel, side = instance["kernel"], _side(instance)
    return Sides(spectral(matrix_of(kernel, side)), convolution_norm_bound(kernel, (side, side)))


@claim(
    source="derived, for Lemma 5",
    statement="The symbol is at most the 1-norm of the kernel.",
    formula=r"\max_{\theta,\phi}\|\hat K(\theta,\phi)\| \le \|K\|_1",
    draw=kernel_of_two,
    sizes=(2, 4),
    project=onto_kernel,
    over=FROM_TWO,
)
def symbol_by_one_norm(instance: Instance) -> Sides:
    """The maximum is taken over the frequencies of the torus."""
    kernel, side = instance["kernel"], _side(instance)
    frequencies = jnp.fft.fft2(kernel, s=(side + TAPS - 1,) * 2)
    norms = jnp.linalg.norm(jnp.moveaxis(frequencies, (0, 1), (-2, -1)), 2, axis=(-2, -1))
    return Sides(norms.max(), jnp.abs(kernel).sum())


@claim(
    source="derived, for Lemma 5",
    statement="The gain that amplification needs is at most C^1.5 D / 2.",
    formula=r"\|K\|_1/\|C\| \le C^{3/2}D,\ \text{images of at least } D \times D \text{ pixels}",
    draw=kernel_of_two,
    sizes=(2, 4),
    project=onto_kernel,
    over=range(TAPS, 1 << 30),
)
def amplification_gain(instance: Instance) -> Sides:
    """The proof uses the Cauchy-Schwarz inequality and a column of the matrix with all taps of one input channel.

    A smaller image has no room for all taps: no column holds them, and the ratio is unbounded.
    """
    kernel, side = instance["kernel"], _side(instance)
    gain = jnp.abs(kernel).sum() / spectral(matrix_of(kernel, side))
    return Sides(gain, jnp.asarray(CHANNELS**1.5 * TAPS))


def channel_mix(channels: int, *, key: Array) -> Instance:
    """Draw a kernel with one tap.

    Args:
        channels: number of channels.
        key: random key of the draw.
    """
    return {"kernel": _onto_unit(jax.random.normal(key, (channels, channels, 1, 1)))}


@claim(
    source="negative control; Rattew et al. (2025), Lemma 5",
    statement="The gain would be at most C D. A Hadamard matrix over the channels needs C^1.5.",
    formula=r"\|K\|_1/\|C\| \le CD",
    draw=channel_mix,
    sizes=(2, 4, 8),
    over=EVERY_SIZE,
    project=projected(kernel=_onto_unit),
    expected_to_hold=False,
)
def amplification_gain_as_published(instance: Instance) -> Sides:
    """The kernel has one tap, and the image is arbitrary.

    The violation grows like the square root of C, so no constant helps.
    """
    kernel = instance["kernel"]
    return Sides(jnp.abs(kernel).sum() / spectral(kernel[:, :, 0, 0]), jnp.asarray(float(len(kernel))))


@claim(
    source="Rattew et al. (2025), Lemma B.15",
    statement="Oblivious amplification of half the shift gives the shift: T_3(1/2) = -1.",
    formula=r"T_3(Q/2) = -Q",
    relation="==",
    draw=kernel_of_two,
    sizes=(2, 4, 8),
    over=EVERY_SIZE,
)
def amplified_shift(instance: Instance) -> Sides:
    """The circuit is the package's amplification of Q at alpha = 2, simulated with every ancilla.

    The measured quantity is the largest difference of an entry.
    """
    shift = _shift(_side(instance), 1)
    enc = oblivious_amplification(block_encode(shift, alpha=2.0), order=3)
    found = jax.vmap(postselect, in_axes=(None, 0), out_axes=1)(enc, jnp.eye(len(shift)))
    return Sides(jnp.abs(found - shift).max(), jnp.zeros(()))


CLAIMS = (
    convolution_circuit,
    convolution_alpha,
    convolution_norm_by_symbol,
    symbol_by_one_norm,
    amplification_gain,
    amplification_gain_as_published,
    amplified_shift,
)
