"""Products keep all bits of float32: by the source, which has one place for them, and by what they do."""

import ast
import fnmatch
import re
from pathlib import PurePosixPath

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.linalg import products
from qla_jax.linalg.norms import spectral_norm_bound
from tests.cases import cplx, real
from tests.products import emulated, rounded_products
from tests.test_layers import FILES, PACKAGE, aliases, dotted

HERE = "linalg/products.py"
# What multiplies, or has a derivative that does, in the precision of the device; `sum`, `outer` and `kron` do not.
MULTIPLY = (
    *("dot", "vdot", "inner", "matmul", "matvec", "vecmat", "vecdot", "einsum*", "tensordot", "convolve", "correlate"),
    *("cov", "corrcoef", "poly", "polyfit", "polymul", "roots"),
    *("linalg.matrix_power", "linalg.multi_dot", "linalg.*solve", "linalg.lstsq", "linalg.*inv", "linalg.*det"),
)
FORBIDDEN = (
    *(f"jax.numpy.{name}" for name in MULTIPLY),
    *("jax.lax.dot*", "jax.lax.ragged_dot*", "jax.lax.batch_matmul", "jax.lax.conv", "jax.lax.conv_*"),
    *("jax.scipy.linalg.*", "jax.scipy.signal.*", "jax.nn.dot_product_attention", "jax.nn.scaled_matmul"),
)
NAMED = re.compile("|".join(map(fnmatch.translate, FORBIDDEN)))
# `@` of encodings, or of NumPy's arrays.
MAY_MULTIPLY = {
    "arithmetic/conversion.py": "a layer, from an encoding and a vector encoding",
    "circuits/synthesis.py": "NumPy",
    "experiments/core/fits.py": "NumPy",
    "experiments/costs/ablation.py": "encodings",
    "experiments/costs/squares.py": "encodings, and NumPy",
    "measurement/quantum_dct.py": "encodings",
    "nn/qlam.py": "encodings",
    "prior/transformer.py": "encodings, and NumPy in the exact block",
    "qram/extrapolation.py": "NumPy",
    "variational/gates.py": "NumPy, for known matrices",
    "variational/quanvolution.py": "NumPy, for signs of observables",
}


def violations(path: PurePosixPath, source: str) -> list[str]:
    """Products of a file that do not ask for all bits, one line each."""
    tree = ast.parse(source)
    table = aliases(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            found += [] if str(path) in MAY_MULTIPLY else [f"{path}:{node.lineno}: `@`; use `matmul` of {HERE}"]
        elif isinstance(node, ast.Attribute | ast.Name):
            name = dotted(node, table)
            if NAMED.fullmatch(name):
                found.append(f"{path}:{node.lineno}: `{name}`; use a function of {HERE}")
        elif isinstance(node, ast.Call) and any(keyword.arg == "preferred_element_type" for keyword in node.keywords):
            found.append(f"{path}:{node.lineno}: a product with a dtype of its own")
    return found


def test_products_are_those_of_one_file():
    others = [path for path in FILES if str(path) != HERE]
    assert [line for path in others for line in violations(path, (PACKAGE / path).read_text())] == []


@pytest.mark.parametrize(
    "line", ["a @ b", "a @= b", "jnp.einsum('i,i', a, b)", "jax.lax.dot_general(a, b)", "partial(jnp.vdot)", "inv(a)"]
)
def test_a_product_elsewhere_would_be_seen(line):
    source = f"import jax\nimport jax.numpy as jnp\nfrom jax.numpy.linalg import inv\n{line}"
    assert len(violations(PurePosixPath("linalg/norms.py"), source)) == 1


def test_files_that_may_multiply_do():
    sources = {str(path): ast.parse((PACKAGE / path).read_text()) for path in FILES}
    multiply = {p for p, tree in sources.items() if any(isinstance(node, ast.MatMult) for node in ast.walk(tree))}
    assert multiply - {HERE} == set(MAY_MULTIPLY)


A, B, X = real(4, 4), real(4, 4, seed=1), cplx(4)
CALLS = {
    "matmul": (lambda a, b, x: products.matmul(a, b, x), A @ B @ X),
    "tensordot": (lambda a, b, x: products.tensordot(a, b, ((0,), (1,))), np.tensordot(A, B, ((0,), (1,)))),
    "einsum": (lambda a, b, x: products.einsum("ij,kj,k->i", a, b, x), np.einsum("ij,kj,k->i", A, B, X)),
    "vdot": (lambda a, b, x: products.vdot(x, products.matmul(a, x)), np.vdot(X, A @ X)),
    "dot_general": (lambda a, b, x: products.dot_general(a, b, ((1,), (0,))), A @ B),
    "correlate": (
        lambda a, b, x: products.correlate(a[None, None], b[None, None, :1, :2], (1, 1), ((0, 0), (0, 1)))[0, 0],
        A * B[0, 0] + np.pad(A[:, 1:], ((0, 0), (0, 1))) * B[0, 1],
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_products_are_those_of_numpy_and_ask_for_all_bits_also_in_their_derivatives(name, tol):
    call, wanted = CALLS[name]
    arrays = [jnp.asarray(array) for array in (A, B, X)]
    np.testing.assert_allclose(call(*arrays), wanted, atol=tol("rounding"))
    pulled = jax.grad(lambda *arrays: jnp.abs(call(*arrays)).sum(), (0, 1))
    assert rounded_products(pulled, *arrays) == []
    if name in ("matmul", "tensordot"):
        assert isinstance(call(A, B, X), np.ndarray)


def test_a_precision_is_named_as_jax_names_it():
    assert products.as_precision("p", "tensorfloat32") == jax.lax.Precision.HIGH
    assert products.as_precision("p", products.FULL) == jax.lax.Precision.HIGHEST
    with pytest.raises(ValueError, match=r"`precision` must be a precision of JAX, such as .*, but is 'single'"):
        products.as_precision("precision", "single")


def test_a_bound_on_the_norm_holds_where_products_are_rounded_and_would_not_if_it_asked_for_less():
    """A matrix of rank one is a tight case: the bound is its norm, up to rounding."""
    stack = jnp.einsum("ni,nj->nij", *np.float32(real(2, 200, 16)))
    norms = np.linalg.norm(np.float64(stack), 2, axis=(1, 2))
    assert np.all(jax.jit(emulated(spectral_norm_bound))(stack) >= norms)
    below = jax.jit(emulated(spectral_norm_bound, always=True))(stack) < norms
    assert 50 < below.sum() < 150
