"""No product of the package leaves its precision to the device: every kernel, every encoding, every claim.

JAX multiplies float32 in TF32 on a GPU and in bfloat16 on a TPU unless a product asks for more, and no test on a CPU
sees the difference. Programs are therefore searched for products that do not ask, and evaluated as if their operands
were rounded. `tests/linalg/test_products.py` searches the source.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qla_jax.claims.catalogue import CLAIMS
from qla_jax.claims.engine.claim import Claim
from qla_jax.compiling import QUICK
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.nn import CoherentResNet, ConvolutionWeight, DenseWeight, PlainMLP
from tests.cases import ENCODINGS, VECTORS, Case
from tests.conftest import TOLERANCES
from tests.products import emulated, rounded_products
from tests.programs import ratio, views, with_derivatives
from tests.test_kernels import called, in_dtype, kernels

pytestmark = pytest.mark.x64

CASES = pytest.mark.parametrize("case", [*ENCODINGS, *VECTORS], ids=lambda case: case.name.replace(" ", "-"))
ROUNDING = TOLERANCES["rounding"][1]
"""Rounding of circuits in float32; one product of bfloat16 is off by 4e-3."""


def single(tree: Any) -> Any:
    """Arrays in single precision."""
    cast = {"f": np.float32, "c": np.complex64}
    arrays = jax.tree.map(np.asarray, tree)
    return jax.tree.map(lambda x: jnp.asarray(x.astype(cast.get(x.dtype.kind, x.dtype))), arrays)


@kernels("jit", arrays=False)
@pytest.mark.sample(12)
def test_kernels_ask_for_all_bits_of_every_product(kernel):
    def call(*arrays: Any) -> Any:
        return called(kernel, arrays)

    assert rounded_products(with_derivatives(call) if kernel.arrays else call, *in_dtype(kernel, "float32")) == []


@CASES
@pytest.mark.sample(6)
def test_encodings_ask_for_all_bits_of_every_product(case: Case):
    call = with_derivatives(lambda params: views(case.build(params)))
    assert rounded_products(call, single(case.params)) == []


def departures(case: Case, *, always: bool = False) -> tuple[float, float]:
    """How far a circuit in float32 is from unitary, and its block and encoded view from the oracle, over alpha."""

    def seen(params: Any) -> tuple:
        enc = case.build(params)
        view = (
            enc.encoded
            if isinstance(enc, VectorEncoding)
            else jax.vmap(enc.matvec, 0, 1)(jnp.eye(enc.shape[1], dtype=enc.alpha.dtype))
        )
        return unitary(enc), jnp.maximum(1, enc.alpha), view

    known = jax.jit(emulated(seen, always=always), compiler_options=QUICK)(single(case.params))
    u, alpha, view = (np.asarray(array, dtype=complex) for array in known)
    wanted = np.asarray(case.oracle(case.params)).reshape(view.shape)
    return float(np.abs(u @ u.conj().T - np.eye(len(u))).max()), float(np.abs(view - wanted).max() / alpha.real)


@CASES
@pytest.mark.sample(3)
def test_encodings_are_unitary_and_equal_their_matrices_where_products_are_rounded(case: Case):
    defect, distance = departures(case)
    assert defect < ROUNDING and distance < ROUNDING


def test_an_encoding_that_asked_for_less_would_be_neither():
    (case,) = [case for case in ENCODINGS if case.name == "dense"]
    defect, distance = departures(case, always=True)
    assert defect > 50 * ROUNDING and distance > 50 * ROUNDING


claims = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)


@claims
@pytest.mark.sample(6)
def test_claims_ask_for_all_bits_of_every_product(claim: Claim):
    instance = single(claim.draw(claim.sizes[0], key=jax.random.key(0)))
    assert rounded_products(jax.grad(ratio(claim), allow_int=True) if claim.project else ratio(claim), instance) == []


@claims
@pytest.mark.sample(2)
def test_claims_in_single_precision_are_what_they_are_where_products_are_rounded(claim: Claim):
    """An inequality holds in float32 as well; what is equal to rounding is so to that of double precision only."""
    instance = single(claim.draw(claim.sizes[0], key=jax.random.key(0)))
    plain, rounded = (jax.jit(f, compiler_options=QUICK)(instance) for f in (ratio(claim), emulated(ratio(claim))))
    np.testing.assert_allclose(rounded, plain, rtol=1e-6)
    if claim.expected_to_hold and claim.relation != "==" and np.isfinite(plain):
        assert rounded <= 1 + ROUNDING


@pytest.mark.slow
def test_networks_ask_for_all_bits_of_every_product_unless_told_otherwise():
    """Training a network with products in less precision is a choice of its user, and no error is bounded then."""
    images = jnp.linspace(0.1, 1, 64, dtype=jnp.float32).reshape(2, 2, 4, 4)

    def network(**options: Any) -> CoherentResNet:
        rngs = nnx.Rngs(0)
        weights = [DenseWeight(32, rngs=rngs, **options), ConvolutionWeight(2, (4, 4), rngs=rngs, **options)]
        return CoherentResNet(weights, sizes=(2, 4, 4))

    def step(net: nnx.Module) -> Any:
        graph, state = nnx.split(net)
        return rounded_products(jax.grad(lambda state: nnx.merge(graph, state)(images)[:, 0].sum()), state)

    def errors(net: CoherentResNet) -> np.ndarray:
        told = jax.jit(lambda images: [block.eps for block in net.diagnose(images)], compiler_options=QUICK)
        return np.array(told(images))

    assert step(network()) == [] and step(PlainMLP((32, 4, 2), rngs=nnx.Rngs(0))) == []
    assert np.all(errors(network()) < 0.1)
    coarse = network(precision="bfloat16")
    assert step(coarse) != [] and step(PlainMLP((32, 4, 2), rngs=nnx.Rngs(0), precision="bfloat16")) != []
    assert np.all(np.isinf(errors(coarse)))
    with pytest.raises(ValueError, match="`precision` must be a precision of JAX"):
        network(precision="half")
