"""A kept decomposition, beyond the laws: the registry has its values and gradients at degenerate matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax import polynomials
from qla_jax.encodings.base.block import block
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.transforms.decomposed import decomposed
from qla_jax.transforms.functions import pseudo_inverse
from qla_jax.transforms.singular_values import qsvt
from tests.cases import cplx, orthogonal, real

pytestmark = pytest.mark.x64

CLOSE = orthogonal(3) @ np.diag([0.7, 0.7 - 1e-9, 1e-9]) @ orthogonal(3, seed=1)
"""Singular values that are nearly equal, and one nearly zero: quotients would lose half of the digits."""


@pytest.mark.parametrize(("name", "degree"), [("sin", 41), ("cos", 40)])
def test_values_and_gradients_are_those_of_the_recurrence(name, degree):
    poly = getattr(polynomials, name)(20.0, degree=degree).scaled(0.9)
    weights, x = jnp.asarray(real(3, seed=5)), jnp.asarray(real(3, seed=6))

    def value(a, keep):
        enc = block_encode(a, alpha=1.0)
        return weights @ qsvt(decomposed(enc) if keep else enc, poly).matvec(x)

    kept, walked = (jax.jit(jax.value_and_grad(lambda a, keep=keep: value(a, keep)))(CLOSE) for keep in (True, False))
    for ours, theirs in zip(kept, walked, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11)
    assert np.abs(kept[1]).max() > 0.1


def test_a_batch_of_decomposed_encodings_gives_the_result_of_each_of_them():
    batch = 0.2 * real(3, 4, 4)

    def transform(a):
        return block(qsvt(decomposed(block_encode(a, alpha=1.0)), np.array([0.0, 0.3, 0.0, 0.6])))

    for one, found in zip(batch, jax.jit(jax.vmap(transform))(batch), strict=True):
        np.testing.assert_allclose(found, transform(one), rtol=0, atol=1e-14)


def test_singular_values_outside_the_domain_of_the_inverse_leave_its_error_unknown():
    matrix = np.diag([1.0, 0.4, 0.0])
    enc = decomposed(block_encode(matrix, alpha=1.0))
    found = pseudo_inverse(enc, 4.0, relative_eps=1e-4)
    assert np.linalg.norm(block(found) - np.linalg.pinv(matrix), 2) <= found.eps <= 1.01e-4
    assert pseudo_inverse(enc, 2.0, relative_eps=1e-4).eps == np.inf


def test_what_is_not_an_encoding_raises():
    with pytest.raises(TypeError, match="`enc` must be of type BlockEncoding"):
        decomposed(cplx(2, 2))
