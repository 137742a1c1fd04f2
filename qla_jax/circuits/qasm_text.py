r"""Statements and expressions of OpenQASM 3 texts.

Example:
    >>> [(each.line, each.text) for each in statements("OPENQASM 3.0;\n// a comment\nh q[0];")]
    [(1, 'OPENQASM 3.0'), (3, 'h q[0]')]
    >>> numbers("a * pi / 2, -1", {"a": 3.0}, 1)
    (4.71238898038469, -1.0)
    >>> numbers("a", {}, 7)
    Traceback (most recent call last):
        ...
    qla_jax.circuits.qasm_text.QasmError: `text` must have expressions of numbers, but line 7 has `a`.

References:
    Cross et al. (2022), OpenQASM 3. https://arxiv.org/abs/2104.14722
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
MARK = re.compile(r"\[[^\]]*\]|[;{}]")  # braces within brackets list indices
CONSTANTS = {"pi": math.pi, "π": math.pi, "tau": math.tau, "τ": math.tau, "euler": math.e}
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "arccos": math.acos, "arcsin": math.asin, "arctan": math.atan, "cos": math.cos, "sin": math.sin, "tan": math.tan,
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "ceiling": math.ceil, "floor": math.floor,
}  # fmt: skip
# The quotient of two integers is no integer: the standard gates of the specification have powers of 1/2.
BINARY: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
UNARY: dict[type, Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


class QasmError(ValueError):
    """Error for a text that is no circuit of gates; the message names the line."""

    def __init__(self, must: str, line: int, has: str) -> None:
        super().__init__(f"`text` must {must}, but line {line} has {has}.")


@dataclass
class Statement:
    """Statement of a text.

    Attributes:
        line: number of its first line.
        text: text without the semicolon and without a body in braces.
        body: statements of its body; None without braces.
    """

    line: int
    text: str
    body: "list[Statement] | None" = field(default=None)


def statements(text: str) -> list[Statement]:
    """Return the statements of a text, those of a body in braces within the statement that it belongs to.

    Args:
        text: OpenQASM 3.

    Raises:
        QasmError: a statement without an end, or a brace without its partner.
    """
    plain = COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    levels: list[list[Statement]] = [[]]
    start, line = 0, 1
    for mark in MARK.finditer(plain):
        if mark[0][0] == "[":
            continue
        chunk, start = plain[start : mark.start()], mark.end()
        found = Statement(line + chunk[: len(chunk) - len(chunk.lstrip())].count("\n"), " ".join(chunk.split()))
        line += chunk.count("\n")
        if mark[0] == ";":
            levels[-1] += [found] if found.text else []
        elif found.text and mark[0] == "}":
            raise QasmError("end statements by a semicolon", found.line, f"`{found.text}`")
        elif mark[0] == "{":
            found.body = []
            levels[-1].append(found)
            levels.append(found.body)
        elif len(levels) == 1:
            raise QasmError("have braces in pairs", line, "one more `}`")
        else:
            levels.pop()
    rest = plain[start:].strip()
    if rest or len(levels) > 1:
        raise QasmError("end statements by a semicolon or a brace", line, f"`{rest.split(chr(10))[0]}`")
    return levels[0]


def numbers(text: str, names: Mapping[str, float], line: int) -> tuple[float, ...]:
    """Return the values of expressions that are separated by commas.

    Args:
        text: the expressions, of numbers, names, signs, + - * / % **, parentheses and functions such as sin.
        names: values of parameters by their names.
        line: line of the text, for error messages.

    Raises:
        QasmError: an expression that is none, an unknown name, or a value that is not finite.
    """
    known = {**CONSTANTS, **names}

    def value(node: ast.AST) -> float:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return float(number)
            case ast.Name(id=name) if name in known:
                return known[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
                return BINARY[type(op)](value(left), value(right))
            case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
                return UNARY[type(op)](value(operand))
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
                return float(FUNCTIONS[name](value(argument)))
        raise ValueError

    if not text.strip():
        return ()
    try:
        # The operators have the precedence of Python, whose parser builds the tree; nothing of it is executed.
        parsed = ast.parse(f"({text},)", mode="eval").body
        assert isinstance(parsed, ast.Tuple)
        found = tuple(value(node) for node in parsed.elts)
        if all(isinstance(number, float) and math.isfinite(number) for number in found):
            return found
    except (SyntaxError, ValueError, AssertionError, ArithmeticError, RecursionError, MemoryError):
        pass
    raise QasmError("have expressions of numbers", line, f"`{text.strip()}`")


def integer(text: str, names: Mapping[str, float], line: int) -> int:
    """Return the value of one expression that is an integer.

    Args:
        text: the expression.
        names: values of parameters by their names.
        line: line of the text, for error messages.

    Raises:
        QasmError: an expression that is no integer.
    """
    found = numbers(text, names, line)
    if len(found) != 1 or not found[0].is_integer():
        raise QasmError("have integers as indices, sizes and powers", line, f"`{text.strip()}`")
    return int(found[0])
