"""Results of readouts: values, the number of uses of the state that they cost, and bounds on their errors.

Every protocol of this room is a frozen callable, `readout(state, key=key) -> Readout`, so that protocols can be
exchanged by an argument. The state is a real or complex tensor of any shape and norm; its norm is known classically, so
values estimate the tensor itself. A readout takes one tensor; `jax.vmap(readout)(states, key=keys)` takes a batch.

**Derivatives.** Values drawn at random are differentiated as if they were exact: their derivative is that of the map
which the protocol estimates, whatever the outcome (a straight-through estimator). Counts and bounds have no derivative.

Example:
    >>> readout = exact_readout()
    >>> found = readout(jnp.array([[3.0, 4.0]]), key=jax.random.key(0))
    >>> found.values, int(found.shots), float(found.error_bound), found.method
    (Array([[3., 4.]], dtype=float64), 0, 0.0, 'exact')
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import real_dtype
from qla_jax._checks import (
    as_inexact,
    as_integers,
    as_real,
    is_concrete,
    measured,
    require,
    require_finite,
    require_key,
    require_normal,
)
from qla_jax._modes import default_promotion
from qla_jax._nodes import Node
from qla_jax.linalg.preparation import unit_vector
from qla_jax.linalg.sampling import counting_dtype, within_integers


class Readout(Node):
    """Values of a readout and their price.

    With probability at least `1 - failure_probability`, both bounds hold at once. An unknown bound is `inf`.

    Attributes:
        values: estimates of the state, in its shape, or of other quantities that the protocol is for.
        shots: number of copies measured, an integer.
        queries: uses of the circuit that prepares the state and of its inverse, controlled or not, an integer.
        error_bound: bound on the Euclidean norm of the error of all values, truncation included.
        entry_bound: bound on the error of each value.
        failure_probability: probability that either bound fails; 0 where nothing is random.
        norm: norm of the state, known classically.
        method: name of the protocol and its noise.
    """

    values: Array
    shots: Array
    queries: Array
    error_bound: Array
    entry_bound: Array
    failure_probability: Array
    norm: Array
    method: str = struct.field(pytree_node=False)


class Price(NamedTuple):
    """Number of uses of a state that one readout of it takes.

    Attributes:
        shots: number of copies that are measured.
        queries: number of uses of the circuit that prepares the state and of its inverse.
    """

    shots: int
    queries: int


class ReadoutMethod(Node, ABC):
    """Base class of readout protocols with their settings. Subclasses implement `measure`."""

    real: ClassVar[bool] = False
    """True for protocols that refuse complex states."""

    @property
    def random(self) -> bool:
        """True where values are drawn at random, so that a key is needed."""
        return True

    def price(self, shape: tuple[int, ...]) -> Price:
        """Return the price of one readout of a tensor, as integers of any size.

        The base class reads out a tensor of ones and returns its counts. Subclasses override this where there is a
        formula.

        Args:
            shape: shape of the tensor.

        Raises:
            ValueError: a shape that does not suit the settings.
        """
        found = self(jnp.ones(as_integers("shape", shape, least=1)), key=jax.random.key(0))
        return Price(int(found.shots), int(found.queries))

    def kept_modes(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], bool]:
        """Return the number of modes kept along each axis, and whether an axis has fewer than are asked for.

        The base class has no modes and returns an empty tuple.

        Args:
            shape: shape of the tensor.
        """
        del shape
        return (), False

    def capped(self) -> Self:
        """Return a copy of this readout in which a number of modes above the length of an axis means all of them."""
        return self

    @default_promotion
    def __call__(self, state: ArrayLike, *, key: Array) -> Readout:
        """Read a state out.

        Args:
            state: tensor of any shape and norm; its entries are the amplitudes times its norm.
            key: random key of the outcomes; unused where nothing is random.

        Raises:
            ValueError: an empty tensor, complex entries where the protocol needs real ones, or, where that can be seen,
                the zero vector or entries that are not finite. Inside jit the bounds of both are `inf`, and the values
                0 and NaN.
        """
        if key is not None:
            require_key("key", key)
        return _compiled(self, as_state(state, real=self.real), key)

    @abstractmethod
    def measure(self, amplitudes: "Amplitudes", *, key: Array) -> Readout:
        """Simulate the protocol on a checked state.

        The method is compiled once for each shape, so the arrays that it is given are traced.

        Args:
            amplitudes: state, checked and split into direction and norm.
            key: random key of the outcomes.

        Raises:
            ValueError: a shape that does not suit the settings.
        """


class ExactReadout(ReadoutMethod):
    """Readout that returns the state itself: the limit of all protocols for many copies, charged nothing."""

    @property
    def random(self) -> bool:
        return False

    def price(self, shape: tuple[int, ...]) -> Price:
        return Price(0, 0)

    def measure(self, amplitudes: "Amplitudes", *, key: Array) -> Readout:
        return amplitudes.readout(amplitudes.state, shots=0, queries=0, entry=0.0, total=0.0, method="exact")


def exact_readout() -> ExactReadout:
    """Return the readout without a measurement: values are the state, and errors, shots and queries are zero.

    Example:
        >>> found = exact_readout()(jnp.array([3.0, 4.0]), key=jax.random.key(0))
        >>> found.values.tolist(), int(found.queries)
        ([3.0, 4.0], 0)
    """
    return ExactReadout()


@jax.jit
def _compiled(method: ReadoutMethod, state: Array, key: Array) -> Readout:
    return method.measure(Amplitudes(state), key=key)


class Amplitudes:
    """State split into direction and norm, with flags for a state that is zero or not finite."""

    def __init__(self, state: ArrayLike, *, name: str = "state") -> None:
        self.state = as_state(state, name=name)
        direction, self.norm = unit_vector(self.state.reshape(-1))
        self.finite = jnp.isfinite(self.norm)
        self.direction = jnp.where(self.finite, direction, 0)  # rejection samplers might not terminate on NaN
        self.exists = self.norm != 0

    def readout(
        self,
        values: Num[Array, "..."],
        *,
        shots: ArrayLike,
        queries: ArrayLike,
        entry: ArrayLike,
        total: ArrayLike,
        method: str,
        failure: ArrayLike = 0.0,
    ) -> Readout:
        """Return the result of a readout of this state, given bounds for a unit vector.

        Args:
            values: estimates of the tensor itself, norm included.
            shots: number of copies measured.
            queries: uses of the circuit of the state and its inverse.
            entry: bound on the error of each entry of the unit vector.
            total: bound on the Euclidean error of the unit vector.
            method: name of the protocol and its noise.
            failure: probability that a bound does not hold.
        """
        dtype = real_dtype(self.state.dtype)
        return Readout(
            # A zero vector has no direction and reads out as 0; entries that are not finite make every value NaN.
            values=jnp.where(self.finite, jnp.where(self.exists, values, 0), jnp.nan),
            shots=count(shots),
            queries=count(queries),
            error_bound=scaled_bound(jnp.asarray(total, dtype), self.norm),
            entry_bound=scaled_bound(jnp.asarray(entry, dtype), self.norm),
            failure_probability=jax.lax.stop_gradient(jnp.minimum(jnp.asarray(failure, dtype), 1)),
            norm=self.norm,
            method=method,
        )


def scaled_bound(relative: ArrayLike, norm: Array) -> Array:
    """Return a bound for a vector of this norm; `inf` where the norm is zero or not finite.

    Args:
        relative: bound for a unit vector.
        norm: norm of the vector.
    """
    relative, norm = jax.lax.stop_gradient((jnp.asarray(relative, norm.dtype), norm))
    return jnp.where((norm > 0) & jnp.isfinite(norm), relative * norm, jnp.inf)


def as_state(state: ArrayLike, *, real: bool = False, name: str = "state") -> Num[Array, "..."]:
    """Return a tensor as floating or complex numbers that can be amplitudes.

    Args:
        state: tensor to check; `ReadoutMethod.__call__` lists what is refused.
        real: whether complex entries are refused.
        name: name of the argument, for the error.
    """
    array = as_inexact(name, state)
    require(array.size > 0, f"`{name}` must not be empty, but has shape {array.shape}.")
    complex_ = jnp.iscomplexobj(array)
    require(not (real and complex_), f"`{name}` must be real for this protocol, but has dtype {array.dtype}.")
    if is_concrete(array):
        require_finite(name, array)
        there = measured(lambda xp, values: xp.any(values), array)
        require(there, f"`{name}` must not be the zero vector, but all {array.size} entries are 0.")
        require_normal(name, array)
    return array


def count(value: ArrayLike) -> Array:
    """Return a number of shots or queries as an integer array.

    Raises:
        ValueError: a number known now that the integers of this precision cannot hold.
    """
    if isinstance(value, int):
        within_integers("A count of shots or queries", value)
    return jnp.asarray(value, counting_dtype())


def as_precision(name: str, value: float, *, below: float = math.inf) -> float:
    """Return a number in (0, below) that is known before tracing.

    Args:
        name: name of the argument, for the error.
        value: number to check.
        below: upper end of the range, excluded.

    Raises:
        ValueError: no number, traced, zero, negative, NaN, infinite or too large.
    """
    rule = f"`{name}` must lie strictly between 0 and {below:g}"
    require(is_concrete(value), f"{rule} and be known before tracing, but is traced.")
    number = as_real(name, value)
    require(0 < number < below, f"{rule}, but is {number}.")
    return number
