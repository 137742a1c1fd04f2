"""The laws of an encoding, measured: for a node of one's own, or for any other.

Example:
    >>> import numpy as np
    >>> from qla_jax.encodings.matrices.dense import block_encode
    >>> verify(block_encode(np.array([[0.6, 0.2], [0.1, 0.7]])), [[0.6, 0.2], [0.1, 0.7]]).passed
    True
    >>> verify(block_encode(np.eye(2)), [[1.0, 0.0], [0.0, 0.9]]).failed
    ('error',)
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_integer, as_numeric, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.block import BlockEncoding, block
from qla_jax.encodings.base.encoding import Encoding, with_ancillas
from qla_jax.encodings.base.rounding import unit
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.linalg.memory import fits

EXPLICIT = 1024
"""Rows and columns up to which a matrix is formed, to be held against the one that is given."""


LAWS_OF_CIRCUITS = ("unitarity", "length", "adjoint", "views", "padding")


class Check(NamedTuple):
    """One law.

    Attributes:
        law: its name.
        measured: how far it is from being kept; NaN where it was not looked at.
        allowed: how far that may be.
        about: what was measured, in words, or why it was not.
    """

    law: str
    measured: float
    allowed: float
    about: str

    @property
    def passed(self) -> bool | None:
        """Whether it holds; None where it was not looked at."""
        return None if math.isnan(self.allowed) else self.measured <= self.allowed


class Verification(NamedTuple):
    """All laws of one encoding; prints as a table.

    Attributes:
        name: kind of the encoding.
        checks: the laws, in the order in which they were looked at.
    """

    name: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The laws that do not hold, by name."""
        return tuple(check.law for check in self.checks if check.passed is False)

    @property
    def unseen(self) -> tuple[str, ...]:
        """The laws that were not looked at, by name."""
        return tuple(check.law for check in self.checks if check.passed is None)

    @property
    def passed(self) -> bool:
        """Whether all laws that were looked at hold."""
        return not self.failed

    def __repr__(self) -> str:
        words = {True: "holds", False: "VIOLATED", None: "not looked at"}
        lines = [f"{self.name}: {'all that was looked at holds' if self.passed else 'violated'}"]
        for check in self.checks:
            numbers = "" if check.passed is None else f"{check.measured:9.2e} of {check.allowed:8.2e}"
            lines.append(f"  {check.law:16} {words[check.passed]:13} {numbers:22} {check.about}")
        return "\n".join(lines)


@default_promotion
def verify(enc: Encoding, target: ArrayLike | None = None, *, samples: int = 4, seed: int = 0) -> Verification:
    r"""Measure what every encoding has to keep, on random states and, where it is small, on all of them.

    Unitarity: $U^\dagger U\psi = \psi$, and lengths stay. Adjoint: $\langle\phi, U\psi\rangle = \langle U^\dagger\phi,
    \psi\rangle$. Views: $\alpha\langle0|U|0\rangle x$ by the circuit is `matvec`, or `encoded` for vectors. Transpose:
    `rmatvec` is the adjoint of `matvec`. Padding: basis states without an entry stay empty. Norm bound: it is at least
    the norm of what is encoded. Error: what is encoded is within $\epsilon$ of the target, where one is given.
    What rounding may add is `rounding`, and no less than a few units for each qubit.

    Args:
        enc: a block or vector encoding, known rather than traced.
        target: the ideal matrix or vector.
        samples: random states for each law.
        seed: of these.

    Returns:
        A report; a law whose arrays do not fit in memory was not looked at, and it says so.

    Raises:
        TypeError: `enc` is no encoding.
        ValueError: a target of another shape, or fewer than one sample.
    """
    require_kind("enc", enc, Encoding)
    samples, key = as_integer("samples", samples, least=1), jax.random.key(as_integer("seed", seed))
    checks: list[Check] = []
    relative = float(enc.rounding) / max(float(enc.alpha), float(jnp.finfo(enc.alpha.dtype).tiny))
    slack = max(relative, unit(enc)) * 4 * (1 + enc.num_ancillas + enc.num_qubits)
    room = slack * float(enc.alpha)
    if fits(enc.num_ancillas + enc.num_qubits, 16 * samples):
        checks += _of_circuit(enc, key, samples, slack)
        checks += _of_views(enc, key, samples, room)
    else:
        told = f"{enc.num_ancillas + enc.num_qubits} qubits do not fit in memory"
        checks += [
            Check(law, math.nan, math.nan, told) for law in ("unitarity", "length", "adjoint", "views", "padding")
        ]
    if isinstance(enc, VectorEncoding):
        checks += _of_vector(enc, target, room)
    else:
        assert isinstance(enc, BlockEncoding)
        checks += _of_matrix(enc, target, key, samples, room)
    return Verification(type(enc).__name__, tuple(checks))


