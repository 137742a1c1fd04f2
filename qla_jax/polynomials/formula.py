"""Formulas in x that a user types, parsed by Python's own parser and never executed as Python code.

A formula consists of numbers, x, pi, e, the operators + - * / ** and the functions below. Anything else raises an error
that names it. All arithmetic is in NumPy's float64, so that no power can use the memory or the time of an unbounded
integer.

Example:
    >>> parse("erf(4*x)/2")(np.array([0.0, 1.0])).round(6).tolist()
    [0.0, 0.5]
"""

import ast
import operator
import sys
from collections.abc import Callable

import numpy as np
import scipy.special

Function = Callable[[np.ndarray], np.ndarray]

LONGEST = 1000
"""Largest number of characters of an expression, which limits how deep Python's parser nests."""
CONSTANTS = {"pi": np.pi, "e": np.e}
FUNCTIONS: dict[str, Callable] = {
    "abs": np.abs,
    "acos": np.arccos,
    "asin": np.arcsin,
    "atan": np.arctan,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "exp": np.exp,
    "log": np.log,
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}
OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def parse(text: str) -> Function:
    """Return the function of a formula, from points to as many values, which are NaN or infinite outside its domain.

    Raises:
        ValueError: text that is no formula, or a formula with an element that is not listed in the module's docstring.
    """
    if len(text) > LONGEST:
        raise ValueError(f"`expression` must have at most {LONGEST} characters, but has {len(text)}.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"`expression` must be a formula in x, but is {text!r}.") from error
    compiled = _read(tree.body, text)

    def function(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.broadcast_to(compiled(np.asarray(x, float)), np.shape(x)).astype(float)

    return function


def _read(node: ast.expr, text: str) -> Function:
    match node:
        case ast.Constant(value=bool() | complex()):
            pass
        case ast.Constant(value=int() | float() as number):
            value = float(number) if number <= sys.float_info.max else np.inf  # large integers compare exactly
            return lambda x: np.full_like(x, value)
        case ast.Name(id="x"):
            return lambda x: x
        case ast.Name(id=name) if name in CONSTANTS:
            constant = np.float64(CONSTANTS[name])
            return lambda x: np.full_like(x, constant)
        case ast.UnaryOp(op=op, operand=inner) if type(op) in OPERATORS:
            single, argument = OPERATORS[type(op)], _read(inner, text)
            return lambda x: single(argument(x))
        case ast.BinOp(left=first, op=op, right=second) if type(op) in OPERATORS:
            double, left, right = OPERATORS[type(op)], _read(first, text), _read(second, text)
            return lambda x: double(left(x), right(x))
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in FUNCTIONS:
            applied, argument = FUNCTIONS[name], _read(inner, text)
            return lambda x: applied(argument(x))
    power = "; a power is written **" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor) else ""
    raise ValueError(
        f"`expression` must be made of numbers, x, pi, e, + - * / ** and {', '.join(FUNCTIONS)} of one argument, "
        f"but has {ast.get_source_segment(text.strip(), node) or type(node).__name__!r}{power}."
    )
