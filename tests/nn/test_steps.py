"""Costs of numbers in registers, folded over the steps that computed them."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from qla_jax.arithmetic import Format, counts
from qla_jax.arithmetic.circuits import operation
from qla_jax.measurement import exact_readout
from qla_jax.nn.measured import Pass
from qla_jax.nn.network import MeasuredNetwork
from qla_jax.nn.overheads import overhead
from qla_jax.nn.qam import Arithmetic
from qla_jax.nn.steps import ArithmeticStep, Numbers, operations, stacked, steps_up_to
from qla_jax.nn.tables import row_depth

FORMAT = Format(bits=8, fraction=4)
QAM = Arithmetic()


def test_operations_of_a_sum_count_its_numbers_once_per_product():
    x = QAM.relu(jnp.ones((2, 3)))
    y = QAM.dense(QAM.dense(x, jnp.ones((5, 3))), jnp.ones((4, 5)), jnp.ones(4))
    inner = 3 * (1 + 1)  # a relu and a product for each of three numbers
    assert dict(operations(y.step)) == {"relu": 5 * 3, "multiply": 5 * (inner // 2 + 1), "add": 5 * (3 + 1) + 1}


def test_inputs_side_by_side_count_once_and_so_do_products_of_shared_steps():
    x = QAM.dense(jnp.ones((2, 3)), jnp.ones((3, 3)))
    joined = QAM.add(QAM.relu(x), x)
    assert dict(operations(joined.step)) == {"multiply": 3, "add": 3 + 1, "relu": 1}
    assert [step.products for step in steps_up_to(joined.step)] == [0, 2 * 9, 0, 0]
    assert operations(stacked([x, x]).step) == operations(x.step)


def test_numbers_in_memory_take_no_operations_but_keep_their_products():
    x = QAM.dense(jnp.ones((2, 3)), jnp.ones((3, 3)))
    y = QAM.relu(x.in_memory())
    assert dict(operations(y.step)) == {"relu": 1}
    assert sum(step.products for step in steps_up_to(y.step)) == 2 * 9


def test_depth_of_numbers_is_the_depth_of_their_circuits_in_a_row():
    y = QAM.relu(QAM.dense(jnp.ones((2, 3)), jnp.ones((3, 3))))
    depth = {name: counts(operation(name, FORMAT)).t_depth for name in ("multiply", "add", "relu")}
    assert y.t_depth(FORMAT) == 3 * (depth["multiply"] + depth["add"]) + depth["relu"]
    with pytest.raises(ValueError, match="root of nothing"):
        row_depth({"root of nothing": 1}, FORMAT)


def test_chains_of_steps_of_any_length_are_folded():
    step = ArithmeticStep()
    for _ in range(20_000):
        step = ArithmeticStep((step,), once={"add": 1})
    assert operations(step) == {"add": 20_000}


def test_products_count_for_the_first_transfer_that_needs_them():
    flow = Pass(exact_readout(), QAM, key=jax.random.key(0))
    x = flow.qam.dense(jnp.ones((2, 3)), jnp.ones((3, 3)))
    read = flow.transfer("first", flow.qam.relu(x))
    flow.transfer("second", flow.qam.add(read, x))  # x is not in memory: its operations count again
    assert [transfer.macs for transfer in flow.transfers] == [18, 0]
    assert dict(flow.transfers[1].operations) == {"multiply": 3, "add": 4, "arccos": 1}
    assert flow.run(Numbers(jnp.ones(3), ArithmeticStep(held=(x.step,), products=7))).rest == 7


class OwnNetwork(MeasuredNetwork):
    """A custom network of two layers that states no costs."""

    def __init__(self) -> None:
        super().__init__(exact_readout(), None)
        self.weight = nnx.Param(jnp.ones((4, 12)))

    def forward(self, image, flow):
        hidden = flow.transfer("hidden", flow.qam.dense(image.reshape(1, -1), self.weight[...]))
        return flow.transfer("logits", flow.qam.relu(hidden)).rearranged(lambda rows: rows[0])

    def takes(self):
        return 1, None, None


def test_a_custom_network_is_counted_from_its_layers():
    found = overhead(OwnNetwork(), (1, 3, 4), FORMAT)
    assert [(layer.name, layer.macs) for layer in found.layers] == [("hidden", 48), ("logits", 0)]
    arccos = row_depth({"arccos": 1}, FORMAT)
    assert [layer.depth for layer in found.layers] == [row_depth({"multiply": 12, "add": 12}, FORMAT) + arccos,
                                                       row_depth({"relu": 1}, FORMAT) + arccos]  # fmt: skip
