"""Initial states: all zeros, a product of rotated qubits, or a vector of data as amplitudes.

A state of n qubits is an array of $2^n$ entries, or of shape (2,)*n. Qubit 0 is the most significant bit, so that the
two forms are reshapes of each other.

Example:
    >>> amplitude_state(jnp.array([3.0, 4.0, 0.0])).state
    Array([0.6, 0.8, 0. , 0. ], dtype=...)
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Float, Num

from qla_jax._checks import as_inexact, as_integer, as_numeric, is_concrete, require
from qla_jax._nodes import Node
from qla_jax.linalg.memory import COPIES, available, fits, gib
from qla_jax.linalg.qubits import qubits_of
from qla_jax.variational.sharding import shards


class AmplitudeState(Node):
    """Data as amplitudes of a state, and the norm that was divided out.

    Attributes:
        state: unit vector x / |x| followed by zeros; all zeros where x is zero, which no state encodes.
        norm: Euclidean norm of x.
        encodable: whether x is not zero, the status to check inside jit.
    """

    state: Num[Array, " dim"]
    norm: Float[Array, ""]
    encodable: Array


def require_state_fits(num_qubits: int, dtype: DTypeLike, *, count: int = 1) -> int:
    """Return the number of qubits as an integer, after a check that so many states of them fit in memory.

    Args:
        num_qubits: number of qubits.
        dtype: dtype of the states.
        count: number of states that are simulated at a time.

    Raises:
        ValueError: no qubit, or three states that do not fit in memory.
    """
    num_qubits = as_integer("num_qubits", num_qubits, least=1)
    itemsize = jnp.dtype(dtype).itemsize * count
    require(
        fits(num_qubits, itemsize),
        f"`num_qubits` must be such that {COPIES * count} states fit in memory, but is {num_qubits}: they take "
        f"{gib(COPIES * itemsize, num_qubits)}, and there are {gib(available())}.",
    )
    return num_qubits


def as_state(state: ArrayLike) -> tuple[Array, int]:
    """Return a state in floating or complex numbers and its number of qubits.

    Raises:
        ValueError: what is no array of numbers, or has another shape than (2^n,) or (2,)*n.
    """
    state = as_inexact("state", state)
    return state, qubits_of(state)


def zero_state(num_qubits: int, dtype: DTypeLike | None = None) -> Num[Array, " dim"]:
    """Return the state with all qubits in |0>.

    Args:
        num_qubits: number of qubits.
        dtype: dtype of the state, by default complex in this precision.

    Raises:
        ValueError: what `require_state_fits` raises.

    Example:
        >>> zero_state(1, float).tolist()
        [1.0, 0.0]
    """
    dtype = jnp.result_type(complex) if dtype is None else dtype
    num_qubits = require_state_fits(num_qubits, dtype)
    if shards.held_count(num_qubits):
        return shards.zero_state(num_qubits, jnp.dtype(dtype))
    # XLA would store zeros with a one as a constant of full size; one index for all entries ends at 31 qubits.
    front = jnp.arange(1 << num_qubits // 2) == 0
    back = jnp.arange(1 << (num_qubits - num_qubits // 2)) == 0
    return (front[:, None] & back[None, :]).reshape(-1).astype(dtype)


def product_state(qubits: Num[Array, "n 2"]) -> Num[Array, " dim"]:
    r"""Return the product state $q_0 \otimes q_1 \otimes \dots$, with the first qubit most significant.

    Raises:
        ValueError: another shape, or more qubits than fit in memory.
    """
    qubits = as_inexact("qubits", qubits)
    require(qubits.ndim == 2 and qubits.shape[1] == 2, f"`qubits` must have shape (n, 2), but has {qubits.shape}.")
    require_state_fits(len(qubits), qubits.dtype)
    state = qubits[0]
    for qubit in qubits[1:]:
        state = (state[:, None] * qubit[None, :]).reshape(-1)
    return state


def angle_state(x: ArrayLike) -> Float[Array, " dim"]:
    r"""Return the real state $\bigotimes_i \mathrm{RY}(x_i)|0\rangle$, one qubit for each entry of x in radians.

    Raises:
        ValueError: no vector, entries that are not finite, or more of them than qubits fit in memory.

    Example:
        >>> angle_state(jnp.array([0.0, jnp.pi])).round(3).tolist()
        [0.0, 1.0, 0.0, 0.0]
    """
    x = as_numeric("x", x, 1)
    return product_state(jnp.stack([jnp.cos(x / 2), jnp.sin(x / 2)], axis=1))


def amplitude_state(x: ArrayLike, num_qubits: int | None = None) -> AmplitudeState:
    r"""Return the state $|x\rangle = \sum_i x_i |i\rangle / \|x\|$ of a vector, padded by zeros.

    Gradients are finite at zero too (and zero there).

    Args:
        x: real or complex data of any shape, in C order.
        num_qubits: number of qubits of the state, by default as few as hold x.

    Raises:
        ValueError: too few qubits, entries that are not finite, or, where it can be seen, x = 0. Inside jit `encodable`
            is False for x = 0.

    Example:
        >>> loaded = amplitude_state(jnp.array([3.0, 4.0, 0.0]))
        >>> loaded.state.round(3).tolist(), float(loaded.norm)
        ([0.6, 0.8, 0.0, 0.0], 5.0)
    """
    flat = as_numeric("x", as_inexact("x", x).reshape(-1), 1)
    least = max((flat.size - 1).bit_length(), 1)
    num_qubits = least if num_qubits is None else as_integer("num_qubits", num_qubits)
    require(num_qubits >= least, f"`num_qubits` must be at least {least} for {flat.size} entries, but is {num_qubits}.")
    require_state_fits(num_qubits, flat.dtype)
    largest = jnp.abs(flat).max()
    encodable = largest > 0
    if is_concrete(encodable):
        require(bool(encodable), "`x` must not be zero: no state has its amplitudes.")
    scale = jnp.where(encodable, largest, 1)  # squares of tiny entries would underflow
    scaled = flat / scale
    length = jnp.sqrt(jnp.where(encodable, jnp.sum(jnp.square(jnp.abs(jnp.where(encodable, scaled, 1)))), 1))
    state = jnp.pad(jnp.where(encodable, scaled / length, 0), (0, (1 << num_qubits) - flat.size))
    return AmplitudeState(state=state, norm=jnp.where(encodable, scale * length, 0), encodable=encodable)
