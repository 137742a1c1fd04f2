r"""Claims about measured networks: Theorems II.1, III.1 and III.2 in one interpretation, and estimated gradients.

The theorems' formulas are interpreted as follows. II.1: all R coefficients take R(2M - 1) queries, for
$M = \lceil2\pi/\epsilon\rceil$. III.1: a layer of a block takes the queries of its readout times a depth linear in
$C_{in}K^2$. III.2: the success amplitude of $A'V$ is $\|A'V\|_F/\|A'\|_F\|V\|_F$, and any bound on the overhead has to
be multiplied by its inverse. Values of different signs may make the amplitude zero.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Theorems II.1, III.1, III.2 and appendix E.
    https://arxiv.org/abs/2402.18940
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.arithmetic import Format
from qla_jax.claims.engine.claim import EVERY_SIZE, Instance, Sides, claim
from qla_jax.claims.engine.instances import magnitude
from qla_jax.linalg.products import matmul
from qla_jax.measurement import chebyshev_readout
from qla_jax.measurement.noise import noise_model
from qla_jax.nn.estimated_gradients import WeightGradients, inner_products
from qla_jax.nn.measured import Pass
from qla_jax.nn.qam import Arithmetic
from qla_jax.nn.qlam import attended
from qla_jax.nn.tables import row_depth

SOURCE = "Towards Fault-Tolerant Quantum Deep Learning (2025)"
FORMAT = Format(bits=6, fraction=3)
PRECISION = 0.1
GRADIENTS = 16
"""Number of estimated gradients whose mean square stands for the expectation."""


def precision(size: int, *, key: Array) -> Instance:
    """Return the inverse of a precision as the shape of an array.

    Args:
        size: inverse of the precision.
        key: unused, since nothing is drawn.
    """
    return {"inverse": jnp.ones(size)}


def attention(size: int, *, key: Array) -> Instance:
    """Draw scores of any sharpness and values of any sign.

    Args:
        size: number of tokens.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    sharpness = magnitude(1e-2, 1e2, key=second)
    return {"scores": sharpness * jax.random.normal(first, (size, size)), "values": jax.random.normal(third, (size, 3))}


def points_and_gradients(size: int, *, key: Array) -> Instance:
    """Draw data, gradients after the layer, and a seed for the estimates.

    Args:
        size: number of points.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    return {
        "x": jax.random.normal(first, (size, 3)),
        "upstream": jax.random.normal(second, (size, 2)),
        "draw": jax.random.uniform(third, (), maxval=2.0**30),
    }


def kernel(size: int, *, key: Array) -> Instance:
    """Draw an image and a kernel.

    Args:
        size: number of channels.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {"image": jax.random.normal(first, (size, 3, 3)), "kernel": jax.random.normal(second, (2, size, 3, 3))}


@claim(
    source=f"{SOURCE}, Theorem II.1",
    statement="The number of queries of a decomposition is linear in the number of coefficients over the precision.",
    formula=r"Q \le R\left(\frac{4\pi}\epsilon + 1\right)",
    draw=precision,
    sizes=(2, 10, 317),
    over=range(1, 1001),
    counted=True,
)
def decomposition_queries(instance: Instance) -> Sides:
    """The queries are those that the package charges for R = 9 coefficients with one run each.

    The size is 1/eps. M is a ceiling, hence the 1 in the bound.
    """
    inverse = instance["inverse"].size
    _, queries = chebyshev_readout(rank=(3, 3), relative_eps=1 / inverse).price((8, 8))
    return Sides(jnp.asarray(float(queries)), jnp.asarray(9 * (4 * math.pi * inverse + 1)))


@claim(
    source=f"{SOURCE}, Theorem III.1",
    statement="The overhead of a convolution is the number of queries of its readout times a depth linear in channels "
    "and taps.",
    formula=r"QD = S(C_{out}, H, W)\,(C_{in}K^2D_{mac} + D_{load})",
    relation="==",
    draw=kernel,
    sizes=(1, 2),
    over=range(1, 9),
    counted=True,
)
def convolution_overhead(instance: Instance) -> Sides:
    """The overhead that the network charges is compared with the formula.

    D_mac is the T-depth of the circuits of a product and a sum, and D_load that of the arc cosine. S counts two
    coefficients along each spatial axis for each channel.
    """
    readout = chebyshev_readout(rank=(2, 2), relative_eps=PRECISION, noise="exact")
    flow = Pass(readout, Arithmetic(), key=jax.random.key(0))
    flow.transfer("layer", flow.qam.convolve(instance["image"], instance["kernel"]))
    (told,) = flow.transfers
    _, queries = chebyshev_readout(rank=(2, 2), relative_eps=PRECISION).price(told.shape)
    charged = queries * row_depth(dict(told.operations), FORMAT)
    taps = len(instance["image"]) * 9
    multiply, add, arccos = (row_depth({name: 1}, FORMAT) for name in ("multiply", "add", "arccos"))
    depth = taps * (multiply + add) + arccos
    expected = 2 * 4 * (2 * math.ceil(2 * math.pi / PRECISION) - 1) * depth
    return Sides(jnp.asarray(float(charged)), jnp.asarray(float(expected)))


