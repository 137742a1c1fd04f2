"""What code needs to run alike in all modes of JAX: strict promotion, `shard_map`, explicit mesh axes.

Under `jax.numpy_dtype_promotion("strict")` nothing is promoted unless someone casts it: `common_dtype` says to what;
functions that count and round all over are exempt by `default_promotion`.
Inside `jax.shard_map` a loop must carry from the start what differs between devices at the end: `varying_like` makes
constants so. Without a jit around it `shard_map` traces every operation, on known numbers, too: `known_stays_known`
computes these at once. Over an explicit mesh axis a reshape that both merges and splits is refused: `reshaped` does it
in two.

Example:
    >>> with jax.numpy_dtype_promotion("strict"):
    ...     common_dtype(jnp.ones(2, jnp.float32), jnp.complex64).name
    'complex64'
    >>> varying_like(jnp.zeros(2), jnp.ones(3)), reshaped(jnp.arange(4).reshape(2, 2), (1, 4, 1)).shape
    (Array([0., 0.], dtype=...), (1, 4, 1))
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import AxisType

from qla_jax._recursion import RAN_OUT, require_shallow

P = ParamSpec("P")
R = TypeVar("R")
Tree = TypeVar("Tree")

_within: ContextVar[bool] = ContextVar("within", default=False)
"""Whether a function with default promotion is being called: only the outermost one names what its caller gave."""


def common_dtype(*values: Any) -> jnp.dtype:
    """Return the dtype that JAX's default promotion gives to arrays, numbers and dtypes together, in every mode."""
    with jax.numpy_dtype_promotion("standard"):
        return jnp.dtype(jnp.result_type(*values))


def default_promotion(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function promote dtypes within itself as JAX does by default, whatever the mode of its caller is.

    A call that runs out of Python's recursion raises an error that names the argument nested too deep (`_recursion`).
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        outer = _within.get()
        _within.set(True)
        try:
            with jax.numpy_dtype_promotion("standard"):
                return function(*args, **kwargs)
        except RAN_OUT:
            if not outer:
                require_shallow(function, args, kwargs)
            raise
        finally:
            _within.set(outer)

    return call


def promoted(*arrays: Array) -> list[Array]:
    """Return all arrays in their common dtype."""
    dtype = common_dtype(*arrays)
    return [array.astype(dtype) for array in arrays]


@contextlib.contextmanager
def known_stays_known(*values: Any) -> Iterator[None]:
    """Compute at once what is computed from known values, inside jit and `shard_map`, too; traced ones are left alone.

    Args:
        values: pytrees of everything that the computation takes.
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values)):
        yield
        return
    no_mesh = jax.sharding.AbstractMesh((), ())  # for an abstract one nothing can be computed
    # `jax.ensure_compile_time_eval` does not reach operations that `shard_map` runs without jit (jax 0.10.2, 0.11.2).
    with jax.core.eval_context(), jax.sharding.use_abstract_mesh(no_mesh):
        yield


def varying_like(values: Tree, *references: Any) -> Tree:
    """Return arrays that differ between devices, and items of a batch, as the references do.

    Args:
        values: a pytree of arrays, such as constants that a loop starts from.
        references: pytrees of everything that the loop brings into what it carries.
    """
    found = jax.tree.leaves(references)
    axes = frozenset[Any]().union(*(_varying(leaf) for leaf in found))

    def cast(leaf: Any) -> Any:
        missing = axes - _varying(leaf)
        return jax.lax.pcast(leaf, tuple(sorted(missing)), to="varying") if missing else leaf

    values = jax.tree.map(cast, values) if axes else values
    return _batched(values, found) if _in_explicit_mesh() else values


def reshaped(x: Array, shape: Sequence[int]) -> Array:
    """Return `x.reshape(shape)` by way of one axis, from which and to which sharded batches are followed.

    Args:
        x: any array.
        shape: the new lengths of its axes.
    """
    return x.reshape(-1).reshape(tuple(shape))


def _in_explicit_mesh() -> bool:
    return AxisType.Explicit in jax.sharding.get_abstract_mesh().axis_types


def _batched(values: Tree, references: list[Any]) -> Tree:
    """Return the values with zeros of the references added: `vmap` over an explicit axis cannot add the axis itself."""
    zero = sum(((x == x).reshape(-1)[0] & False for x in references if jnp.size(x)), jnp.zeros((), bool))

    def add(leaf: Any) -> Any:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = jax.random.key_data(leaf)
            return jax.random.wrap_key_data(data + zero.astype(data.dtype), impl=jax.random.key_impl(leaf))
        return leaf | zero if leaf.dtype == bool else leaf + zero.astype(leaf.dtype)

    return jax.tree.map(add, values)


def _varying(leaf: Any) -> frozenset[Any]:
    found = getattr(jax.typeof(leaf), "manual_axis_type", None)
    return frozenset() if found is None else found.varying
