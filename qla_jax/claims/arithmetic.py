"""Claims about quantum arithmetic: accuracy of results, and counted costs of circuits against published formulas.

Instances are floats that are first rounded into a format. Counts do not depend on the numbers.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendices A and B. https://arxiv.org/abs/2402.18940
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.arithmetic.arccos import arccos, arccos_error
from qla_jax.arithmetic.circuits import adder, operation
from qla_jax.arithmetic.counts import ReversibleCounts, counts
from qla_jax.arithmetic.elementwise import multiply
from qla_jax.arithmetic.formats import Format, decode, encode
from qla_jax.arithmetic.newton import newton_error, reciprocal
from qla_jax.arithmetic.piecewise import exponential
from qla_jax.claims.engine.claim import EVERY_SIZE, Instance, Sides, claim

COUNT = 16
"""Number of entries of an instance."""
ADDERS = (4, 8, 32)


def of_both_signs(bits: int, *, key: Array) -> Instance:
    """Draw numbers from -1 to 1.

    Args:
        bits: number of fractional bits of the format, kept as the shape of an array.
        key: random key of the draw.
    """
    return {"x": jax.random.uniform(key, (COUNT,), minval=-1.0), "bits": jnp.zeros(bits)}


def away_from_zero(bits: int, *, key: Array) -> Instance:
    """Draw numbers of absolute value from 1 to 7 and of either sign.

    Args:
        bits: number of fractional bits of the format, kept as the shape of an array.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    size = jax.random.uniform(first, (COUNT,), minval=1.0, maxval=7.0)
    return {"x": size * jax.random.rademacher(second, (COUNT,)), "bits": jnp.zeros(bits)}


def register(bits: int, *, key: Array) -> Instance:
    """Return a number of bits as the shape of an array.

    Args:
        bits: number of bits.
        key: unused, since nothing is drawn.
    """
    return {"bits": jnp.zeros(bits)}


@claim(
    source="derived, for Wang et al. (2020)",
    statement="The binary expansion of the arc cosine is exact to its last bit with twice as many working bits.",
    formula=r"|\arccos(x)/\pi - 0.b_1\dots b_n| \le 2^{-n} + \arccos(1 - 2^{-w})/\pi,\ w = 2n + 2",
    draw=of_both_signs,
    sizes=(6, 12, 24),
    over=EVERY_SIZE,
)
def arccos_bits(instance: Instance) -> Sides:
    """The size is n. The bound is attained at x = -1, except for the term of the working bits."""
    format = Format(len(instance["bits"]) + 2, len(instance["bits"]))
    x = encode(instance["x"], format)
    error = jnp.abs(decode(arccos(x)) - jnp.arccos(decode(x)) / jnp.pi)
    return Sides(error.max(), jnp.asarray(arccos_error(format)))


@claim(
    source="derived, a negative control",
    statement="As many working bits as output bits would be enough. They are not.",
    formula=r"|\arccos(x)/\pi - 0.b_1\dots b_n| \le 2^{-n}\text{ at }w = n",
    draw=of_both_signs,
    sizes=(12,),
    over=EVERY_SIZE,
    expected_to_hold=False,
)
def arccos_without_working_bits(instance: Instance) -> Sides:
    """One number in nine is off by more than the last bit at n = 12, and the largest error is 14 last bits."""
    format = Format(len(instance["bits"]) + 2, len(instance["bits"]))
    x = encode(instance["x"], format)
    found = arccos(x, working=format.fraction)
    return Sides(jnp.abs(decode(found) - jnp.arccos(decode(x)) / jnp.pi).max(), jnp.asarray(format.step))


@claim(
    source="derived, for the reciprocal of appendix B.3",
    statement="Newton's iteration reaches the precision of b bits after a number of steps that is the logarithm of b.",
    formula=r"|1/a - r| \le e_K/|a| + 2^{-f},\ K = \lceil\log_2b\rceil,\ e_{k+1} = e_k^2 + (1 + e_k)2^{-b-2}",
    draw=away_from_zero,
    sizes=(4, 12, 24),
    over=EVERY_SIZE,
)
def newton_bits(instance: Instance) -> Sides:
    """The size is f, with b = f + 4.

    The measured quantity is the largest ratio of an error to its bound, so the bound is 1.
    """
    format = Format(len(instance["bits"]) + 4, len(instance["bits"]))
    a = encode(instance["x"], format)
    bound = newton_error(format) / jnp.abs(decode(a)) + format.step
    return Sides((jnp.abs(decode(reciprocal(a)) - 1 / decode(a)) / bound).max(), jnp.ones(()))


@claim(
    source="derived, for the reciprocal of appendix B.3",
    statement="The relative error of the iteration is below 1.6 units in the last of b bits.",
    formula=r"e_K \le 1.6\cdot2^{-b}",
    draw=register,
    sizes=(4, 8, 16, 32),
    over=range(4, 33),
    counted=True,
)
def newton_steps_suffice(instance: Instance) -> Sides:
    """The size is b. The measured quantity is the recursion of the bound itself."""
    bits = len(instance["bits"])
    return Sides(jnp.asarray(newton_error(Format(bits, 0)) * 2.0**bits), jnp.asarray(1.6))


