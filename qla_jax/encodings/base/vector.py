r"""Vector encodings: any vector $x$ as the flagged column of a unitary.

$$\|x - \alpha\langle 0|U|0\rangle|0\rangle\| \le \epsilon.$$
The vector need not be a unit vector and $\epsilon$ is absolute, so sums, products and pieces need no bookkeeping of
norms; `normalize` is the one explicit node that turns an encoding of $x$ into one of $x/\|x\|$. The papers' "1/N" forms
of a lemma are `normalize` after the lemma.

A builder computes the encoded vector once, from the encoded views of the parts, and stores it beside the circuit;
`run` recomputes it by the circuit.

References:
    Rattew et al. (2025), Definition 3. https://arxiv.org/abs/2510.07195
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import (
    as_bound,
    as_inexact,
    as_integer,
    as_integers,
    as_numeric,
    as_subnormalization,
    exact,
    is_concrete,
    require,
    require_kind,
)
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, reflection, synthesized, tree
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.block import inverse_of
from qla_jax.encodings.base.encoding import Encoding, State, Use, with_ancillas
from qla_jax.encodings.base.memory import fits, require_arrays_fit, require_fit
from qla_jax.encodings.matrices.dense import _qubits_of, unknown_unless_unitary
from qla_jax.linalg.preparation import length, prepare, unit_vector, unprepare


class VectorEncoding(Encoding, kw_only=True):
    r"""An $(\alpha, a, \epsilon)$-vector-encoding of $x$.

    Attributes:
        encoded: $\alpha\langle 0|U|0\rangle|0\rangle$, shape (prod(sizes),).
        sizes: the registers that $x$ lives on, such as `(3, 5, 5)` for three channels of a 5 x 5 image.
    """

    encoded: Num[Array, " size"]
    sizes: tuple[int, ...] = struct.field(pytree_node=False)

    def vector(self) -> Num[Array, " size"]:
        """The encoded vector, alpha included (the encoded view)."""
        return self.encoded

    @property
    def amplitude(self) -> Array:
        r"""$\|\langle 0|U|0\rangle|0\rangle\|$, the flagged amplitude; its square is the success probability."""
        return length(self.encoded) / jnp.where(self.alpha == 0, 1, self.alpha)

    __array_ufunc__ = None  # a NumPy scalar on the left leaves the product to __rmul__

    # The operators live in lemmas.py, which needs this class: hence the late imports.
    def __add__(self, other: "VectorEncoding") -> "VectorEncoding":
        from qla_jax.encodings.combine.lemmas import vector_sum

        return vector_sum(self, other) if isinstance(other, VectorEncoding) else NotImplemented

    def __radd__(self, other: int) -> "VectorEncoding":
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum() starts from 0

    def __sub__(self, other: "VectorEncoding") -> "VectorEncoding":
        from qla_jax.encodings.combine.lemmas import vector_sum

        return vector_sum(self, other, weights=(1.0, -1.0)) if isinstance(other, VectorEncoding) else NotImplemented

    def __mul__(self, factor: ArrayLike) -> "VectorEncoding":
        from qla_jax.encodings.combine.lemmas import vector_sum

        return vector_sum(self, weights=as_numeric("factor", factor, ndim=0, like=self.alpha)[None])

    __rmul__ = __mul__

    def __truediv__(self, divisor: ArrayLike) -> "VectorEncoding":
        return self * inverse_of(divisor, self.alpha)

    def __neg__(self) -> "VectorEncoding":
        return self * -1.0


@default_promotion
def run(vec: VectorEncoding) -> Num[Array, " size"]:
    """Return the encoded vector by running the whole circuit from |0>, every ancilla simulated.

    Its derivative is that of the encoded view: garbage need not have one.

    Raises:
        TypeError: no vector encoding.
        ValueError: more qubits than fit in memory.
    """
    require_kind("vec", vec, VectorEncoding)
    require_fit(vec.num_ancillas, vec.num_qubits, vec.encoded.dtype)  # here: what is compiled already asks no more
    return _run(vec)


@jax.custom_jvp
@jax.jit  # an eager call would compile every gate apart
def _run(vec: VectorEncoding) -> Num[Array, " size"]:
    state = vec.apply(with_ancillas(_start(vec), vec.num_ancillas))
    return vec.alpha * registers.extract(state[0], vec.sizes)


@default_promotion
def run_projected(vec: VectorEncoding) -> Num[Array, " size"]:
    """Return the encoded vector by running the circuit, flagged ancillas projected as early as they can be.

    An ancilla is projected as soon as no later gate touches it.

    Exact, and far smaller than the full state; but a projection is not unitary, so this is no circuit to amplify.

    Raises:
        TypeError: no vector encoding.
        ValueError: arrays that do not fit in memory all the same.
    """
    require_kind("vec", vec, VectorEncoding)
    start, qubits = _start(vec), vec.num_ancillas + vec.num_qubits
    if not fits(qubits, start.dtype.itemsize):
        require_arrays_fit(vec.flagged, start, qubits)
    return _run_projected(vec)


@jax.custom_jvp
@jax.jit
def _run_projected(vec: VectorEncoding) -> Num[Array, " size"]:
    return vec.alpha * registers.extract(vec.flagged(_start(vec)), vec.sizes)


@_run.defjvp
@default_promotion
def _run_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    return _with_encoded_tangent(_run(*primals), tangents[0])


@_run_projected.defjvp
@default_promotion
def _run_projected_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    return _with_encoded_tangent(_run_projected(*primals), tangents[0])


def _with_encoded_tangent(found: Array, tangent: VectorEncoding) -> tuple[Array, Array]:
    return found, tangent.encoded.astype(found.dtype)  # a complex circuit may encode a real vector


def _start(vec: VectorEncoding) -> Array:
    return jnp.zeros(1 << vec.num_qubits, vec.encoded.dtype).at[0].set(1)


class StatePreparation(VectorEncoding, kw_only=True):
    """A known vector, prepared by a reflection."""

    direction: Num[Array, " system"]

    def apply(self, state: State) -> State:
        return prepare(self.direction, state.T).T

    def apply_adjoint(self, state: State) -> State:
        return unprepare(self.direction, state.T).T

    def gates(self) -> Gates:
        """A reflection, between trees of the vector that it reflects at; `load_vector` takes one tree, not two."""
        return 2 * tree(self.num_qubits, phases=jnp.iscomplexobj(self.direction)) + reflection(self.num_qubits)


@default_promotion
def vector_encode(x: ArrayLike, *, pad: bool = False) -> StatePreparation:
    r"""Encode a vector, or a tensor of any rank in C order, exactly: a $(\|x\|, 0, 0)$-vector-encoding.

    Args:
        x: real or complex, any shape. Each axis becomes a register; the encoded vector is `x.reshape(-1)`.
        pad: allow axes whose length is not a power of two; they are padded inside.

    Raises:
        ValueError: an axis that is not a power of two without `pad`, an entry that is not finite, or the zero vector.
            Inside jit and vmap the zero vector gets alpha = 0, which encodes it exactly.
    """
    x = as_inexact("x", x)
    x = as_numeric("x", x, ndim=max(x.ndim, 1))
    for size in x.shape:
        require(
            pad or size & (size - 1) == 0, f"`x` must have power-of-two axes unless pad=True, but has shape {x.shape}."
        )
    if is_concrete(x):
        there = bool(np.asarray(x).any())
        require(there, f"`x` must not be the zero vector, there is nothing to encode, but {x.size} entries are 0.")
    return _prepared(x)


@jax.jit
def _prepared(x: Array) -> StatePreparation:
    direction, norm = unit_vector(x.reshape(-1))
    qubits = registers.num_qubits(x.shape)
    return StatePreparation(
        alpha=norm,
        eps=exact(norm),
        num_ancillas=0,
        num_qubits=qubits,
        encoded=x.reshape(-1),
        sizes=x.shape,
        direction=registers.embed(direction, x.shape, qubits),
    )


class ExplicitVector(VectorEncoding, kw_only=True):
    """Vector encoding by a stored unitary."""

    unitary: Num[Array, "dimension dimension"]

    def apply(self, state: State) -> State:
        return (self.unitary @ state.reshape(-1)).reshape(state.shape)

    def apply_adjoint(self, state: State) -> State:
        return (state.reshape(-1) @ self.unitary.conj()).reshape(state.shape)

    def gates(self) -> Gates:
        return synthesized(self.num_ancillas + self.num_qubits)


@default_promotion
def vector_from_unitary(
    unitary: ArrayLike,
    *,
    num_ancillas: int,
    alpha: ArrayLike,
    eps: ArrayLike,
    sizes: tuple[int, ...] | None = None,
) -> ExplicitVector:
    r"""Bring your own unitary: it encodes some $x$ with $\|x - \alpha\langle 0|U|0\rangle|0\rangle\| \le \epsilon$.

    Args:
        unitary: shape (2^(a+n), 2^(a+n)), ancillas most significant.
        num_ancillas: a.
        alpha: subnormalization.
        eps: the error you vouch for; nothing can check it here.
        sizes: the registers of x; `(2^n,)` unless given. Padding among them must hold amplitude zero.

    Raises:
        ValueError: not square, not a power of two, not unitary to rounding, a negative bound, or an alpha that
            is not finite.
    """
    unitary = as_numeric("unitary", unitary, ndim=2)
    num_ancillas = as_integer("num_ancillas", num_ancillas, least=0)
    qubits = _qubits_of(unitary, num_ancillas)
    sizes = (1 << qubits,) if sizes is None else as_integers("sizes", sizes, least=1)
    require(registers.num_qubits(sizes) <= qubits, f"`sizes` must fit in {qubits} qubits, but is {sizes}.")
    alpha, unknown = as_subnormalization("alpha", alpha, unitary.dtype)
    column = unitary[: 1 << qubits, 0]
    encoded = registers.extract(column, sizes)
    if is_concrete(column):
        leak = float(np.abs(np.asarray(column) - np.asarray(registers.embed(encoded, sizes, qubits))).max())
        require(leak < 1e-6, f"`sizes` must leave padding at amplitude zero, but {sizes} leaves {leak:.3g} outside.")
    return ExplicitVector(
        alpha=alpha,
        eps=as_bound("eps", eps, unitary.dtype) + unknown + unknown_unless_unitary(unitary),
        num_ancillas=num_ancillas,
        num_qubits=qubits,
        encoded=alpha * encoded,
        sizes=sizes,
        unitary=unitary,
    )


class Normalized(VectorEncoding, kw_only=True):
    r"""The same circuit, read as an encoding of $x/\|x\|$."""

    part: VectorEncoding
    norm: Array

    def apply(self, state: State) -> State:
        return self.part.apply(state)

    def apply_adjoint(self, state: State) -> State:
        return self.part.apply_adjoint(state)

    def flagged(self, system: Num[Array, " system"]) -> Num[Array, " system"]:
        return self.part.flagged(system)

    @property
    def log_alpha(self) -> Array:
        return self.part.log_alpha - jnp.log(jnp.where(self.norm == 0, 1, self.norm))

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.part),)

    def gates(self) -> Gates:
        return Gates()


@default_promotion
def normalize(vec: VectorEncoding) -> Normalized:
    r"""From an encoding of $x$ to one of $x/\|x\|$: an $(\alpha/M, a, \epsilon')$-vector-encoding.

    Only the norm $M$ of the encoded vector is known, not that of the ideal one; hence
    $\epsilon' = 2\epsilon/(2M - \epsilon)$ for $\epsilon < M$ and 2 otherwise, from
    $\|x/|x| - y/|y|\| \le 2|x - y|/(|x| + |y|)$ (Dunkl, Williams 1964). $\epsilon/M$, which the lemmas of the paper
    suggest, is violated in practice. A zero vector has no direction: it stays zero, with `eps = inf`.

    Raises:
        ValueError: an exact encoding of the zero vector, where that can be seen.
    """
    require_kind("vec", vec, VectorEncoding)
    direction, norm = unit_vector(vec.encoded)
    if is_concrete(norm, vec.eps):
        require(bool((norm > 0) | (vec.eps > 0)), "`vec` must have a direction, but encodes the zero vector, norm 0.0.")
    zero = norm == 0
    safe = jnp.where(zero, 1, norm)
    return Normalized(
        alpha=vec.alpha / safe,
        eps=direction_error(vec.eps, norm).astype(norm.dtype),
        num_ancillas=vec.num_ancillas,
        num_qubits=vec.num_qubits,
        encoded=jnp.where(zero, 0, direction),
        sizes=vec.sizes,
        part=vec,
        norm=norm,
    )


@jax.jit
def direction_error(eps: ArrayLike, norm: ArrayLike) -> Array:
    """Bound on the distance of x/|x| from y/|y|, given one of |x - y| and the norm of y alone; see `normalize`."""
    eps, norm = jnp.asarray(eps), jnp.asarray(norm)
    known = eps < norm
    bound = jnp.where(known, 2 * eps / jnp.where(known, 2 * norm - eps, 1), 2)
    return jnp.where((norm > 0) & jnp.isfinite(norm) & jnp.isfinite(eps), bound, jnp.inf)


def same_place(sizes: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two tuples of registers put their entries at the same basis states."""
    return math.prod(sizes) == math.prod(other) and registers.canonical(sizes) == registers.canonical(other)
