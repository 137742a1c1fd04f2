"""Long chains of nodes: loops answer where they can; everything else names what is nested too deep."""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax._recursion import NestingError
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import Encoding

pytestmark = pytest.mark.x64

LONG = 1500
"""More levels than Python's recursion has by default, 1000."""

DEEP = 300
"""Number of levels with which a recursion over nodes, of four frames or more for each, exceeds Python's limit."""

ENTRIES = np.array([0.9, 0.8])
X = np.array([0.3, -0.5])
DIAGONAL = qla.block_encode(np.diag(ENTRIES))
FREE = qla.from_unitary(np.eye(2)[::-1], num_ancillas=0, alpha=1.0, eps=0.0)
LINE = qla.from_unitary(np.eye(1), num_ancillas=0, alpha=1.0, eps=0.0)
VECTOR = qla.vector_encode(np.array([0.6, 0.8]))

QUICK = {"product", "matrix_vector_product"}

# Where a chain starts, and what makes it a level longer.
CHAINS: dict[str, tuple[Encoding, Callable[[Any], Any]]] = {
    "scale": (FREE, lambda x: qla.scale(x, 0.9)),
    "scale and adjoint": (FREE, lambda x: qla.scale(x, 0.9).adjoint()),
    "one-term combination": (FREE, lambda x: qla.linear_combination(x, weights=[0.9])),
    "product": (FREE, lambda x: qla.product(FREE, x)),
    "product to the right": (FREE, lambda x: qla.product(x, FREE)),
    "combination": (FREE, lambda x: qla.linear_combination(FREE, x, weights=[0.5, 0.5])),
    "tensor": (FREE, lambda x: qla.tensor(LINE, x)),
    "normalize": (VECTOR, qla.normalize),
    "matrix_vector_product": (VECTOR, lambda x: FREE @ x),
    "one-term sum": (VECTOR, lambda x: 0.9 * x),
    "normalize and product": (VECTOR, lambda x: qla.normalize(FREE @ x)),
}


NAMES = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in CHAINS]


def chain(start: Any, step: Callable[[Any], Any], length: int) -> Any:
    for _ in range(length):
        start = step(start)
    return start


def state(enc: Encoding) -> jax.Array:
    return jnp.zeros((1 << enc.num_ancillas, 1 << enc.num_qubits)).at[0, 0].set(1)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "apply": lambda enc: enc.apply(state(enc)),
    "apply_adjoint": lambda enc: enc.apply_adjoint(state(enc)),
    "flagged": lambda enc: enc.flagged(state(enc)[0]),
    "matvec": lambda enc: enc.matvec(X),
    "rmatvec": lambda enc: enc.rmatvec(X),
    "block": qla.block,
    "postselect": lambda enc: qla.postselect(enc, X),
    "unitary": qla.unitary,
    "run": qla.run,
    "run_projected": qla.run_projected,
}
OF_MATRICES = {"matvec", "rmatvec", "block", "postselect", "unitary"}
OF_VECTORS = {"run", "run_projected"}
WITHOUT_ANCILLAS = {"matvec", "rmatvec", "block"}  # a combination has one more of these with each level


def views_of(name: str) -> list[str]:
    if name == "combination":
        return sorted(WITHOUT_ANCILLAS)
    others = OF_VECTORS if isinstance(CHAINS[name][0], BlockEncoding) else OF_MATRICES
    return [view for view in VIEWS if view not in others]


# --- Loops.


@pytest.mark.parametrize("view", ["matvec", "rmatvec", "block"])
@pytest.mark.parametrize(
    ("step", "gains"),
    [
        (lambda x: qla.product(DIAGONAL, x), ENTRIES),
        (lambda x: qla.scale(x, 0.99j), 0.99j),
        (lambda x: qla.scale(x, 0.99j).adjoint(), None),
        (lambda x: qla.linear_combination(x, weights=[0.99]), 0.99),
        (lambda x: qla.scale(qla.product(x, DIAGONAL), 1.01), 1.01 * ENTRIES),
    ],
    ids=["product", "scale", "scale and adjoint", "one-term combination", "product and scale"],
)
@pytest.mark.sample(1)
def test_encoded_views_of_long_chains_are_those_of_the_matrices(view, step, gains):
    enc = chain(DIAGONAL, step, DEEP)
    wanted = np.diag(ENTRIES).astype(complex)
    for _ in range(DEEP):
        wanted = (0.99j * wanted).conj().T if gains is None else gains * wanted
    matrix = {"matvec": wanted @ X, "rmatvec": wanted.conj().T @ X, "block": wanted}[view]
    np.testing.assert_allclose(VIEWS[view](enc), matrix, rtol=1e-10, atol=1e-300)


def test_long_chains_are_run_inside_jit_and_under_vmap():
    enc = chain(DIAGONAL, lambda x: qla.scale(qla.product(DIAGONAL, x), 0.99), 200)
    rows = jnp.stack([X, 2 * X])
    found = jax.jit(jax.vmap(lambda x: enc.matvec(x)))(rows)
    np.testing.assert_allclose(found, rows * (0.99**200 * ENTRIES**201)[None], rtol=1e-12, atol=0)


