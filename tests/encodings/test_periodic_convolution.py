"""The layer on a torus: its matrix by rolling images, and an alpha that wastes nothing."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from qla_jax.encodings.base.block import block, embed, postselect
from qla_jax.encodings.matrices.periodic_convolution import block_encode_periodic_convolution
from tests.cases import cplx, nearby, norm2, positions, real, slope

KERNELS = {
    "one channel": (real(1, 1, 3, 3), (4, 4)),
    "unequal channels and sides": (real(2, 3, 3, 2), (2, 4)),
    "complex": (cplx(3, 1, 2, 3), (4, 2)),
    "taps that coincide on the torus": (real(2, 2, 5, 3), (2, 1)),
    "one frequency": (cplx(2, 3, 1, 1), (1, 1)),
    "zero": (np.zeros((1, 1, 3, 3)), (2, 2)),
}


def rolled(kernel: np.ndarray, image: tuple[int, int]) -> np.ndarray:
    """The matrix of y[i] = sum K[i, j, k, m] (x[j] rolled so that tap (k, m) comes to its place)."""
    middle = [(taps - 1) // 2 for taps in kernel.shape[2:]]
    basis = np.eye(kernel.shape[1] * image[0] * image[1]).reshape(-1, kernel.shape[1], *image)
    out = np.zeros((len(basis), kernel.shape[0], *image), kernel.dtype)
    for i, j, k, m in np.ndindex(kernel.shape):
        out[:, i] += kernel[i, j, k, m] * np.roll(basis[:, j], (middle[0] - k, middle[1] - m), axis=(1, 2))
    return out.reshape(len(basis), -1).T


@functools.partial(jax.jit, static_argnums=1)
def views(kernel: Array, image: tuple[int, int]) -> tuple:
    enc = block_encode_periodic_convolution(kernel, image)
    columns, rows = jnp.eye(enc.shape[1]), jnp.eye(enc.shape[0])
    forward = jax.vmap(lambda x: enc.apply(embed(enc, x))[0], out_axes=1)(columns)
    backward = jax.vmap(lambda y: enc.apply_adjoint(embed(enc.replace(domain=enc.codomain), y))[0], out_axes=1)(rows)
    return enc, forward, backward, block(enc), jax.vmap(enc.rmatvec, out_axes=1)(rows)


@pytest.mark.numerics
@pytest.mark.parametrize(("kernel", "image"), KERNELS.values(), ids=KERNELS)
@pytest.mark.sample(3)
def test_the_circuit_and_the_encoded_view_are_the_circular_correlation(kernel, image, tol):
    (enc, *found), dense = views(kernel, image), rolled(kernel, image)
    forward, backward, encoded, adjoint = map(np.asarray, found)
    np.testing.assert_allclose(enc.alpha, norm2(dense), rtol=tol("exact", factor=10), atol=0)
    assert (enc.num_ancillas, enc.eps, enc.norm_bound) == (1, 0, enc.alpha)
    atol = tol("rounding", factor=max(1.0, norm2(dense)))
    for found, oracle, sizes in ((forward, dense, enc.codomain), (backward, dense.conj().T, enc.domain)):
        placed = np.zeros((1 << enc.num_qubits, oracle.shape[1]), complex)
        placed[positions(sizes)] = oracle
        np.testing.assert_allclose(enc.alpha * found, placed, rtol=0, atol=atol)
    np.testing.assert_allclose(encoded, dense, rtol=0, atol=atol)
    np.testing.assert_allclose(adjoint, dense.conj().T, rtol=0, atol=atol)


X, LEFT = cplx(8), cplx(4)


@jax.jit
@jax.jacrev
def slopes(kernel: Array) -> tuple:
    enc = block_encode_periodic_convolution(kernel, (2, 2))
    x = jnp.asarray(X)
    return jnp.vdot(LEFT, postselect(enc, x) + 2 * enc.matvec(x)).real, enc.alpha


DELTA = np.zeros((1, 2, 3, 3))
DELTA[:, :, 1, 1] = 1


@pytest.mark.numerics
@pytest.mark.parametrize("kernel", [real(1, 2, 3, 3), 0 * DELTA, DELTA], ids=["generic", "zero", "one tap"])
def test_gradients_are_those_of_the_layer_at_degenerate_symbols_too(kernel, tol):
    gradient, slope_of_alpha = slopes(jnp.asarray(kernel))
    assert np.isfinite(slope_of_alpha).all()
    step = nearby(kernel, by=1.0, only_direction=True)
    reference = 3 * np.vdot(LEFT, rolled(step, (2, 2)) @ X).real
    assert abs(slope(gradient, step) - reference) <= tol("gradient", factor=max(1, abs(reference)))


def test_real_kernels_keep_real_images_real():
    def image(kernel, x):
        return block_encode_periodic_convolution(kernel, (2, 2)).matvec(x)

    kernel, x = jnp.ones((1, 1, 3, 3)), jnp.ones(4)
    assert jnp.isrealobj(jax.eval_shape(image, kernel, x))
    assert jnp.iscomplexobj(jax.eval_shape(image, kernel, 1j * x))
    assert jnp.iscomplexobj(jax.eval_shape(image, 1j * kernel, x))


@pytest.mark.parametrize("image", [(3, 4), (4, 0), (4, 6)])
def test_sides_that_are_not_powers_of_two_raise(image):
    with pytest.raises(
        ValueError, match=r"`image` must (have power-of-two sides|be .rows, columns., both positive), but is"
    ):
        block_encode_periodic_convolution(real(1, 1, 3, 3), image)
