"""Derivatives under strict promotion: the rules of a program run in the mode of whoever differentiates it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla

CUBIC = np.array([0.0, 0.3, 0.0, 0.4])
STORED = qla.block_encode(np.array([[0.5, 0.25], [0.25, -0.5]]), alpha=1.0)
DIFFERENTIATED = {
    "norms": lambda x: qla.convolution_norm_bound(x.reshape(1, 1, 2, 2)),
    "dilations": lambda x: qla.block(qla.block_encode_periodic_convolution(x.reshape(1, 1, 2, 2), (2, 2))),
    "circuits": lambda x: qla.postselect(qla.block_encode_pauli({"XY": 0.5, "ZI": 0.3}), x),
    "transforms": lambda x: qla.postselect(qla.qsvt(STORED, CUBIC), x[:2]),
    "products": lambda x: qla.qsvt(qla.decomposed(STORED), CUBIC).matvec(x[:2]),
    "vectors": lambda x: qla.run(STORED @ qla.vector_encode(x[:2])),
    "phases": lambda x: qla.phase_factors(x / 9, parity="odd").values,
    "angles": lambda x: qla.gqsp_phase_factors(x / 40).theta,
}


@pytest.mark.x64
@pytest.mark.parametrize("function", DIFFERENTIATED.values(), ids=DIFFERENTIATED)
@pytest.mark.sample(2)
def test_compiled_functions_are_differentiated_under_strict_promotion(function):
    compiled = jax.jit(lambda x: function(x).real.sum())
    x = jnp.arange(1, 5, dtype=jnp.float32)
    with jax.numpy_dtype_promotion("strict"):
        found = jax.eval_shape(jax.grad(compiled), x)
    assert (found.shape, found.dtype) == (x.shape, x.dtype)
