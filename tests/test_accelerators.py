"""What holds on accelerators, seen on this machine: by exported programs, and by arrays that lie on several devices.

NumPy cannot read an array that lies on several virtual devices where it is, like one on an accelerator.
"""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import export
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import qla_jax as qla
from qla_jax._checks import as_numeric, is_concrete, within
from qla_jax.compiling import QUICK, quick_options
from qla_jax.encodings.matrices.dense import from_unitary
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from qla_jax.linalg import memory
from qla_jax.linalg.memory import require_fit
from qla_jax.linalg.norms import convolution_norm_bound
from qla_jax.measurement import tomography
from qla_jax.nn import CoherentResNet, ConvolutionWeight, DenseWeight, TerminalWeight

pytestmark = pytest.mark.x64


def exported(function, *arguments, platform: str = "tpu") -> str:
    """The StableHLO of a function for a platform."""
    return str(export.export(jax.jit(function), platforms=[platform])(*arguments).mlir_module())


def test_a_coherent_network_in_double_precision_holds_nothing_that_a_tpu_is_known_to_refuse():
    """A TPU has no Fourier transform in double precision, and its compiler dies of float64 made complex."""
    rngs, dtype = nnx.Rngs(0), jnp.float64
    weights = [DenseWeight(32, rngs=rngs, dtype=dtype), ConvolutionWeight(2, (4, 4), rngs=rngs, dtype=dtype)]
    net = CoherentResNet(weights, sizes=(2, 4, 4), terminal=TerminalWeight(32, rngs=rngs, dtype=dtype))
    graph, state = nnx.split(net)
    images = jnp.ones((2, 2, 4, 4), dtype)
    loss = jax.value_and_grad(lambda state, images: -jnp.log(nnx.merge(graph, state)(images)[:, 0]).mean())
    text = exported(loss, state, images)
    assert "f64" in text and refused_by_a_tpu(text) == []


def refused_by_a_tpu(text: str) -> list[str]:
    """Lines of a program in double precision that the compiler for a TPU refuses."""
    to_complex = re.compile(r"stablehlo\.convert .*f64>\) -> tensor<.*complex<f64>>")
    return [line for line in text.splitlines() if "stablehlo.fft" in line or to_complex.search(line)]


@pytest.mark.parametrize("kernel", [jnp.ones((2, 1, 3, 2)), jnp.ones((2, 1, 3, 2)) * 1j], ids=["real", "complex"])
def test_norm_bounds_of_convolutions_take_no_fourier_transform(kernel):
    assert refused_by_a_tpu(exported(lambda kernel: convolution_norm_bound(kernel, (4, 20)), kernel)) == []
    # Negative control: the same symbol by a transform, and a product of a complex with a real number.
    assert len(refused_by_a_tpu(exported(jnp.fft.fft2, kernel))) >= 1
    assert len(refused_by_a_tpu(exported(lambda kernel: (kernel + 0j) / kernel.real.max(), kernel))) >= 1


# --- Checks of arrays that NumPy would have to fetch.


@pytest.fixture
def fetched(monkeypatch) -> list[int]:
    """Sizes of the arrays of JAX that NumPy has read."""
    seen, read = [], np.asarray

    def spy(value, *options, **names):
        if isinstance(value, jax.Array):
            seen.append(value.size)
        return read(value, *options, **names)

    monkeypatch.setattr(np, "asarray", spy)
    return seen


def spread(array) -> jax.Array:
    """An array on all virtual devices, a part of its first axis on each."""
    mesh = jax.make_mesh((jax.device_count(),), ("d",), axis_types=(AxisType.Auto,))
    return jax.device_put(array, NamedSharding(mesh, PartitionSpec("d")))


def test_checks_of_arrays_on_other_devices_fetch_numbers_only(fetched):
    x = spread(np.linspace(-0.5, 1, 16))
    assert as_numeric("x", x, 1) is x and within("x", x, -1, 1) is x
    assert jax.jit(lambda: as_numeric("x", x, 1))().shape == (16,)
    from_unitary(spread(np.eye(16)), num_ancillas=1, alpha=1.0, eps=0.0, shape=(8, 8), self_inverse=True)
    vector_from_unitary(spread(np.eye(16)), num_ancillas=1, alpha=1.0, eps=0.0)
    assert set(fetched) <= {1}
    # Negative control: what is on this CPU in one piece is read by NumPy, as it takes no transfer.
    as_numeric("x", jnp.ones(4), 1)
    assert fetched[-2:] == [4, 4]


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (lambda x: as_numeric("x", x.at[3].set(jnp.nan), 1), r"`x` must be finite, but entry \(3,\) is nan"),
        (lambda x: within("x", x, -1, 1), r"`x` must lie in \[-1, 1\], but ranges over \[0.0, 15.0\]"),
        (lambda x: within("x", x * jnp.nan, -1, 1), r"`x` must lie in \[-1, 1\], but ranges over"),
        (lambda x: vector_encode(0 * x), "must not be the zero vector"),
        (lambda x: tomography(delta=0.1)(0 * x, key=jax.random.key(0)), "must not be the zero vector"),
        (
            lambda x: from_unitary(jnp.outer(x, x), num_ancillas=0, alpha=1.0, eps=0.0),
            r"`unitary` must be unitary, but \|U U\^H - I\| reaches 2.79e\+05",
        ),
        (
            lambda x: from_unitary(jnp.diag(0 * x + 1)[::-1], num_ancillas=0, alpha=1.0, eps=0.0, shape=(12, 16)),
            r"`shape` must leave the padding empty, but \(12, 16\) leaves up to 1 there",
        ),
    ],
)
def test_checks_on_other_devices_refuse_what_checks_of_numpy_refuse(check, told):
    x = np.arange(16.0)
    for array in (jnp.asarray(x), spread(x)):
        with pytest.raises(ValueError, match=told):
            check(array)


def test_arrays_of_other_processes_count_as_traced(monkeypatch):
    assert is_concrete(jnp.ones(2), np.ones(2), 3.0) and is_concrete(spread(np.ones(8)))
    array = spread(np.full(8, jnp.nan))
    monkeypatch.setattr(type(array), "is_fully_addressable", property(lambda self: False))
    monkeypatch.setattr(type(array), "is_fully_replicated", property(lambda self: False))
    assert not is_concrete([array]) and as_numeric("x", array, 1) is array


# --- Options and memory of a device.


def test_quick_compiles_are_for_cpus_alone(monkeypatch):
    assert quick_options() == QUICK
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert quick_options() == {}


class Device:
    """A device of an accelerator with a limit on its memory."""

    process_index = 0

    def __init__(self, limit: int) -> None:
        self.memory_stats = lambda: {"bytes_limit": limit}


def test_memory_is_that_of_the_devices_that_hold_the_arrays_and_of_a_whole_mesh(monkeypatch):
    physical = memory.available()
    x = jnp.ones(8)
    assert memory.available(x) == memory.available(spread(np.ones(8))) == physical  # all CPU devices share it
    monkeypatch.setattr(type(x), "devices", lambda self: {Device(100), Device(80)})
    assert memory.available(x) == 160
    monkeypatch.setattr(jax, "local_devices", lambda: [Device(100)])
    assert memory.available() == 100
    with jax.set_mesh(qla.mesh(4)):
        assert memory.available() == 400
        assert jax.eval_shape(lambda x: require_fit(2, 0, x.dtype, x), jnp.ones(1)) is None
    with pytest.raises(ValueError, match="3 states of 2\\^4 amplitudes"):
        require_fit(2, 2, jnp.dtype(float))