def _of_circuit(enc: Encoding, key: Array, samples: int, slack: float) -> Iterator[Check]:
    shape = (samples, 1 << enc.num_ancillas, 1 << enc.num_qubits)
    psi, phi = (_units(one, shape, enc.alpha.dtype) for one in jax.random.split(key))
    moved, back = _mapped(enc.apply)(psi), _mapped(enc.apply_adjoint)
    yield Check("unitarity", _largest(back(moved) - psi), slack, "|U^H U psi - psi| on random states")
    yield Check("length", float(jnp.abs(_lengths(moved) - 1).max()), slack, "||U psi| - 1|")
    apart = jnp.abs(_products(phi, moved) - _products(back(phi), psi)).max()
    yield Check("adjoint", float(apart), slack, "|<phi, U psi> - <U^H phi, psi>|")


def _of_views(enc: Encoding, key: Array, samples: int, room: float) -> Iterator[Check]:
    if isinstance(enc, VectorEncoding):
        sizes, told = enc.sizes, "circuit against the encoded vector"
        start = jnp.zeros((1, 1 << enc.num_qubits), enc.encoded.dtype).at[0, 0].set(1)
        seen = enc.encoded[None]
    else:
        assert isinstance(enc, BlockEncoding)
        sizes, told = enc.codomain, "circuit against `matvec`"
        x = _units(key, (samples, enc.shape[1]), enc.alpha.dtype)
        start = jax.vmap(lambda one: registers.embed(one, enc.domain, enc.num_qubits))(x)
        seen = _mapped(enc.matvec)(x)
    behind = _mapped(lambda one: enc.apply(with_ancillas(one, enc.num_ancillas))[0])(start)
    difference = enc.alpha * behind - jax.vmap(lambda one: registers.embed(one, sizes, enc.num_qubits))(seen)
    unused = registers.embed(jnp.ones(math.prod(sizes)), sizes, enc.num_qubits) == 0
    yield Check("views", _largest(difference), room, told)
    yield Check("padding", _largest(difference * unused[None]), room, "length among basis states without an entry")


def _of_vector(enc: VectorEncoding, target: ArrayLike | None, room: float) -> Iterator[Check]:
    if target is not None:
        ideal, size = as_numeric("target", target, ndim=None).reshape(-1), enc.encoded.size
        require(ideal.size == size, f"`target` must have {size} entries, but has {ideal.size}.")
        yield _error(float(jnp.linalg.norm(enc.encoded - ideal)), enc, room)


def _of_matrix(enc: BlockEncoding, target: ArrayLike | None, key: Array, samples: int, room: float) -> Iterator[Check]:
    ideal = None if target is None else as_numeric("target", target, ndim=2)
    if ideal is not None:
        require(ideal.shape == enc.shape, f"`target` must have shape {enc.shape}, but has {ideal.shape}.")
    left, right = jax.random.split(key)
    x, y = (_units(k, (samples, n), enc.alpha.dtype) for k, n in zip((left, right), enc.shape[::-1], strict=True))
    apart = jnp.abs(_products(y, _mapped(enc.matvec)(x)) - _products(_mapped(enc.rmatvec)(y), x)).max()
    yield Check("transpose", float(apart), room, "|<y, A x> - <A^H y, x>| of `matvec` and `rmatvec`")
    if max(enc.shape) <= EXPLICIT:
        found = np.asarray(block(enc))
        norm, about = float(np.linalg.norm(found, 2)), "norm of the matrix above its bound"
        yield Check("norm bound", norm - float(enc.norm_bound), float(enc.eps) + room, about)
        if ideal is not None:
            yield _error(float(np.linalg.norm(found - np.asarray(ideal), 2)), enc, room)
        return
    norm, about = float(_lengths(_mapped(enc.matvec)(x)).max()), "length of A x above it, on random unit vectors alone"
    yield Check("norm bound", norm - float(enc.norm_bound), float(enc.eps) + room, about)
    if ideal is not None:
        moved = jax.vmap(lambda one: enc.matvec(one) - ideal @ one)(x)
        yield _error(float(_lengths(moved).max()), enc, room, "distance from the target, on random unit vectors alone")


def _error(distance: float, enc: Encoding, room: float, about: str = "distance from the target") -> Check:
    if not np.isfinite(float(enc.eps)):
        return Check("error", distance, math.nan, f"the distance is {distance:.2e}, and eps is unknown")
    return Check("error", distance, float(enc.eps) + room, about)


def _units(key: Array, shape: tuple[int, ...], dtype: jnp.dtype) -> Num[Array, "..."]:
    real, imag = jax.random.normal(key, (2, *shape), dtype)
    whole = jax.lax.complex(real, imag)
    return whole / _lengths(whole).reshape(-1, *(1,) * (len(shape) - 1))


def _mapped(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return jax.jit(jax.vmap(function))


def _lengths(states: Array) -> Array:
    return jnp.linalg.norm(states.reshape(len(states), -1), axis=1)


def _largest(states: Array) -> float:
    return float(_lengths(states).max())


def _products(left: Array, right: Array) -> Array:
    return jax.vmap(jnp.vdot)(left.reshape(len(left), -1), right.reshape(len(right), -1))
