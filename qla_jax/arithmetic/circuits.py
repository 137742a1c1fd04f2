"""Circuits with named registers: adders, and the operations of `elementwise` on registers of a format.

An operation keeps its operands `x` and `y` and writes into clean registers `out` and `overflow` (one qubit). The result
is computed in full, brought into the format and written, and the computation is undone. Results are XORed into `out`:
if `out` held c before, it holds c XOR the result after, as for any unitary. The flag `clean` of a run covers ancillas
and ANDs. It does not show that c was not 0, unless an AND writes there (`relu`, `maximum`, results that saturate).

Example:
    >>> import numpy as np
    >>> product = operation("multiply", Format(bits=4, fraction=2, overflow="saturate"))
    >>> run = product.on_basis(x=np.array([5, 7]), y=np.array([-3, 7]))
    >>> run.registers["out"].tolist(), run.registers["overflow"].tolist(), bool(run.clean.all())
    ([12, 7], [0, 1], True)
"""

from collections.abc import Callable, Hashable

from qla_jax._checks import as_integer, require, require_kind
from qla_jax.arithmetic import adders, lookahead, parts, products, quotients
from qla_jax.arithmetic.circuit import ReversibleCircuit, circuit
from qla_jax.arithmetic.elementwise import as_constant
from qla_jax.arithmetic.formats import Format
from qla_jax.arithmetic.gates import Gates, Register, conjugate, copy, cx, flip, land, wires

ADDERS: dict[str, Callable[..., Gates]] = {
    "cuccaro": adders.cuccaro,
    "gidney": adders.gidney,
    "lookahead": lookahead.lookahead,
    "draper": adders.draper,
}

Wide = tuple[Gates, Register, int]
"""Gates that compute a number in full, its register, and the number of bits by which it is to be shifted."""


def adder(bits: int, kind: str = "gidney", *, carry: bool = False) -> ReversibleCircuit:
    """Build an adder in place, y += x modulo 2^bits, with registers `x`, `y` and an optional clean `carry`.

    Args:
        bits: number of bits of both registers.
        kind: algorithm: "gidney", "cuccaro", "lookahead" or "draper".
        carry: whether there is a register `carry` for the carry.

    Raises:
        ValueError: an unknown kind, or bits that are no integer of at least 1.

    Example:
        >>> int(adder(4).on_basis(x=3, y=14).registers["y"])  # 17 modulo 16
        1
    """
    require(isinstance(kind, str) and kind in ADDERS, f"`kind` must be one of {', '.join(ADDERS)}, but is {kind!r}.")
    bits = as_integer("bits", bits, least=1)
    x, y, out = wires(bits), wires(bits), wires(1 if carry else 0)
    gates = ADDERS[kind](x, y, *out)
    return circuit(gates, x=x, y=y, **({"carry": out} if carry else {}))


def operation(name: str, format: Format, **options: int) -> ReversibleCircuit:
    """Build the circuit of an operation of `elementwise`, given by its name.

    Registers are `x`, `y` where there are two operands, `out` and, where a result may not fit, `overflow`. `less` has
    an `out` of one qubit.

    Args:
        name: name of the operation.
        format: format of operands and result.
        options: `factor`, an integer, for `multiply_constant`; the others have no options.

    Raises:
        TypeError: `format` is no `Format`.
        ValueError: an unknown name, options that are missing or too many, or a factor that does not fit.

    Example:
        >>> product = operation("multiply", Format(bits=4, fraction=2))
        >>> product.on_basis(x=[5], y=[-3]).registers["out"].tolist()  # 5/4 * -3/4, rounded down to -4/4
        [12]
    """
    require_kind("format", format, Format)
    require(
        isinstance(name, str) and name in OPERATIONS, f"`name` must be one of {', '.join(OPERATIONS)}, but is {name!r}."
    )
    wanted = ["factor"] if name == "multiply_constant" else []
    require(list(options) == wanted, f"`options` of {name!r} must be {wanted}, but are {list(options)}.")
    return OPERATIONS[name](format, **options)


def finished(
    wide: Wide, format: Format, registers: dict[str, Register], flag: Hashable | None = None
) -> ReversibleCircuit:
    """Build the circuit that computes a number in full, brings it into the format, and uncomputes.

    Args:
        wide: gates, register and shift of the number in full.
        format: format of the result.
        registers: registers of the operands by name.
        flag: wire that marks numbers without a value, which would not be flagged otherwise; none by default.
    """
    out, overflow = wires(format.bits), wires(1)
    compute, full, fraction = wide
    result = parts.narrow(full, fraction, out, overflow[0], saturate=format.saturates)
    if flag is not None:
        result += [cx(flag, overflow[0])]
    return circuit(conjugate(compute, result), **registers, out=out, overflow=overflow)


