"""What encodings show of themselves, and the first line of the errors for arrays and foreign objects."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from rich.console import Console

import qla_jax as qla
from tests.cases import ENCODINGS, VECTORS, in_default_lane

A = qla.block_encode(np.diag([1.0, 0.5]))
VEC = qla.vector_encode(np.array([0.6, 0.8]))


def test_the_tree_shows_every_part_once_with_its_calls():
    three = qla.qsvt(A @ A, [0, 0, 0, 0.5])
    assert str(three.tree()).splitlines() == [
        f"QSVT             2 x 2  alpha 1  eps {float(three.eps):.4g}  3 + 1 qubits",
        "└─ Product x 3   2 x 2  alpha 1  eps 0  2 + 1 qubits",
        "   └─ Dense x 2  2 x 2  alpha 1  eps 0  1 + 1 qubits",
    ]


def test_the_tree_ends_at_the_requested_depth():
    nested = A
    for _ in range(5):
        nested = nested @ A + A
    lines = [str(nested.tree(depth)).splitlines() for depth in (0, 1, 2)]
    assert [len(found) for found in lines] == [1, 3, 5]
    assert len(str(nested.tree()).splitlines()) > 5
    with pytest.raises(ValueError, match="`depth` must be at least 0"):
        nested.tree(-1)


def test_the_tree_of_a_stack_and_of_a_traced_encoding_say_so():
    stack = jax.vmap(qla.block_encode)(np.stack([np.eye(2)] * 3))
    assert "alpha of shape (3,)" in str(stack.tree())
    seen = []
    jax.eval_shape(lambda a: seen.append(str(qla.block_encode(a).tree())), np.eye(2))
    assert "alpha traced" in seen[0]


def test_rich_prints_the_tree_with_the_same_nodes():
    console = Console(width=200, record=True, file=io.StringIO())
    enc = (A @ A) + A
    console.print(enc.tree())
    printed, plain = console.export_text().splitlines(), str(enc.tree()).splitlines()
    assert [line.split()[-3:] for line in printed] == [line.split()[-3:] for line in plain]


def test_the_representation_names_the_parts_to_depth_two():
    assert repr(A).startswith("Dense(alpha=")
    assert repr(A @ (2.0 * A)).startswith("Product(Dense, Scaled(Dense); alpha=2")
    assert repr((A @ (A @ (A @ A))) @ VEC).startswith("MatrixVectorProduct(Product(Dense, Product(...)), StatePrep")


class Operator:
    """A stand-in for a sparse sum of Pauli words: it has its words as a list."""

    def to_list(self) -> list[tuple[str, complex]]:
        return [("XZ", 1.0)]


REFUSED = {
    "array on the right": (lambda: A @ np.ones(2), "enc.matvec(x)"),
    "jax array on the right": (lambda: A @ VEC.encoded, "enc.matvec(x)"),
    "list on the right": (lambda: A @ [1.0, 2.0], "enc.matvec(x)"),
    "array left of a vector": (lambda: np.eye(2) @ VEC, "block_encode(matrix) @ vec"),
    "array on the left": (lambda: np.ones((2, 2)) @ A, "block_encode(matrix) @ enc"),
    "sparse matrix": (lambda: qla.block_encode(scipy.sparse.eye_array(2)), "block_encode_sparse(matrix)"),
    "operator": (lambda: qla.block_encode(Operator()), "block_encode_pauli(operator)"),
    "vector encoding to a readout": (lambda: qla.exact_readout()(VEC, key=None), "vec.encoded"),
    "block encoding to a readout": (lambda: qla.exact_readout()(A, key=None), "block(enc)"),
    "vector encoding as a matrix": (lambda: qla.block_encode(VEC), "vec.encoded"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_error_of_an_operator_suggests_what_to_write(name):
    call, told = REFUSED[name]
    with pytest.raises((TypeError, ValueError)) as refused:
        call()
    assert told in str(refused.value).splitlines()[0]


@pytest.mark.parametrize("case", in_default_lane([*ENCODINGS, *VECTORS]))
@pytest.mark.sample(8)
def test_every_encoding_has_a_tree_with_its_parts(case):
    enc = case.build(jax.tree.map(jnp.asarray, case.params))
    rows = str(enc.tree()).splitlines()
    called = {id(use.part) for use in enc.uses() if use.forward + use.adjoint}
    assert rows[0].startswith(type(enc).__name__) and len(rows) > len(called)