@claim(
    source="Towards Fault-Tolerant Quantum Deep Learning (2025), Lemma A.1",
    statement="A function evaluated by piecewise polynomials in fixed point is within its proven error.",
    formula=r"|f - \tilde f| \le \tfrac{\max|f^{(d+1)}|}{2^d(d+1)!}(\tfrac h2)^{d+1}"
    r" + 2^{-w}(\tfrac32d + \tfrac12) + 2^{-f-1} \le 2^{-f}",
    draw=of_both_signs,
    sizes=(4, 8, 16),
    over=EVERY_SIZE,
)
def piecewise_error(instance: Instance) -> Sides:
    """The function is the exponential from -1 to 1 at degree 3.

    The size is f, and the lemma is taken as in `piecewise`.
    """
    table = exponential(Format(len(instance["bits"]) + 3, len(instance["bits"])))
    x = encode(instance["x"], table.format)
    return Sides(jnp.abs(decode(table(x)) - jnp.exp(decode(x))).max(), jnp.asarray(table.error_bound))


@claim(
    source="derived, for appendix B.2",
    statement="A product in fixed point is below the exact product by less than its last bit.",
    formula=r"0 \le xy - \tilde{xy} < 2^{-f}",
    draw=of_both_signs,
    sizes=(4, 12, 24),
    over=EVERY_SIZE,
)
def product_floor(instance: Instance) -> Sides:
    """Each number is multiplied by the next one. The size is f."""
    format = Format(len(instance["bits"]) + 2, len(instance["bits"]))
    x, y = encode(instance["x"], format), encode(jnp.roll(instance["x"], 1), format)
    return Sides(jnp.abs(decode(x) * decode(y) - decode(multiply(x, y))).max(), jnp.asarray(format.step))


def _of(kind: str, instance: Instance, *, carry: bool = False) -> tuple[int, ReversibleCounts]:
    bits = len(instance["bits"])
    return bits, counts(adder(bits, kind, carry=carry))


def _equal(counted: float, formula: float) -> Sides:
    return Sides(jnp.asarray(float(counted)), jnp.asarray(float(formula)))


@claim(
    source="Gidney (2018)",
    statement="An adder by temporary ANDs takes four T gates for each bit but one.",
    formula=r"T = 4n - 4",
    relation="==",
    draw=register,
    sizes=ADDERS,
    over=range(2, 65),
    counted=True,
)
def t_gates_of_adder(instance: Instance) -> Sides:
    """The gates are counted over the circuit, which adds modulo 2^n. The size is n."""
    n, found = _of("gidney", instance)
    return _equal(found.t, 4 * n - 4)


@claim(
    source="Cuccaro, Draper, Kutin, Moulton (2004)",
    statement="The ripple-carry adder with one ancilla takes 2n - 1 Toffoli and 5n - 3 CNOT gates.",
    formula=r"(2n - 1) + (5n - 3)",
    relation="==",
    draw=register,
    sizes=ADDERS,
    over=range(4, 65),
    counted=True,
)
def gates_of_ripple_adder(instance: Instance) -> Sides:
    """The sum of both is counted over the circuit with its carry.

    The size is n, at least 4: shorter circuits merge their ends.
    """
    n, found = _of("cuccaro", instance, carry=True)
    return _equal(found.toffoli + found.cnot, 7 * n - 4)


@claim(
    source="Draper, Kutin, Rains, Svore (2004)",
    statement="The number of Toffoli gates of the carry-lookahead adder in place is the published one.",
    formula=r"10n - 3w(n) - 3w(n-1) - 3\lfloor\log n\rfloor - 3\lfloor\log(n-1)\rfloor - 7",
    relation="==",
    draw=register,
    sizes=ADDERS,
    over=range(2, 65),
    counted=True,
)
def toffoli_of_lookahead_adder(instance: Instance) -> Sides:
    """The gates are counted over the circuit with its carry.

    Here w(n) is the number of ones in the binary expansion of n.
    """
    n, found = _of("lookahead", instance, carry=True)
    ones, logs = n.bit_count() + (n - 1).bit_count(), math.floor(math.log2(n)) + math.floor(math.log2(n - 1))
    return _equal(found.toffoli, 10 * n - 3 * ones - 3 * logs - 7)


@claim(
    source="Draper (2000)",
    statement="Addition in the Fourier basis takes a triangle of controlled phases between two transforms.",
    formula=r"\tfrac{n(n+1)}2 + 2\cdot\tfrac{n(n-1)}2",
    relation="==",
    draw=register,
    sizes=ADDERS,
    over=range(2, 65),
    counted=True,
)
def phases_of_fourier_adder(instance: Instance) -> Sides:
    """The controlled phases are counted over the circuit. The size is n."""
    n, found = _of("draper", instance)
    return _equal(found.controlled_phases, n * (n + 1) / 2 + n * (n - 1))


@claim(
    source="derived, for the ReLU of appendix B.3",
    statement="A ReLU into another register takes an AND for each bit below the sign.",
    formula=r"T = 4(n - 1)",
    relation="==",
    draw=register,
    sizes=ADDERS,
    over=range(2, 65),
    counted=True,
)
def t_gates_of_relu(instance: Instance) -> Sides:
    """The gates are counted over the circuit.

    A cascade of CNOT gates, as in the text, would not be controlled by the sign.
    """
    n = len(instance["bits"])
    return _equal(counts(operation("relu", Format(n, 0))).t, 4 * (n - 1))


CLAIMS = (
    arccos_bits,
    arccos_without_working_bits,
    newton_bits,
    newton_steps_suffice,
    piecewise_error,
    product_floor,
    t_gates_of_adder,
    gates_of_ripple_adder,
    toffoli_of_lookahead_adder,
    phases_of_fourier_adder,
    t_gates_of_relu,
)
