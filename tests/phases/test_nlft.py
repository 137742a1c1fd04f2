"""The nonlinear Fourier transform against its defining product, and the complementary polynomial against roots."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from qla_jax.phases import complementary, nlft
from qla_jax.phases.splitting import split
from qla_jax.phases.stripping import strip
from tests.phases.targets import random_coeffs

pytestmark = pytest.mark.x64

LENGTHS = (1, 2, 16, 17, 128, 129, 300)  # around the lengths of tiles and of leaves
CIRCLE = np.exp(1j * np.random.default_rng(0).uniform(-np.pi, np.pi, 12))


def sequence(count: int, is_complex: bool) -> np.ndarray:
    """Small enough that a* has no zeros in the disk."""
    rng = np.random.default_rng(count)
    gamma = rng.normal(size=count) + 1j * is_complex * rng.normal(size=count)
    gamma *= 0.6 / np.abs(gamma).sum() ** 0.5 / max(1, np.abs(gamma).sum() ** 0.5)
    return gamma if is_complex else gamma.real


def at(coeffs: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.polynomial.polynomial.polyval(z, np.asarray(coeffs))


def cosines_and_sines(gamma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cos = 1 / np.sqrt(1 + np.abs(gamma) ** 2)
    return cos, cos * gamma


def defining_product(gamma: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Second row, second column: a*; first row, second column: b."""
    result = np.broadcast_to(np.eye(2), (len(z), 2, 2))
    for k, g in enumerate(gamma):
        factor = np.empty((len(z), 2, 2), complex)
        factor[:, 0, 0] = factor[:, 1, 1] = 1
        factor[:, 0, 1], factor[:, 1, 0] = g * z**k, -np.conj(g) * z**-k
        result = result @ factor / np.sqrt(1 + abs(g) ** 2)
    return result


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
def test_the_transform_is_the_product_and_its_inverse_returns_the_sequence(count, is_complex):
    gamma = sequence(count, is_complex)
    outer, inner = nlft.forward_numpy(*cosines_and_sines(gamma))
    wanted = defining_product(gamma, CIRCLE)
    assert np.iscomplexobj(inner) == is_complex and len(inner) == count
    assert np.abs(at(outer, CIRCLE) - wanted[:, 1, 1]).max() <= 1e-14
    assert np.abs(at(inner, CIRCLE) - wanted[:, 0, 1]).max() <= 1e-14
    assert np.abs(np.abs(at(outer, CIRCLE)) ** 2 + np.abs(at(inner, CIRCLE)) ** 2 - 1).max() <= 1e-13
    assert np.abs(nlft.inverse_numpy(outer, inner) - gamma).max() <= 1e-14


@pytest.mark.parametrize(("count", "is_complex"), [(300, False), (150, True)], ids=["real", "complex"])
@pytest.mark.sample(1)
def test_the_compiled_transforms_are_those_of_numpy(count, is_complex):
    gamma = sequence(count, is_complex)
    outer, inner = jax.jit(nlft.forward)(*cosines_and_sines(gamma))
    expected = nlft.forward_numpy(*cosines_and_sines(gamma))
    assert max(np.abs(outer - expected[0]).max(), np.abs(inner - expected[1]).max()) <= 1e-15
    for inverse in (nlft.inverse, strip, split):
        assert np.abs(jax.jit(inverse)(outer, inner) - gamma).max() <= 1e-14


