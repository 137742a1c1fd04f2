"""Matrix products and convolutions of a traced program: which of them accelerators may round, and what that does."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax import lax

PRODUCTS = ("dot_general", "ragged_dot_general", "conv_general_dilated")
BFLOAT16 = 7
"""Bits of mantissa with which a TPU multiplies float32 unless it is asked for more."""
CALLS = ("jit", "pjit", "closed_call", "core_call", "remat2", "checkpoint", "custom_jvp_call", "custom_vjp_call")


def programs(value: Any) -> Iterator[jex.Jaxpr]:
    """The programs inside a parameter of an equation."""
    for leaf in jax.tree.leaves(value):
        if isinstance(leaf, jex.ClosedJaxpr | jex.Jaxpr):
            yield leaf.jaxpr if isinstance(leaf, jex.ClosedJaxpr) else leaf


def equations(program: jex.Jaxpr) -> Iterator[Any]:
    """All equations of a program, also those of loops, branches and functions with rules of their own."""
    for equation in program.eqns:
        yield equation
        for inner in programs(list(equation.params.values())):
            yield from equations(inner)


def asks_for_all_bits(equation: Any) -> bool:
    precision = equation.params.get("precision")
    both = precision if isinstance(precision, tuple) else (precision, precision)
    return all(one == lax.Precision.HIGHEST for one in both)


def is_product(equation: Any) -> bool:
    """Whether an equation is a product of inexact numbers."""
    inexact = [jnp.issubdtype(variable.aval.dtype, jnp.inexact) for variable in equation.invars[:2]]
    return equation.primitive.name in PRODUCTS and any(inexact)


def may_be_rounded(equation: Any) -> bool:
    """Whether an equation is a product of inexact numbers whose precision is left to the device."""
    return is_product(equation) and not asks_for_all_bits(equation)


def rounded_products(function: Callable, *arguments: Any) -> list[str]:
    """The products of a function, as text, whose operands an accelerator may round."""
    program = jax.make_jaxpr(function)(*arguments)
    return [str(equation) for equation in equations(program.jaxpr) if may_be_rounded(equation)]


def emulated(function: Callable, *, bits: int = BFLOAT16, always: bool = False) -> Callable:
    """Return a function that computes as a device does whose products keep only some bits, unless asked for all.

    Decompositions, sums and entrywise operations are those of this machine. The function is traced before it is
    evaluated, so that all rules of derivatives inside are applied already.

    Args:
        function: function of arrays or pytrees.
        bits: bits of mantissa that are left of the operands of a product.
        always: True for a device that rounds whatever it is asked for.
    """

    def change(equation: Any, values: list[Any]) -> list[Any]:
        rounds = is_product(equation) if always else may_be_rounded(equation)
        return [_kept(value, bits) for value in values] if rounds else values

    def call(*arguments: Any) -> Any:
        leaves, tree = jax.tree.flatten(arguments)
        program, shape = jax.make_jaxpr(lambda *leaves: function(*tree.unflatten(leaves)), return_shape=True)(*leaves)
        return jax.tree.structure(shape).unflatten(_evaluate(program.jaxpr, program.consts, change, leaves))

    return call


def _evaluate(program: jex.Jaxpr, constants: Any, change: Callable, arguments: Any) -> list[Any]:
    known = dict(zip((*program.constvars, *program.invars), (*constants, *arguments), strict=True))
    for equation in program.eqns:
        values = [one.val if isinstance(one, jex.Literal) else known[one] for one in equation.invars]
        found = _apply(equation, change, values)
        known |= zip(equation.outvars, found, strict=True)
    return [one.val if isinstance(one, jex.Literal) else known[one] for one in program.outvars]


def _apply(equation: Any, change: Callable, values: list[Any]) -> list[Any]:
    params = equation.params
    if equation.primitive.name in CALLS:
        program = params.get("call_jaxpr", params.get("jaxpr"))
        closed = program if isinstance(program, jex.ClosedJaxpr) else jex.ClosedJaxpr(program, ())
        return _evaluate(closed.jaxpr, closed.consts, change, values)
    inside = jax.tree.map(lambda leaf: _changed(leaf, change) if isinstance(leaf, jex.ClosedJaxpr) else leaf, params)
    found = equation.primitive.bind(*change(equation, values), **inside)
    return found if equation.primitive.multiple_results else [found]


def _changed(program: jex.ClosedJaxpr, change: Callable) -> jex.ClosedJaxpr:
    """The program of a loop or of a branch, with the change inside."""
    call = lambda *arguments: _evaluate(program.jaxpr, program.consts, change, arguments)  # noqa: E731
    return jax.make_jaxpr(call)(*program.in_avals)


def _kept(value: Any, bits: int) -> Any:
    """A value of single precision with fewer bits of mantissa; no device rounds double precision."""
    if value.dtype == jnp.complex64:
        return lax.complex(_kept(value.real, bits), _kept(value.imag, bits))
    return lax.reduce_precision(value, 8, bits) if value.dtype == jnp.float32 else value