@claim(
    source=f"{SOURCE}, Theorem III.2",
    statement="The success amplitude of attention is the ratio of its Frobenius norms.",
    formula=r"a = \|A'V\|_F/\|A'\|_F\|V\|_F",
    relation="==",
    draw=attention,
    sizes=(3, 4),
    over=EVERY_SIZE,
)
def attention_amplitude(instance: Instance) -> Sides:
    """The amplitude is that of the encoding in the network."""
    weights, values = jax.nn.softmax(instance["scores"], axis=-1), instance["values"]
    ratio = _frobenius(matmul(weights, values)) / (_frobenius(weights) * _frobenius(values))
    return Sides(attended(weights, values).amplitude, ratio)


@claim(
    source=f"{SOURCE}, Theorem III.2, derived here",
    statement="For non-negative values the success amplitude of attention is at least that of its least attended "
    "token.",
    formula=r"a \ge \frac{\min_j\sum_iA'_{ij}}{\sqrt N\|A'\|_F}",
    relation=">=",
    draw=attention,
    sizes=(2, 4, 16),
    over=EVERY_SIZE,
)
def attention_amplitude_from_below(instance: Instance) -> Sides:
    r"""The proof is $\sqrt N\|A'v\| \ge 1^TA'v \ge \min_jc_j\,1^Tv \ge \min_jc_j\|v\|$ for each column v of V.

    Here c are the sums of the columns of A'. Uniform attention has c = 1 and norm 1.
    """
    return _from_below(jnp.abs(instance["values"]), instance["scores"])


@claim(
    source=f"negative control, for {SOURCE}, Theorem III.2, derived here, without its condition",
    statement="The success amplitude of attention would be at least that of its least attended token for values of "
    "any sign.",
    formula=r"a \ge \frac{\min_j\sum_iA'_{ij}}{\sqrt N\|A'\|_F}",
    relation=">=",
    draw=attention,
    sizes=(4,),
    over=EVERY_SIZE,
    expected_to_hold=False,
)
def attention_amplitude_of_any_values(instance: Instance) -> Sides:
    """The claim fails for values whose mean vanishes.

    Uniform attention maps them to zero, with success amplitude zero.
    """
    values = instance["values"]
    return _from_below(values - values.mean(axis=0, keepdims=True), instance["scores"])


def _from_below(values: Array, scores: Array) -> Sides:
    weights = jax.nn.softmax(scores, axis=-1)
    least = weights.sum(axis=0).min() / (math.sqrt(len(weights)) * _frobenius(weights))
    return Sides(attended(weights, values).amplitude, least)


@claim(
    source=f"{SOURCE}, appendix E",
    statement="The root mean square error of a weight gradient by inner products is at most the precision times both "
    "norms.",
    formula=r"\sqrt{E\|\Delta W\|_F^2} \le \epsilon\|G\|_F\|X\|_F",
    draw=points_and_gradients,
    sizes=(2, 8, 32),
    over=EVERY_SIZE,
)
def weight_gradient_error(instance: Instance) -> Sides:
    """Amplitude estimation follows its exact law, with medians of five runs.

    The error is the root mean square over 16 gradients.
    """
    found = WeightGradients(noise=noise_model("qae-median-5"), relative_eps=PRECISION)
    keys = jax.random.split(jax.random.key(instance["draw"].astype(jnp.uint32)), GRADIENTS)
    x, upstream = instance["x"], instance["upstream"]
    errors = jax.vmap(lambda key: inner_products(upstream, x, found, key=key) - matmul(upstream.T, x))(keys)
    return Sides(_frobenius(errors) / math.sqrt(GRADIENTS), PRECISION * _frobenius(upstream) * _frobenius(x))


def _frobenius(x: Array) -> Array:
    return jnp.linalg.norm(x.reshape(-1))


CLAIMS = (
    decomposition_queries,
    convolution_overhead,
    attention_amplitude,
    attention_amplitude_from_below,
    attention_amplitude_of_any_values,
    weight_gradient_error,
)