def leading(sup: float, count: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of a* and b, |b| up to sup."""
    b = polynomial(count - 1, sup, False)
    return complementary.outer_numpy(b, count).coeffs, b


@pytest.mark.slow
def test_splitting_is_stripping_however_close_to_one():
    """In a batch, whose members take different numbers of steps."""
    pairs = [leading(sup) for sup in (0.0, 0.5, 0.99, 1 - 1e-6)]
    together = jax.jit(jax.vmap(split))(*(jnp.stack(parts) for parts in zip(*pairs, strict=True)))
    for pair, found in zip(pairs, together, strict=True):
        assert np.abs(found - nlft.inverse_numpy(*pair)).max() <= 1e-13


def test_splitting_with_the_wrong_sign_gives_another_sequence():
    """Negative control: the blocks to the right see what was taken off to their left."""
    outer, inner = leading(0.9)
    wrong = inner.copy()
    wrong[:40] *= -1
    assert (
        np.abs(
            jax.jit(split)(jnp.asarray(outer), jnp.asarray(wrong))[75:] - nlft.inverse_numpy(outer, inner)[75:]
        ).max()
        > 0.01
    )


@pytest.mark.slow
def test_gradients_through_splitting_are_those_through_stripping():
    outer, inner = leading(0.9)
    weights = np.random.default_rng(0).normal(size=len(inner))
    ways = [jax.jit(jax.grad(lambda u, v, way=way: weights @ way(u, v), argnums=(0, 1))) for way in (strip, split)]
    for stripped, halved in zip(*(way(outer, inner) for way in ways), strict=True):
        assert np.abs(stripped - halved).max() <= 1e-12 * np.abs(stripped).max()


def test_what_is_exported_for_an_accelerator_splits_and_what_is_exported_for_a_cpu_strips():
    """Whatever the machine that exports it: splitting has no loop over the entries, and many more transforms."""
    u, v = (jnp.asarray(part) for part in leading(0.5))

    def program(inverse, platform: str) -> tuple[int, int]:
        text = str(export.export(jax.jit(inverse), platforms=[platform])(u, v).mlir_module())
        return text.count("stablehlo.fft"), text.count("stablehlo.while")

    assert program(nlft.inverse, "cpu") == program(strip, "cpu") != program(split, "cpu")
    assert program(nlft.inverse, "cuda") == program(nlft.inverse, "tpu") == program(split, "cuda")
    pulled = jax.grad(lambda u, v: nlft.inverse(u, v).sum(), argnums=(0, 1))
    assert program(pulled, "cuda") > program(split, "cuda")
    assert np.abs(nlft.inverse(u, v) - nlft.inverse_numpy(np.asarray(u), np.asarray(v))).max() <= 1e-14


def test_the_inverse_returns_the_first_entries_of_a_longer_sequence():
    """Layer stripping looks at as many leading coefficients as it gives entries."""
    gamma = sequence(300, False)
    outer, inner = nlft.forward_numpy(*cosines_and_sines(gamma))
    for count in (1, 100, 200):
        assert np.abs(nlft.inverse_numpy(outer[:count], inner[:count]) - gamma[:count]).max() <= 1e-14


def polynomial(degree: int, sup: float, is_complex: bool) -> np.ndarray:
    """|b| up to sup on the circle."""
    rng = np.random.default_rng(degree)
    b = rng.normal(size=degree + 1) + 1j * is_complex * rng.normal(size=degree + 1)
    b *= sup / np.abs(np.fft.fft(b, 4096 * (degree + 1))).max()
    return b if is_complex else b.real


@pytest.mark.parametrize("degree", [0, 1, 8, 50])
@pytest.mark.parametrize("sup", [0.5, 0.99, 0.9999])
@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
def test_the_squares_of_the_complementary_polynomials_add_up_to_one(degree, sup, is_complex):
    b = polynomial(degree, sup, is_complex)
    found = complementary.outer_numpy(b, degree + 1)
    assert np.abs(np.abs(at(found.coeffs, CIRCLE)) ** 2 + np.abs(at(b, CIRCLE)) ** 2 - 1).max() <= 2e-14
    assert found.coeffs[0].real > 0 and abs(found.coeffs[0].imag) <= 1e-15
    assert abs(np.sqrt(found.peak) - sup) <= 0.01 * sup


@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
def test_the_zeros_of_the_outer_polynomial_lie_outside_the_unit_disk(is_complex):
    """Of the zeros of 1 - |b|^2, in pairs (w, 1/conj(w)), the outer one takes those outside."""
    b = polynomial(8, 0.99, is_complex)
    square = np.convolve(b, b.conj()[::-1])
    zeros = np.roots((np.eye(1, 17, 8)[0] - square)[::-1])
    outside = zeros[np.abs(zeros) > 1]
    assert len(outside) == 8
    monic = np.poly(outside)[::-1]
    wanted = monic / monic[0]
    found = complementary.outer_numpy(b, 9).coeffs
    assert np.abs(found / found[0] - wanted).max() <= 1e-10


def test_the_compiled_outer_is_that_of_numpy_on_every_grid():
    rows = [polynomial(8, sup, False) for sup in (0.5, 0.99, 0.9999)]
    together = jax.jit(jax.vmap(lambda b: complementary.outer(b, 9)))(jnp.stack(rows))
    grids = []
    for row, coeffs in zip(rows, together.coeffs, strict=True):
        alone = complementary.outer_numpy(row, 9)
        grids.append(alone.grid)
        assert np.abs(coeffs - alone.coeffs).max() <= 1e-13
    assert set(together.grid.tolist()) == {max(grids)} != {min(grids)}


def test_similar_lengths_share_one_compiled_program():
    """Four per octave, and at most a quarter is padding."""
    buckets = [complementary.bucket(count) for count in range(1, 4097)]
    assert all(bucket >= count for count, bucket in enumerate(buckets, start=1))
    assert all(bucket <= 1.25 * count for count, bucket in enumerate(buckets, start=1) if count >= 4)
    assert len({bucket for bucket in buckets if 1024 < bucket <= 2048}) == 4
    assert complementary.bucket(len(random_coeffs(300))) == 320