@pytest.mark.slow
def test_projected_runs_of_long_products_are_those_of_the_matrices():
    vec = chain(VECTOR, lambda x: DIAGONAL @ x, DEEP)
    wanted = np.array([0.6, 0.8]) * ENTRIES**DEEP
    np.testing.assert_allclose(qla.run_projected(vec), wanted, rtol=1e-12, atol=0)
    np.testing.assert_allclose(vec.encoded, wanted, rtol=1e-12, atol=0)


@pytest.mark.parametrize("size", [0.7, -0.7j, 0.0])
def test_a_combination_of_one_part_is_its_multiple_in_the_circuit(size):
    enc, vec = qla.linear_combination(DIAGONAL, weights=[size]), qla.vector_sum(VECTOR, weights=[size])
    np.testing.assert_allclose(qla.block(enc), size * np.diag(ENTRIES), rtol=0, atol=1e-14)
    np.testing.assert_allclose(qla.postselect(enc, X), size * ENTRIES * X, rtol=0, atol=1e-14)
    for run in (qla.run, qla.run_projected):
        np.testing.assert_allclose(run(vec), size * np.array([0.6, 0.8]), rtol=0, atol=1e-14)
    assert (enc.num_ancillas, vec.num_ancillas) == (DIAGONAL.num_ancillas, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "gain"),
    [
        (lambda x: qla.normalize(0.5 * x), 0.0),
        (lambda x: FREE @ x, 0.0),
        (lambda x: 0.5 * x, np.log(0.5)),
        (lambda x: qla.vector_tensor(x, qla.vector_encode(np.array([2.0]))), np.log(2.0)),
        (lambda x: qla.vector_sum(x, qla.normalize(x)), None),
    ],
    ids=["normalize", "matrix_vector_product", "one-term sum", "tensor", "shared part"],
)
def test_logarithms_of_alpha_of_long_chains_are_sums(step, gain):
    length = LONG if gain is not None else 40  # the whole asks the same part twice: 2^40 questions would not end
    start = qla.vector_encode(np.array([0.6, 0.8]))
    if gain is None:
        vec = start
        for _ in range(6):
            vec = step(vec)
        wanted = float(jnp.log(vec.alpha))
    else:
        vec, wanted = chain(start, step, length), length * gain
    np.testing.assert_allclose(vec.log_alpha, wanted, rtol=1e-12, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHAINS)
def test_long_chains_are_equal_to_their_copies_alone(name):
    start, step = CHAINS[name]
    length = 300 if name == "tensor" else LONG
    enc = chain(start, step, length)
    assert enc == chain(start, step, length)
    assert enc != chain(start, step, length - 1)
    changed = start.replace(eps=start.eps + 1e-3)  # nothing above a vector's error reads it, but its own field
    assert enc != chain(changed, step, length)


# --- Errors.


def refused(view: Callable[[Any], Any], enc: Encoding) -> bool:
    """Whether a view refuses an encoding, in words that name it and its depth."""
    try:
        view(enc)
    except NestingError as error:
        told = (
            rf"`(self|enc|vec)` must be nested less deep .*, but is a {type(enc).__name__} nested {enc.nesting} deep\."
        )
        assert re.match(told, str(error)), str(error)
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_views_of_long_chains_return_a_result_or_name_the_nested_argument(name):
    start, step = CHAINS[name]
    long, short = chain(start, step, 100 if name == "tensor" else DEEP), chain(start, step, 20)
    for view in views_of(name):
        refused(VIEWS[view], long)
        assert not refused(VIEWS[view], short), view


@pytest.mark.slow
def test_nested_circuits_are_refused():
    assert refused(VIEWS["apply"], chain(*CHAINS["product"], LONG))
    assert refused(VIEWS["matvec"], chain(*CHAINS["combination"], LONG))


def test_functions_that_take_encodings_name_them_too():
    enc = chain(*CHAINS["scale"], LONG)
    for call in (
        lambda: qla.pseudo_inverse(enc, 2.0, relative_eps=0.1),
        lambda: jax.jit(lambda s: enc.apply(s))(state(enc)),
    ):
        with pytest.raises(ValueError, match=rf"`(enc|self)` must be nested .* nested {LONG} deep"):
            call()


def test_a_recursion_error_without_a_nested_argument_is_raised_unchanged():
    def endless(x: Any) -> Any:
        return endless(x)

    with pytest.raises(RecursionError):
        qla.polynomials.interpolant(endless, parity="odd")


def test_nesting_counts_the_levels_around_the_innermost_leaf():
    assert (FREE.nesting, (FREE @ FREE).nesting, qla.normalize((2.0 * (FREE @ FREE)) @ VECTOR).nesting) == (0, 1, 4)
