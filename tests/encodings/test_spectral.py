"""Certified norm bounds: never below the norm, not far above it, with the gradient of the bound itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.test_util import check_grads

from qla_jax.linalg.norms import convolution_norm_bound, spectral_norm_bound
from tests.cases import convolution, cplx, derivative, haar, nearby, norm2, on_torus, orthogonal, real, slope
from tests.conftest import X64

T = 5  # squarings, unless given
REAL, COMPLEX = (np.float64, np.complex128) if X64 else (np.float32, np.complex64)
FAR = 150 if X64 else 30  # powers of ten whose squares are no floats of the lane

bound = jax.jit(spectral_norm_bound, static_argnames="iterations")


def schatten(matrix: np.ndarray, iterations: int = T) -> float:
    """What Gram iteration computes in exact arithmetic: the norm of order 2^(t+2) of the singular values."""
    s = np.linalg.svd(matrix, compute_uv=False)
    top = s[0] or 1.0
    return top * np.sum((s / top) ** (2 ** (iterations + 2))) ** (1 / 2 ** (iterations + 2)) * (s[0] > 0)


def stack_of_matrices(shape: tuple[int, int], dtype: type) -> np.ndarray:
    """Every rank, close and far singular values, every scale."""
    matrices = []
    for rank in range(1, min(shape) + 1):
        left, right = haar(shape[0], seed=rank)[:, :rank], haar(shape[1], seed=rank)[:rank]
        for spectrum in (np.ones(rank), 1 - 1e-3 * np.arange(rank) / rank, 10.0 ** -np.arange(rank)):
            matrices.append((left * spectrum) @ right)
    matrices += [cplx(*shape, seed=seed) for seed in range(5)]
    scaled = [10.0**power * matrix for matrix in matrices for power in (-FAR, -3, 0, 3, FAR)]
    return np.array(scaled if dtype is COMPLEX else [matrix.real for matrix in scaled]).astype(dtype)


@pytest.mark.numerics
@pytest.mark.parametrize("dtype", [REAL, COMPLEX])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (4, 4), (2, 16)])
@pytest.mark.sample(3)
def test_the_bound_is_never_below_the_norm_nor_far_above_it(shape, dtype, tol):
    matrices = stack_of_matrices(shape, dtype)
    wide = matrices.astype(np.complex128 if dtype is COMPLEX else np.float64)
    norms = np.linalg.norm(wide, 2, axis=(-2, -1))
    found = np.asarray(bound(matrices), np.float64)
    assert np.all(found >= norms)
    assert np.all(found <= norms * min(shape) ** (1 / 2 ** (T + 2)) * (1 + tol("exact", factor=10)))


@pytest.mark.numerics
@pytest.mark.parametrize("iterations", [0, 2, 5])
def test_the_excess_is_the_rank_to_a_power_where_all_singular_values_are_equal(iterations, tol):
    """The tightness of the theorem is attained: one more squaring is worth a square root."""
    for rank in (1, 4, 8):
        projector = 3 * haar(8)[:, :rank] @ haar(8)[:, :rank].conj().T
        found = bound(projector, iterations=iterations)
        np.testing.assert_allclose(found, 3 * rank ** (1 / 2 ** (iterations + 2)), rtol=tol("exact", factor=10))


@pytest.mark.x64
@given(st.integers(0, 2**32), st.floats(-FAR, FAR), st.floats(0, 8))
def test_the_bound_holds_for_random_spectra_at_any_scale(seed, power, decay):
    rng = np.random.default_rng(seed)
    matrix = 10.0**power * rng.normal(size=(6, 4)) * np.exp(-decay * rng.uniform(size=4))
    assert norm2(matrix) <= bound(matrix) <= norm2(matrix) * 4 ** (1 / 2 ** (T + 2)) * (1 + 1e-12)


@pytest.mark.numerics
def test_the_zero_matrix_has_bound_and_gradient_zero():
    value, gradient = jax.jit(jax.value_and_grad(lambda a: bound(a).sum()))(jnp.zeros((2, 3, 4)).at[1, 0, 0].set(-2))
    assert value == pytest.approx(2, rel=1e-5)
    np.testing.assert_array_equal(gradient[0], np.zeros((3, 4)))
    assert gradient[1, 0, 0] == pytest.approx(-1, rel=1e-5)


DEGENERATE = {
    "generic": real(5, 3),
    "generic complex, wide": cplx(3, 5),
    "identity": np.eye(4),
    "orthogonal": orthogonal(4),
    "rank one": np.outer(real(4), real(4, seed=1)),
    "repeated singular values": orthogonal(4) @ np.diag([1, 1, 0.5, 0.5]),
    "a zero row": np.diag([2.0, 1.0, 0.0]),
    "tiny": 10.0**-FAR * real(4, 4),
}


@pytest.mark.x64
@pytest.mark.parametrize("matrix", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.sample(3)
def test_the_gradient_is_that_of_the_schatten_norm_at_degenerate_spectra_too(matrix):
    gradient = np.asarray(jax.jit(jax.grad(spectral_norm_bound))(matrix))
    assert np.isfinite(gradient).all()
    size = norm2(matrix)
    for seed in range(3):
        step = nearby(matrix, seed=seed, by=1.0, only_direction=True)
        reference = derivative(schatten, matrix, step, step=1e-6 * size)  # it curves on the scale of 1/128
        assert abs(slope(gradient, step) - reference) <= 1e-7 * max(1, abs(reference))


@pytest.mark.x64
@pytest.mark.parametrize("matrix", [cplx(4, 3), np.stack([real(2, 2), np.eye(2)])], ids=np.shape)
def test_the_derivative_agrees_with_differences_forwards_and_backwards(matrix):
    check_grads(jax.jit(spectral_norm_bound), (jnp.asarray(matrix),), order=1, modes=["fwd", "rev"], rtol=1e-6)


def test_the_bound_of_a_float_is_a_float_of_the_same_precision():
    assert bound(np.ones((2, 2), np.float32)).dtype == np.float32
    assert bound(np.ones((2, 2), np.complex64)).dtype == np.float32


# Convolutions. A peaked kernel has its largest symbol where no grid point is: exp(i k theta) adds up at theta alone.


def peaked(taps: int, theta: float, axis: int) -> np.ndarray:
    line = np.exp(1j * theta * np.arange(taps))
    return line.reshape((1, 1, taps, 1) if axis == 0 else (1, 1, 1, taps))


def same(kernel: np.ndarray, image: tuple[int, int]) -> np.ndarray:
    middle = [(taps - 1) // 2 for taps in kernel.shape[2:]]
    return convolution(kernel, image, lambda k, m: (k - middle[0], m - middle[1]))


BETWEEN = np.pi / 16  # half a step of the default grid
KERNELS = {
    "on the torus of the image": (real(2, 3, 3, 3), (4, 5)),
    "complex, on the torus": (cplx(3, 2, 2, 3), (5, 3)),
    "larger than the image": (real(1, 1, 5, 5), (3, 3)),
    "one tap": (real(3, 2, 1, 1), (3, 3)),
    "on the grid along the columns": (real(1, 1, 3, 3), (3, 24)),
    "on the grid along both": (real(1, 1, 3, 3), (15, 16)),
    "peaked between grid points, rows": (peaked(3, BETWEEN, 0), (40, 1)),
    "peaked between grid points, columns": (peaked(4, BETWEEN, 1), (1, 40)),
    "peaked between grid points, both": (peaked(3, BETWEEN, 0) * peaked(3, BETWEEN, 1), (15, 16)),
    "zero": (np.zeros((2, 2, 3, 3)), (4, 4)),
}


@pytest.mark.numerics
@pytest.mark.parametrize(("kernel", "image"), KERNELS.values(), ids=KERNELS)
@pytest.mark.sample(3)
def test_the_bound_of_a_convolution_is_at_least_the_norm_of_its_matrix(kernel, image):
    """With the image known, and for images of any size, where the factor covers what lies between grid points."""
    known, unknown = jax.jit(lambda k: (convolution_norm_bound(k, image), convolution_norm_bound(k)))(kernel)
    norm = norm2(same(kernel, image))
    assert known >= norm
    assert unknown >= norm
    rank, taps = min(kernel.shape[:2]), kernel.shape[2:]
    largest_factor = np.prod([1 / np.cos(np.pi * np.ceil((size - 1) / 2) / 16) for size in taps])
    assert unknown <= np.abs(kernel).sum() * rank ** (1 / 128) * largest_factor * (1 + 1e-5)


@pytest.mark.numerics
@pytest.mark.parametrize("kernel", [real(2, 2, 3, 3), cplx(1, 2, 3, 2)], ids=["real", "complex"])
def test_without_an_image_the_bound_covers_periodic_convolutions_too(kernel):
    found = jax.jit(convolution_norm_bound)(kernel)
    for image in ((5, 5), (2, 17), (3, 7)):
        assert found >= norm2(on_torus(kernel, image))


@pytest.mark.x64
def test_the_convolution_bound_of_a_peak_on_the_grid_exceeds_it_by_the_known_factor_alone():
    """A constant kernel peaks at frequency zero, which every torus and grid holds."""
    torus, any_size = jax.jit(lambda k: (convolution_norm_bound(k, (4, 4)), convolution_norm_bound(k)))(
        np.ones((1, 1, 3, 3))
    )
    assert torus == pytest.approx(9, rel=1e-13)
    assert any_size == pytest.approx(9 / np.cos(BETWEEN) ** 2, rel=1e-13)


@pytest.mark.x64
def test_a_finer_grid_tightens_the_bound():
    kernel = real(2, 2, 3, 3)
    exact = np.linalg.norm(np.moveaxis(np.fft.fft2(kernel, s=(512, 512)), (0, 1), (2, 3)), 2, axis=(2, 3)).max()
    coarse, fine = jax.jit(lambda k: [convolution_norm_bound(k, grid=grid) for grid in (4, 64)])(kernel)
    assert exact < fine < 1.02 * exact < coarse


def test_samples_on_a_grid_and_power_iteration_are_below_the_norm():
    """Negative controls on a kernel peaked between grid points: both usual estimates are below the norm."""
    kernel, image = peaked(3, BETWEEN, 0), (40, 1)
    dense = same(kernel, image)
    on_grid = np.abs(np.fft.fft(kernel.reshape(-1), 16)).max()
    assert on_grid < norm2(dense)
    x = np.ones(40) / np.sqrt(40)
    for _ in range(20):
        x = dense.conj().T @ (dense @ x)
        x = x / np.linalg.norm(x)
    assert np.linalg.norm(dense @ x) < norm2(dense) * (1 - 1e-6)
    assert norm2(dense) <= jax.jit(convolution_norm_bound, static_argnums=1)(kernel, image) < 1.03 * norm2(dense)


@pytest.mark.x64
def test_the_gradient_of_the_bound_of_a_convolution_agrees_with_differences():
    f = jax.jit(lambda k: convolution_norm_bound(k, (4, 20)))
    check_grads(f, (jnp.asarray(real(2, 2, 3, 3)),), order=1, modes=["fwd", "rev"], rtol=1e-5)


def test_a_grid_smaller_than_the_kernel_raises():
    with pytest.raises(ValueError, match="`grid` must be at least the kernel size 5, but is 4"):
        convolution_norm_bound(np.ones((1, 1, 3, 5)), grid=4)


@pytest.mark.x64
@pytest.mark.parametrize("size", [1e308, 4e307, 1e200, 1.0, 1e-150, 1e-300, 1e-307, 1e-310, 5e-324])
def test_the_bound_holds_over_the_whole_range_of_floats(size):
    """Of [[1, 1], [0, 1]] times the size: the golden ratio, or above the largest float."""
    golden = (1 + np.sqrt(5)) / 2
    bound = float(spectral_norm_bound(size * np.array([[1.0, 1.0], [0.0, 1.0]])))
    assert bound >= golden * size if size < 1.1e308 else bound == np.inf
    assert bound / 1.2 <= golden * min(size, 1e307) or not 1e-306 < size < 1e307


@pytest.mark.x64
def test_a_norm_above_the_largest_float_is_infinite():
    assert spectral_norm_bound(np.full((2, 2), 1.5e308)) == np.inf
    assert spectral_norm_bound(np.zeros((2, 2))) == 0


@pytest.mark.parametrize("size", [1e-45, 1e-40, 1e-38, 1e37, 3e38])
def test_the_norm_bound_holds_in_single_precision(size):
    bound = spectral_norm_bound(np.float32(size) * np.array([[1, 1], [0, 1]], np.float32))
    assert bound.dtype == np.float32 and float(bound) >= (1 + np.sqrt(5)) / 2 * float(np.float32(size)) * (1 - 1e-7)


@pytest.mark.x64
@pytest.mark.parametrize("size", [1e307, 1e200, 1.0, 1e-200, 1e-300])
def test_the_gradient_is_the_same_at_any_scale(size):
    matrix = np.array([[2.0, 1.0], [0.5, -1.0]])
    gradient = jax.grad(lambda a: spectral_norm_bound(a))
    np.testing.assert_allclose(gradient(jnp.asarray(size * matrix)), gradient(jnp.asarray(matrix)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "float16", "bfloat16"])
def test_whole_numbers_and_half_precision_are_promoted(dtype):
    matrix = np.array([[1.0, 0.0], [1.0, 1.0]])
    found = spectral_norm_bound(jnp.asarray(matrix).astype(dtype))
    np.testing.assert_allclose(found, spectral_norm_bound(matrix), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: spectral_norm_bound(np.ones(3)), "`matrix` must be a matrix, but has shape"),
        (lambda: spectral_norm_bound(np.eye(2), iterations=1.5), "`iterations` must be an integer"),
        (lambda: convolution_norm_bound(np.ones((2, 2)), (4, 4)), "`kernel` must have 4 axes"),
        (
            lambda: convolution_norm_bound(np.ones((1, 1, 2, 2)), (4,)),
            r"`image` must be .rows, columns., both positive",
        ),
    ],
)
def test_arrays_without_a_spectral_norm_raise(call, told):
    with pytest.raises(ValueError, match=told):
        call()
