"""Helpers for code that runs the same in all modes of JAX: strict promotion, `shard_map`, explicit mesh axes.

* Under `jax.numpy_dtype_promotion("strict")` dtypes are promoted only by casts. `common_dtype` returns the dtype to
  cast to, and `default_promotion` exempts functions with many promotions.
* Inside `jax.shard_map` the initial carry of a loop must vary between devices like the final one. `varying_like` casts
  constants accordingly.
* Without a jit around it `shard_map` traces every operation, also on concrete numbers. `known_stays_known` computes
  these immediately.
* Over an explicit mesh axis JAX rejects a reshape that both merges and splits axes. `reshaped` takes two steps.

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
"""True during the call of a function with default promotion: only the outermost one names the caller's argument."""


def common_dtype(*values: Any) -> jnp.dtype:
    """Return the dtype that JAX's default promotion gives to arrays, numbers and dtypes together, in every mode."""
    with jax.numpy_dtype_promotion("standard"):
        return jnp.dtype(jnp.result_type(*values))


def default_promotion(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that it promotes dtypes as JAX does by default, in every mode of its caller.

    A call that exceeds Python's recursion limit raises an error that names the argument nested too deep (`_recursion`).
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
    """Compute with concrete values immediately, also inside jit and `shard_map`, as a context manager.

    The context has no effect if one of the values is traced.

    Args:
        values: pytrees of all inputs of the computation.
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values)):
        yield
        return
    no_mesh = jax.sharding.AbstractMesh((), ())  # nothing can be computed under an abstract mesh with axes
    # `jax.ensure_compile_time_eval` does not reach operations that `shard_map` runs without jit (jax 0.10.2, 0.11.2).
    with jax.core.eval_context(), jax.sharding.use_abstract_mesh(no_mesh):
        yield


def varying_like(values: Tree, *references: Any) -> Tree:
    """Return arrays marked as varying between devices, and between items of a batch, like the references.

    Args:
        values: pytree of arrays, such as constants from which a loop starts.
        references: pytrees of all arrays that enter the carry of the loop.
    """
    found = jax.tree.leaves(references)
    axes = frozenset[Any]().union(*(_varying(leaf) for leaf in found))

    def cast(leaf: Any) -> Any:
        missing = axes - _varying(leaf)
        return jax.lax.pcast(leaf, tuple(sorted(missing)), to="varying") if missing else leaf

    values = jax.tree.map(cast, values) if axes else values
    return _batched(values, found) if _in_explicit_mesh() else values


def reshaped(x: Array, shape: Sequence[int]) -> Array:
    """Return `x.reshape(shape)`, over an explicit mesh in two steps, which JAX can follow for sharded batches.

    Args:
        x: any array.
        shape: new lengths of the axes.
    """
    return (x.reshape(-1) if _in_explicit_mesh() else x).reshape(tuple(shape))


def _in_explicit_mesh() -> bool:
    return AxisType.Explicit in jax.sharding.get_abstract_mesh().axis_types


def _batched(values: Tree, references: list[Any]) -> Tree:
    """Return the values with zeros computed from the references added, which gives them the batch axis of these."""
    # `vmap` over an explicit mesh axis cannot add the axis to a constant. A zero that is computed from the references
    # has the axis from the start.
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
