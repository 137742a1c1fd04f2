"""Laws of all public functions: dtypes, layouts, NumPy integers, and the modes of JAX.

What tracing shows is looked at for every function. Values take a compile for each operation: they are compared for a
sample by default, and for every function where slow tests run.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AbstractMesh, AxisType, NamedSharding, PartitionSpec

from tests.kernels import Kernel, rooms

pytestmark = pytest.mark.x64

ROOMS = rooms()
KERNELS = [kernel for room in ROOMS for kernel in room.KERNELS]
SAMPLE = {name for room in ROOMS for name in room.SAMPLE}
FIRST = {room.SAMPLE[0] for room in ROOMS}
FLOATS = ("float16", "bfloat16", "float32")
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
AXIS, SPEC = "d", PartitionSpec("d")
DOUBLE, SINGLE = (float(jnp.finfo(name).eps) for name in ("float64", "float32"))


def kernels(
    law: str, *, arrays: bool = True, integers: bool = False, values: bool = False, sample: set[str] = SAMPLE
) -> pytest.MarkDecorator:
    """All kernels that a law is about; where it compares values, those outside of the sample are slow."""
    chosen = [k for k in KERNELS if law not in k.without and (k.arrays or not arrays) and (k.integers or not integers)]
    chosen = [k for k in chosen if law != "programs" or not k.exact]  # integers have programs of their own there
    slow = [[pytest.mark.slow] if values and kernel.name not in sample else [] for kernel in chosen]
    named = [
        pytest.param(kernel, marks=marks, id=kernel.name.replace(" ", "-"))
        for kernel, marks in zip(chosen, slow, strict=True)
    ]
    return pytest.mark.parametrize("kernel", named)


def leaves(found: Any) -> list[Any]:
    """All numbers of a result; keys by their words."""
    kinds = jax.Array | np.ndarray | np.generic | float | int | complex
    numbers = [leaf for leaf in jax.tree.leaves(found) if isinstance(leaf, kinds)]
    is_key = [jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key) for leaf in numbers]
    return [jax.random.key_data(leaf) if key else leaf for leaf, key in zip(numbers, is_key, strict=True)]


def called(kernel: Kernel, arrays: Sequence[Any], integers: dict[str, Any] | None = None) -> list[Any]:
    return leaves(kernel.function(*arrays, **{**kernel.integers, **(integers or {})}))


def in_double(kernel: Kernel) -> list[jax.Array]:
    return [jnp.asarray(array) for array in kernel.arrays]


def in_dtype(kernel: Kernel, dtype: str) -> list[jax.Array]:
    return [jnp.asarray(array.astype(jnp.dtype(dtype))) for array in kernel.arrays]


def dtypes_of(kernel: Kernel) -> tuple[str, ...]:
    return FLOATS + SIGNED + (() if kernel.signed else UNSIGNED) + (("bool",) if kernel.bits else ())


def assert_close(kernel: Kernel, found: list[Any], wanted: list[Any], unit: float) -> None:
    assert len(found) == len(wanted)
    for mine, theirs in zip(map(np.asarray, found), map(np.asarray, wanted), strict=True):
        assert mine.shape == theirs.shape
        if theirs.dtype.kind in "biu":
            np.testing.assert_array_equal(mine, theirs)
            continue
        scale = max(1.0, float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0)))
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=kernel.factor * unit * scale)


def names_an_argument(error: Exception) -> bool:
    """Whether a refusal says what was refused, by its name in backticks."""
    return isinstance(error, ValueError | TypeError) and str(error).count("`") >= 2


def shapes(kernel: Kernel, kind: AxisType) -> tuple[AbstractMesh, list[jax.ShapeDtypeStruct]]:
    mesh = AbstractMesh((2,), (AXIS,), axis_types=(kind,))
    sharding = NamedSharding(mesh, SPEC) if kind == AxisType.Explicit else None
    arrays = [jax.ShapeDtypeStruct((2, *array.shape), array.dtype, sharding=sharding) for array in kernel.arrays]
    return mesh, arrays


def traced_in_shard_map(kernel: Kernel, kind: AxisType) -> None:
    mesh, arrays = shapes(kernel, kind)
    mapped = jax.vmap(lambda *arrays: called(kernel, arrays))
    with jax.sharding.use_abstract_mesh(mesh):
        jax.eval_shape(jax.shard_map(mapped, mesh=mesh, in_specs=SPEC, out_specs=SPEC), *arrays)


# --- By tracing, for every function.


@kernels("strict")
@pytest.mark.sample(26)
def test_strict_promotion_is_enough(kernel):
    """For arrays in single precision, which meet the constants of functions in double."""
    arrays = in_dtype(kernel, "float32")
    with jax.numpy_dtype_promotion("strict"):
        jax.eval_shape(lambda *arrays: called(kernel, arrays), *arrays)


@kernels("shard_map")
@pytest.mark.sample(13)
def test_shard_map_of_vmap_is_traced(kernel):
    """With `check_vma`, and an axis in the types of arrays: constants that loops start from are told of it."""
    traced_in_shard_map(kernel, AxisType.Explicit)


@kernels("mesh")
@pytest.mark.sample(13)
def test_vmap_over_an_explicit_mesh_axis_is_traced(kernel):
    mesh, arrays = shapes(kernel, AxisType.Explicit)
    with jax.sharding.use_abstract_mesh(mesh):
        jax.eval_shape(jax.vmap(lambda *arrays: called(kernel, arrays)), *arrays)


def operations(program: jex.Jaxpr) -> Counter:
    """How often a program has each operation with each result, casts aside."""
    found: Counter = Counter()
    for equation in program.eqns:
        if equation.primitive.name != "convert_element_type":
            found[equation.primitive.name, str([variable.aval for variable in equation.outvars])] += 1
        for inner in jax.tree.leaves(list(equation.params.values())):
            if isinstance(inner, jex.ClosedJaxpr | jex.Jaxpr):
                found += operations(inner.jaxpr if isinstance(inner, jex.ClosedJaxpr) else inner)
    return found


@kernels("programs")
@pytest.mark.sample(12)
def test_programs_are_those_of_promoted_arrays(kernel):
    """What is traced for integers and lower precisions is what is traced for the same arrays promoted before.

    For two dtypes, others from one kernel to the next; all are tried where values are compared.
    """
    turn, whole = KERNELS.index(kernel), dtypes_of(kernel)[len(FLOATS) :]
    for dtype, wide in ((FLOATS[turn % len(FLOATS)], jnp.float32), (whole[-1 - turn % len(whole)], jnp.float64)):
        arrays = in_dtype(kernel, dtype)
        try:
            mine = jax.make_jaxpr(lambda *arrays: called(kernel, arrays))(*arrays)
        except Exception as error:
            assert names_an_argument(error), f"{dtype}: {error}"
            continue
        promoted = [array.astype(wide) for array in arrays]
        theirs = jax.make_jaxpr(lambda *arrays: called(kernel, arrays))(*promoted)
        assert operations(mine.jaxpr) == operations(theirs.jaxpr), dtype


@kernels("integers", arrays=False, integers=True)
@pytest.mark.sample(5)
def test_numbers_that_are_not_whole_are_refused(kernel):
    for name, value in kernel.integers.items():
        for wrong in (1.5, True):
            given = jax.tree.map(lambda _, wrong=wrong: wrong, value)
            with pytest.raises((ValueError, TypeError)) as refused:
                called(kernel, in_double(kernel), {name: given})
            assert names_an_argument(refused.value)


@kernels("shapes", arrays=False, integers=True)
@pytest.mark.sample(24)
def test_integers_of_numpy_have_the_results_of_integers(kernel):
    wanted = jax.eval_shape(lambda *arrays: called(kernel, arrays), *in_double(kernel))
    kind = (np.int64, np.uint8, np.array)[KERNELS.index(kernel) % 3]
    cast = {name: jax.tree.map(kind, value) for name, value in kernel.integers.items()}
    found = jax.eval_shape(lambda *arrays: called(kernel, arrays, cast), *in_double(kernel))
    assert [(x.shape, x.dtype) for x in found] == [(x.shape, x.dtype) for x in wanted]


# --- By values.


def assert_same_values(kernel: Kernel, dtype: str) -> None:
    try:
        found = called(kernel, in_dtype(kernel, dtype))
    except Exception as error:
        assert names_an_argument(error), f"{dtype}: {error}"
        return
    wanted = called(kernel, in_double(kernel))
    if dtype in FLOATS and kernel.random:
        assert [np.shape(x) for x in found] == [np.shape(x) for x in wanted]
        return
    assert_close(kernel, found, wanted, SINGLE if (dtype in FLOATS and not kernel.exact) or kernel.single else DOUBLE)


@kernels("dtype", values=True)
@pytest.mark.sample(5)
def test_dtypes_of_arrays_do_not_change_values(kernel):
    """Integers and booleans as float64, lower precisions within float32; or an error that names the argument."""
    for dtype in dtypes_of(kernel):
        assert_same_values(kernel, dtype)


LAYOUTS: dict[str, Callable] = {
    "lists": lambda array: array.tolist(),
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array,
    "scalars": lambda array: array if array.ndim else array[()],
    "swapped bytes": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "extended": lambda array: array.astype(np.clongdouble if np.iscomplexobj(array) else np.longdouble),
}


@kernels("layout", values=True)
@pytest.mark.sample(4)
def test_layouts_of_arrays_do_not_change_values(kernel):
    """Lists, NumPy arrays with strides, in another byte order or longer, and NumPy scalars as those numbers of JAX."""
    wanted = called(kernel, in_double(kernel))
    for name, change in LAYOUTS.items():
        try:
            found = called(kernel, [change(array) for array in kernel.arrays])
        except Exception as error:
            assert names_an_argument(error), f"{name}: {error}"
            continue
        assert_close(kernel, found, wanted, SINGLE if kernel.single else DOUBLE)


@kernels("integers", arrays=False, integers=True, values=True)
def test_integers_of_numpy_have_the_values_of_integers(kernel):
    wanted = called(kernel, in_double(kernel))
    cast = {name: jax.tree.map(np.int64, value) for name, value in kernel.integers.items()}
    assert_close(kernel, called(kernel, in_double(kernel), cast), wanted, 0.0)


@kernels("jit", values=True)
@pytest.mark.sample(9)
def test_jit_is_eager_and_without_nan(kernel):
    arrays = in_double(kernel)
    with jax.debug_nans(True):
        found = jax.jit(lambda *arrays: called(kernel, arrays))(*arrays)
        wanted = called(kernel, arrays)
    assert_close(kernel, found, wanted, SINGLE if kernel.single else DOUBLE)


@pytest.mark.slow
@kernels("shard_map")
def test_shard_map_of_vmap_is_traced_over_an_axis_that_is_not_in_types(kernel):
    traced_in_shard_map(kernel, AxisType.Auto)


SHARDED = """
import json, sys
import jax, jax.numpy as jnp, numpy as np
from tests.kernels import rooms
from tests.test_kernels import called, in_double
mesh = jax.make_mesh((2,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
spec = jax.sharding.PartitionSpec("d")
for kernel in (kernel for room in rooms() for kernel in room.KERNELS if kernel.name in json.loads(sys.argv[1])):
    call, arrays = jax.vmap(lambda *arrays: called(kernel, arrays)), in_double(kernel)
    twice = [jnp.stack([array, array]) for array in arrays]
    sharded = jax.jit(jax.shard_map(call, mesh=mesh, in_specs=spec, out_specs=spec))(*twice)
    for found, wanted in zip(sharded, jax.jit(call)(*twice), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    print(kernel.name)
"""


def sharded(names: set[str]) -> Iterator[str]:
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    given = [sys.executable, "-c", SHARDED, json.dumps(sorted(names))]
    done = subprocess.run(given, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return iter(done.stdout.splitlines())


@pytest.mark.slow
def test_values_on_two_devices_are_those_on_one():
    names = {
        kernel.name
        for kernel in KERNELS
        if kernel.name in FIRST and kernel.arrays and "shard_map" not in kernel.without
    }
    assert set(sharded(names)) == names


# --- The registry itself.


@kernels("jit")
@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray], ids=["NumPy", "JAX"])
@pytest.mark.sample(100)
def test_known_arrays_are_taken_inside_jit(kernel, kind):
    """What a compiled function closes over is known, and every operation on it is traced all the same."""
    arrays = [kind(array) for array in kernel.arrays]
    jax.eval_shape(lambda: called(kernel, arrays))


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__.split(".")[-1])
def test_every_public_function_is_registered_or_exempt(room):
    covered = {kernel.public for kernel in room.KERNELS}
    assert covered | set(room.EXEMPT) == set(room.PUBLIC)
    assert not covered & set(room.EXEMPT)
    reasons = [*room.EXEMPT.values(), *(reason for kernel in room.KERNELS for reason in kernel.without.values())]
    assert all(len(reason) > 10 for reason in reasons)
    assert set(room.SAMPLE) <= {kernel.name for kernel in room.KERNELS}


def test_arrays_are_whole_numbers_that_every_dtype_holds():
    for kernel in KERNELS:
        for array in kernel.arrays:
            assert isinstance(array, np.ndarray | np.float64) and array.dtype == np.float64
            assert np.all((array == np.round(array)) & (np.abs(array) <= 120))
            assert kernel.signed == any(bool((one < 0).any()) for one in kernel.arrays)
