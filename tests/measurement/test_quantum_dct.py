"""The cosine transform as a circuit and as a map, against SciPy and the cosines themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft

from qla_jax.encodings.base.block import block, embed
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import run
from qla_jax.measurement.quantum_dct import (
    chebyshev_coefficients,
    chebyshev_state,
    dct,
    from_chebyshev,
    inverse_dct,
    quantum_dct,
)
from tests.cases import cplx, real

pytestmark = pytest.mark.numerics


def basis(n: int) -> np.ndarray:
    """Rows are the t_k, by their cosines."""
    k, i = np.mgrid[:n, :n]
    return np.sqrt((2 - (k == 0)) / n) * np.cos(np.pi * k * (i + 0.5) / n)


@pytest.mark.parametrize("n", [1, 2, 16])
def test_the_circuit_is_the_orthonormal_transform(n, tol):
    enc = quantum_dct(n)

    @jax.jit
    def views(enc):
        states = jnp.eye(2 * n, dtype=enc.alpha.dtype).reshape(-1, 2, n)
        return unitary(enc), jax.vmap(enc.apply_adjoint)(states).reshape(2 * n, -1), block(enc)

    found, backward, encoded = map(np.asarray, views(enc))
    assert np.isrealobj(found)
    assert np.abs(found[:n, :n] - basis(n)).max() < tol("exact")
    assert np.abs(basis(n) - scipy.fft.dct(np.eye(n), axis=0, norm="ortho")).max() < 1e-13
    assert np.abs(found @ found.T - np.eye(2 * n)).max() < tol("exact")
    assert np.abs(found[n:, :n]).max() < tol("exact")
    assert np.abs(encoded - basis(n)).max() < tol("exact")
    assert np.abs(backward - found).max() < tol("exact")
    if n > 1:
        assert np.abs(found[:n, :n] - basis(n)[::-1]).max() > 0.1


def test_the_circuit_transforms_along_axes_of_a_tensor(tol):
    enc = quantum_dct((2, 4, 8), axes=(2, 0))
    x = cplx(2, 4, 8)
    expected = np.einsum("ai,kj,ilj->alk", basis(2), basis(8), x)
    flat = jnp.asarray(x.reshape(-1))
    state, forth, back = jax.jit(lambda enc, x: (enc.apply(embed(enc, x)), enc.matvec(x), enc.rmatvec(enc.matvec(x))))(
        enc, flat
    )
    assert np.abs(np.asarray(state[0]).reshape(x.shape) - expected).max() < tol("exact", factor=10)
    assert np.abs(np.asarray(state[1:])).max() < tol("exact", factor=10)
    assert np.abs(np.asarray(forth) - expected.reshape(-1)).max() < tol("exact", 10)
    assert np.abs(np.asarray(back) - x.reshape(-1)).max() < tol("exact", factor=10)
    single = [quantum_dct(n).gates() for n in (8, 2)]
    assert enc.gates() == single[0] + single[1] and enc.num_ancillas == 2
    assert quantum_dct(1024).gates().depth < 1024


@pytest.mark.parametrize("shape", [(6,), (5, 7)])
def test_the_map_is_the_transform_on_any_lengths(shape, tol):
    x, axes, rank = real(*shape), tuple(range(len(shape))), (3,) * len(shape)
    y = real(*rank)

    @jax.jit
    def views(x, y):
        whole = dct(x, axes)
        kept, pull = jax.vjp(lambda x: chebyshev_coefficients(x, rank, axes), x)
        return whole, inverse_dct(whole, axes), kept, pull(y)[0], from_chebyshev(y, shape, axes)

    whole, back, kept, pulled, spread = map(np.asarray, views(jnp.asarray(x), jnp.asarray(y)))
    expected = scipy.fft.dctn(x, norm="ortho")
    assert np.abs(whole - expected).max() < tol("exact", factor=10)
    assert np.abs(back - x).max() < tol("exact", factor=10)
    assert np.abs(kept - expected[tuple(slice(r) for r in rank)]).max() < tol("exact", factor=10)
    padded = np.pad(y, [(0, n - 3) for n in shape])
    assert np.abs(spread - scipy.fft.idctn(padded, norm="ortho")).max() < tol("exact", factor=10)
    assert np.abs(pulled - spread).max() < tol("exact", factor=10)


def test_the_next_state_is_prepared_from_coefficients(tol):
    sizes, axes = (2, 8, 4), (1, 2)
    c = real(2, 3, 2)
    expected = np.einsum("akl,ki,lj->aij", c, basis(8)[:3], basis(4)[:2]).reshape(-1)
    vec, ran = jax.jit(lambda c: (lambda vec: (vec, run(vec)))(chebyshev_state(c, sizes, axes=axes)))(jnp.asarray(c))
    assert np.abs(np.asarray(vec.encoded) - expected).max() < tol("exact", factor=10)
    assert np.abs(np.asarray(ran) - expected).max() < tol("exact", factor=10)
    assert float(vec.alpha) == pytest.approx(np.linalg.norm(c)) and float(vec.eps) == 0
    third = jax.jit(lambda c: run(chebyshev_state(c, (8,), axes=(0,))))(jnp.eye(3)[2])
    assert np.abs(np.asarray(third) - basis(8)[2]).max() < tol("exact", factor=10)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"`sizes` must be powers of two for the circuit, but are \(6,\)"):
        quantum_dct(6)
    with pytest.raises(ValueError, match="`axes` must be axes of a tensor of shape"):
        quantum_dct((4, 4), axes=(2,))
    with pytest.raises(ValueError, match="`axes` must be different"):
        quantum_dct((4, 4), axes=(1, -1))
    with pytest.raises(ValueError, match="`rank` must be between 1 and the axis length 4, but is 5 on axis 0"):
        chebyshev_coefficients(jnp.ones(4), (5,), (0,))
    with pytest.raises(ValueError, match="`rank` must have an entry for each axis"):
        chebyshev_coefficients(jnp.ones((4, 4)), (2,), (0, 1))
    with pytest.raises(ValueError, match="`coefficients` must have all 4 entries on axis 1, but has 2"):
        chebyshev_state(np.ones((2, 2)), (4, 4), axes=(0,))
