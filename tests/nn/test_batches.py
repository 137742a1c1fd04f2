"""Constructors of modules refuse sizes that no call could use; calls refuse arguments that are no batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qla_jax import nn
from qla_jax.nn.quanvolution import gradient_access, mean_loss
from qla_jax.variational import cross_entropy, placement, quanvolution_spec

SHAPE, RNGS = (1, 4, 4), nnx.Rngs(0)


def resqunn(head=None):
    return nn.ResQuNN(SHAPE, placement("none", 1), (quanvolution_spec(),), head=head, rngs=RNGS)


ON_ROWS = {
    "QuantumClassifier": lambda: nn.QuantumClassifier(4, 2, rngs=RNGS),
    "QuantumConvNet": lambda: nn.QuantumConvNet(4, 1, rngs=RNGS),
    "PlainMLP": lambda: nn.PlainMLP((4, 2), rngs=RNGS),
    "DenseHead": lambda: nn.DenseHead(4, 2, rngs=RNGS),
    "QuantumHead": lambda: nn.QuantumHead(2, num_qubits=2, rngs=RNGS),
}
ON_IMAGES = {
    "PlainCNN": lambda: nn.PlainCNN(2, 1, SHAPE, 2, rngs=RNGS),
    "PlainPatchCNN": lambda: nn.PlainPatchCNN(2, 1, SHAPE, 2, rngs=RNGS),
    "PlainResNet": lambda: nn.PlainResNet(1, 2, width=2, stages=1, blocks=1, rngs=RNGS),
    "PlainTransformer": lambda: nn.PlainTransformer(SHAPE, 2, patch=2, width=2, heads=1, depth=1, rngs=RNGS),
    "QResNet": lambda: nn.QResNet(1, 2, width=2, stages=1, blocks=1, rngs=RNGS),
    "QTransformer": lambda: nn.QTransformer(SHAPE, 2, patch=2, width=2, heads=1, depth=1, rngs=RNGS),
    "Quanvolution": lambda: nn.Quanvolution(quanvolution_spec(), rngs=RNGS),
    "ResQuNN": resqunn,
}
MODULES = ON_ROWS | ON_IMAGES


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.sample(2)
def test_a_single_item_without_batch_axis_is_refused(name):
    one = jnp.ones(SHAPE if name in ON_IMAGES else 4)
    made = MODULES[name]()
    assert jax.eval_shape(made, one[None]).shape[0] == 1
    for call in (made, lambda x: jax.eval_shape(made, x)):
        with pytest.raises(ValueError, match=r"^`(inputs|images|features)` must "):
            call(one)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.sample(4)
def test_items_of_another_size_are_refused(name):
    wrong = jnp.ones((2, 3, 5, 5) if name in ON_IMAGES else (2, 5))
    with pytest.raises(ValueError, match=r"^`(inputs|images|features)` must "):
        MODULES[name]()(wrong)


@pytest.mark.parametrize("name", MODULES)
def test_entries_that_are_not_finite_numbers_are_refused(name):
    batch = np.ones((2, *(SHAPE if name in ON_IMAGES else (4,))))
    for wrong in (np.where(np.arange(batch.size).reshape(batch.shape) == 1, np.nan, batch), batch.astype(str)):
        with pytest.raises(ValueError, match=r"^`(inputs|images|features)` must "):
            MODULES[name]()(wrong)


BUILT = [
    ("num_classes", lambda n: nn.QuantumClassifier(2, n, rngs=RNGS), (0, 3, 1.5)),
    ("num_qubits", lambda n: nn.QuantumClassifier(n, 1, rngs=RNGS), (0, "2", None)),
    ("depth", lambda n: nn.QuantumClassifier(2, 1, depth=n, rngs=RNGS), (0, -1, True)),
    ("stages", lambda n: nn.QuantumConvNet(4, n, rngs=RNGS), (0, 3, 1.5)),
    ("widths", lambda n: nn.PlainMLP(n, rngs=RNGS), ((), (3,), (3, 0), (3, 1.5), 3)),
    ("depth", lambda n: nn.PlainCNN(2, n, SHAPE, 2, rngs=RNGS), (0, 1.5)),
    ("shape", lambda n: nn.PlainCNN(2, 1, n, 2, rngs=RNGS), ((4, 4), (1, 4, 0), 4)),
    ("depth", lambda n: nn.PlainPatchCNN(2, n, SHAPE, 2, rngs=RNGS), (0, 3)),
    ("outcomes", lambda n: nn.PlainResNet(1, n, rngs=RNGS), (0, 2.0)),
    ("patch", lambda n: nn.PlainTransformer(SHAPE, 2, patch=n, width=2, heads=1, depth=1, rngs=RNGS), (0, 3)),
    ("heads", lambda n: nn.PlainTransformer(SHAPE, 2, patch=2, width=4, heads=n, depth=1, rngs=RNGS), (0, 3)),
    ("hidden", lambda n: nn.QTransformer(SHAPE, 2, patch=2, width=2, heads=1, depth=1, hidden=n, rngs=RNGS), (0,)),
    ("stages", lambda n: nn.QResNet(1, 2, stages=n, rngs=RNGS), (0, 1.0)),
    ("stride", lambda n: nn.QResidualBlock(1, 1, stride=n, rngs=RNGS), (0, 1.5)),
    ("num_classes", lambda n: nn.QuantumHead(n, num_qubits=2, rngs=RNGS), (0, 3)),
    ("size", lambda n: nn.DenseHead(n, rngs=RNGS), (0, 2.5)),
    ("image_channels", lambda n: nn.Quanvolution(quanvolution_spec(), n, rngs=RNGS), (0, 1.5)),
    ("features", lambda n: resqunn(nn.DenseHead(n, 2, rngs=RNGS)), (3, 5)),
    ("features", lambda n: resqunn(nn.QuantumHead(1, num_qubits=n, rngs=RNGS)), (1,)),
]


@pytest.mark.parametrize(("name", "build", "wrong"), BUILT, ids=lambda value: value if isinstance(value, str) else "")
def test_constructors_refuse_sizes_that_no_call_could_use(name, build, wrong):
    for value in wrong:
        with pytest.raises(ValueError, match=rf"^`{name}` must "):
            build(value)


NO_KIND = [
    ("spec", lambda: nn.Quanvolution("spec", rngs=RNGS)),
    ("ansatz", lambda: nn.QuantumClassifier(2, 1, ansatz="ring", rngs=RNGS)),
    ("transfers", lambda: nn.QResNet(1, 2, transfers=True, rngs=RNGS)),
    ("transfers", lambda: nn.QTransformer(SHAPE, 2, patch=2, width=2, heads=1, depth=1, transfers=1, rngs=RNGS)),
    ("placement", lambda: nn.ResQuNN(SHAPE, "none", (quanvolution_spec(),), rngs=RNGS)),
    ("specs", lambda: nn.ResQuNN(SHAPE, placement("none", 1), (2,), rngs=RNGS)),
    ("network", lambda: nn.overhead(nn.PlainMLP((2, 2), rngs=RNGS), SHAPE, None)),
    ("format", lambda: nn.arithmetic_softmax(12)),
    ("gradients", lambda: nn.estimated_dense(jnp.ones((2, 2)), jnp.ones((2, 2)), "qae", key=jax.random.key(0))),
]


@pytest.mark.parametrize(("name", "call"), NO_KIND, ids=lambda value: value if isinstance(value, str) else "")
def test_arguments_of_another_kind_are_refused_by_name(name, call):
    with pytest.raises(TypeError, match=rf"^`{name}` must be of type "):
        call()


LABELS = {
    "not a number": np.array([np.nan, 0.0]),
    "fractions": np.array([0.5, 1.0]),
    "one-hot": np.eye(2, dtype=int),
    "one-hot floats": np.eye(2),
    "too large": np.array([0, 10]),
    "negative": np.array([-1, 0]),
    "too few": np.array([1]),
    "scalar": np.array(1),
    "truth values": np.array([True, False]),
    "words": np.array(["cat", "dog"]),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_that_are_no_classes_are_refused_by_name(labels):
    images = jnp.ones((2, *SHAPE))
    for loss in (mean_loss, gradient_access):
        with pytest.raises(ValueError, match=r"^`labels` must "):
            loss(resqunn(), images, labels)


@pytest.mark.parametrize("label", [np.nan, 0.5, np.array([0, 1]), np.eye(2, dtype=int), True, 2, -1, "cat", None])
def test_a_label_that_is_no_class_is_refused_by_name(label):
    with pytest.raises(ValueError, match=r"^`label` must "):
        cross_entropy(jnp.array([2.0, 1.0]), label)


def test_scores_of_a_batch_are_refused_by_name():
    with pytest.raises(ValueError, match=r"^`scores` must have one axis"):
        cross_entropy(jnp.array([[2.0, 0.0], [0.0, 3.0]]), 0)
    found = jax.vmap(cross_entropy)(jnp.array([[2.0, 0.0], [0.0, 3.0]]), jnp.array([0, 1]))
    np.testing.assert_allclose(found, np.log1p(np.exp([-2.0, -3.0])), rtol=1e-6)
