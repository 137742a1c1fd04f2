"""Costs counted by hand."""

import jax
import jax.numpy as jnp
import pytest

from qla_jax import polynomials
from qla_jax.accounting import Cost, cost
from qla_jax.encodings.amplitudes import diagonal_of_amplitudes
from qla_jax.encodings.convolution import block_encode_convolution
from qla_jax.encodings.dense import block_encode
from qla_jax.encodings.joint import tensor
from qla_jax.encodings.lemmas import concatenate, vector_sum, vector_tensor
from qla_jax.encodings.vector import normalize, vector_encode
from qla_jax.transforms.activation import activate
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu


def encode(size=2):
    return block_encode(jnp.eye(size))


def prepare(size=2):
    return vector_encode(jnp.ones(size))


def sum_with_itself():
    part = encode()
    return part + part @ part


CIRCUITS = {  # ancillas, all qubits, calls
    "leaf": (encode, (1, 2), {"Dense[0]": 1}),
    "product": (lambda: encode() @ encode(), (2, 3), {"Dense[0]": 1, "Dense[1]": 1}),
    "one encoding thrice": (sum_with_itself, (3, 4), {"Dense[0]": 3}),
    "tensor and adjoint": (lambda: tensor(encode(), encode()).adjoint(), (2, 4), {"Dense[0]": 1, "Dense[1]": 1}),
    "scaled": (lambda: 2.0 * encode(), (1, 2), {"Dense[0]": 1}),
    "Chebyshev combination to T_4": (lambda: chebyshev_lcu(encode(), [1.0, 1, 1]), (3, 4), {"Dense[0]": 4}),
    "one term, no call": (lambda: chebyshev_lcu(encode(), [1.0]), (1, 2), {"Dense[0]": 0}),
    "diagonal": (lambda: diagonal_of_amplitudes(prepare(4)), (2, 4), {"StatePreparation[0]": 1}),
    "activation of degree 5": (
        lambda: activate(prepare(4), polynomials.erf(0.8, degree=5)),
        (2 + 2, 6),
        {"StatePreparation[0]": 5},
    ),
    "layer on a state": (
        lambda: block_encode_convolution(jnp.ones((2, 1, 1, 2)), (1, 2)) @ vector_encode(jnp.ones((1, 1, 2))),
        (1 + 1 + 2, 6),
        {"Convolution[0]": 1, "StatePreparation[0]": 1},
    ),
    "sum, tensor, concatenation": (
        lambda: normalize(vector_sum(vector_tensor(prepare(), prepare()), concatenate([prepare(), prepare()]))),
        (1, 3),
        {f"StatePreparation[{number}]": 1 for number in range(4)},
    ),
}


@pytest.mark.parametrize(("build", "qubits", "calls"), CIRCUITS.values(), ids=CIRCUITS)
def test_calls_and_qubits_are_those_counted_by_hand(build, qubits, calls):
    found = cost(jax.eval_shape(build)) if build is not sum_with_itself else cost(build())
    assert found == Cost(*qubits, calls, sum(calls.values()))


def test_leaves_are_named_in_order_of_first_use():
    names = list(cost(jax.eval_shape(lambda: encode() @ prepare())).num_queries)
    assert names == ["Dense[0]", "StatePreparation[0]"]


def test_calls_of_a_part_multiply_those_within_it():
    """T_2 of diag(A x) calls A x twice, so each of its leaves."""

    def build():
        return chebyshev_lcu(diagonal_of_amplitudes(encode() @ prepare()), [0.0, 1.0])

    assert cost(jax.eval_shape(build)).num_queries == {"Dense[0]": 2, "StatePreparation[0]": 2}