def _two(format: Format) -> tuple[Register, Register, dict[str, Register]]:
    x, y = wires(format.bits), wires(format.bits)
    return x, y, {"x": x, "y": y}


def _sum(format: Format, *, minus: bool = False) -> ReversibleCircuit:
    x, y, registers = _two(format)
    total = wires(format.bits)
    start = copy(x, total)
    more, full = parts.extended(total, format.bits + 1)
    again, addend = parts.extended(y, format.bits + 1)
    step = (parts.subtract if minus else adders.gidney)(addend, full)
    return finished(([*start, *more, *again, *step], full, 0), format, registers)


def _signed(format: Format, *, always: bool) -> ReversibleCircuit:
    x, total = wires(format.bits), wires(format.bits)
    more, full = parts.extended(total, format.bits + 1)
    change = parts.negate(full) if always else parts.negate_controlled(x[-1], full)
    return finished(([*copy(x, total), *more, *change], full, 0), format, {"x": x})


def _less(format: Format) -> ReversibleCircuit:
    x, y, registers = _two(format)
    out = wires(1)
    return circuit(parts.less_signed(x, y, out[0]), **registers, out=out)


def _maximum(format: Format) -> ReversibleCircuit:
    x, y, registers = _two(format)
    out = wires(format.bits)
    return circuit(parts.larger(x, y, out), **registers, out=out)


def _relu(format: Format) -> ReversibleCircuit:
    x, out = wires(format.bits), wires(format.bits)
    return circuit(parts.rectify(x, out), x=x, out=out)


def _product(format: Format) -> ReversibleCircuit:
    x, y, registers = _two(format)
    full = wires(2 * format.bits)
    return finished((products.multiply_signed(x, y, full), full, format.fraction), format, registers)


def _square(format: Format) -> ReversibleCircuit:
    x, full = wires(format.bits), wires(2 * format.bits)
    return finished((products.square_signed(x, full), full, format.fraction), format, {"x": x})


def _multiple(format: Format, *, factor: int) -> ReversibleCircuit:
    factor = as_constant("factor", factor, format)
    x, full = wires(format.bits), wires(2 * format.bits)
    return finished((products.add_multiple(x, factor, full), full, format.fraction), format, {"x": x})


def _quotient(format: Format) -> ReversibleCircuit:
    x, y, registers = _two(format)
    size, divisor, sign = wires(format.bits), wires(format.bits), wires(1)
    dividend = (*wires(format.fraction), *size)
    quotient = wires(len(dividend) + 1)
    compute = [*parts.magnitude(x, size), *parts.magnitude(y, divisor)]
    compute += quotients.divide_unsigned(dividend, divisor, quotient[:-1])
    compute += [cx(x[-1], sign[0]), cx(y[-1], sign[0]), *parts.negate_controlled(sign[0], quotient)]
    by_zero = None
    if len(dividend) == 1:  # the one format in which a quotient by zero fits, -1/0
        (by_zero,) = wires(1)
        compute += conjugate([flip(y[0])], [land(x[0], y[0], by_zero)])
    return finished((compute, quotient, 0), format, registers, flag=by_zero)


def _root(format: Format) -> ReversibleCircuit:
    x, positive = wires(format.bits), wires(format.bits)
    half = -(-(format.bits + format.fraction) // 2)
    padding = 2 * half - format.bits - format.fraction
    radicand = (*wires(format.fraction), *positive, *wires(padding))
    root = wires(max(half, format.bits) + 1)
    compute = [*parts.rectify(x, positive), *quotients.root_unsigned(radicand, root[:half])]
    return finished((compute, root, 0), format, {"x": x}, flag=x[-1])


OPERATIONS: dict[str, Callable[..., ReversibleCircuit]] = {
    "add": _sum,
    "subtract": lambda format: _sum(format, minus=True),
    "negate": lambda format: _signed(format, always=True),
    "absolute": lambda format: _signed(format, always=False),
    "less": _less,
    "maximum": _maximum,
    "relu": _relu,
    "multiply": _product,
    "square": _square,
    "multiply_constant": _multiple,
    "divide": _quotient,
    "sqrt": _root,
}
