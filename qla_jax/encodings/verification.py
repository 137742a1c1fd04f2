"""Numerical checks of the laws that every encoding must satisfy, for a user's own node or for any other.

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
from qla_jax.linalg.products import matmul, vdot

EXPLICIT = 1024
"""Largest number of rows or columns for which the encoded matrix is formed and compared with the target."""


LAWS_OF_CIRCUITS = ("unitarity", "length", "adjoint", "views", "padding")


class Check(NamedTuple):
    """Result of the check of one law.

    Attributes:
        law: name of the law.
        measured: measured deviation from the law; NaN where the law was not checked.
        allowed: largest deviation that passes.
        about: description of the measured quantity, or the reason why the law was not checked.
    """

    law: str
    measured: float
    allowed: float
    about: str

    @property
    def passed(self) -> bool | None:
        """True where the deviation is allowed, False where it is not, None where the law was not checked."""
        return None if math.isnan(self.allowed) else self.measured <= self.allowed


class Verification(NamedTuple):
    """Results of all checks of one encoding, which print as a table.

    Attributes:
        name: class of the encoding.
        checks: results, in the order in which the laws were checked.

    Example:
        >>> found = verify(block_encode_pauli({"X": 1.0}))
        >>> found.passed, found.failed, found.checks[0].law
        (True, (), 'unitarity')
    """

    name: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the laws that do not hold."""
        return tuple(check.law for check in self.checks if check.passed is False)

    @property
    def unseen(self) -> tuple[str, ...]:
        """Names of the laws that were not checked."""
        return tuple(check.law for check in self.checks if check.passed is None)

    @property
    def passed(self) -> bool:
        """True where every law that was checked holds."""
        return not self.failed

    def __repr__(self) -> str:
        words = {True: "holds", False: "VIOLATED", None: "not checked"}
        lines = [f"{self.name}: {'all checked laws hold' if self.passed else 'violated'}"]
        for check in self.checks:
            numbers = "" if check.passed is None else f"{check.measured:9.2e} of {check.allowed:8.2e}"
            lines.append(f"  {check.law:16} {words[check.passed]:13} {numbers:22} {check.about}")
        return "\n".join(lines)


@default_promotion
def verify(enc: Encoding, target: ArrayLike | None = None, *, samples: int = 4, seed: int = 0) -> Verification:
    r"""Check numerically that an encoding satisfies the laws of encodings and, if a target is given, its error bound.

    The laws are checked on random states, the norm and the error of matrices of up to 1024 rows and columns exactly.

    * unitarity, length: $U^\dagger U\psi = \psi$ and $\|U\psi\| = \|\psi\|$.
    * adjoint: $\langle\phi, U\psi\rangle = \langle U^\dagger\phi, \psi\rangle$.
    * self-inverse: $U^2\psi = \psi$ where `is_self_inverse` says so.
    * views: $\alpha\langle0|U|0\rangle x$ by the circuit equals `matvec`, or `encoded` for vectors.
    * padding: basis states without an entry keep amplitude zero.
    * transpose: `rmatvec` is the adjoint of `matvec`.
    * norm bound: `norm_bound` is at least the norm of the encoded matrix.
    * error: the encoded matrix or vector is within $\epsilon$ of the target.

    Deviations of up to four times `enc.rounding` for each qubit pass, and of at least 16 machine epsilons times alpha.

    Args:
        enc: block or vector encoding with concrete arrays.
        target: ideal matrix or vector, for the law "error".
        samples: number of random states for each law.
        seed: seed of the random states.

    Returns:
        A report with the properties `passed`, `failed` and `unseen`. Laws whose arrays do not fit in memory are not
        checked, and the report says so.

    Raises:
        TypeError: `enc` is not an encoding.
        ValueError: the target has another shape, or `samples` is below 1.

    Example:
        >>> enc = from_unitary(jnp.eye(4), num_ancillas=1, alpha=1.0, eps=0.0)
        >>> verify(enc, 0.9 * jnp.eye(2)).failed
        ('error',)

    References:
        Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
    """
    require_kind("enc", enc, Encoding)
    samples, key = as_integer("samples", samples, least=1), jax.random.key(as_integer("seed", seed))
    checks: list[Check] = []
    # The estimate is relative to alpha, and alpha may be 0; four machine epsilons for each qubit are the least slack.
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
    # Each law is linear or bilinear in the states, so that random ones show a violation almost surely.
    moved, back = _mapped(enc.apply)(psi), _mapped(enc.apply_adjoint)
    yield Check("unitarity", _largest(back(moved) - psi), slack, "|U^H U psi - psi| on random states")
    yield Check("length", float(jnp.abs(_lengths(moved) - 1).max()), slack, "||U psi| - 1|")
    apart = jnp.abs(_products(phi, moved) - _products(back(phi), psi)).max()
    yield Check("adjoint", float(apart), slack, "|<phi, U psi> - <U^H phi, psi>|")
    if enc.is_self_inverse:
        yield Check("self-inverse", _largest(_mapped(enc.apply)(moved) - psi), slack, "|U U psi - psi| where declared")


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
        moved = jax.vmap(lambda one: enc.matvec(one) - matmul(ideal, one))(x)
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
    return jax.vmap(vdot)(left.reshape(len(left), -1), right.reshape(len(right), -1))
