r"""Normalization of a vector encoding: the circuit of $x$, read as an encoding of $x/\|x\|$."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import (
    is_concrete,
    require,
    require_kind,
)
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.operations import Operation
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.linalg.preparation import unit_vector


class Normalized(VectorEncoding, kw_only=True):
    r"""Vector encoding of $x/\|x\|$ by the circuit of an encoding of $x$."""

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

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return [self.call(self.part, parts[0])]


@default_promotion
def normalize(vec: VectorEncoding) -> Normalized:
    r"""Return an $(\alpha/M, a, \epsilon')$-vector-encoding of the unit vector $x/\|x\|$ from an encoding of $x$.

    The norm $M$ of the encoded vector is known, the norm of the ideal one is not. Hence
    $\epsilon' = 2\epsilon/(2M - \epsilon)$ for $\epsilon < M$ and 2 otherwise, which follows from
    $\|x/\|x\| - y/\|y\|\| \le 2\|x - y\|/(\|x\| + \|y\|)$ (Dunkl, Williams 1964). The bound $\epsilon/M$, which the
    lemmas of the paper suggest, is violated in practice. A zero vector has no direction: the result is zero with
    `eps = inf`.

    Raises:
        ValueError: an exact encoding of the zero vector, outside jit.
        TypeError: `vec` is not a vector encoding.

    Example:
        >>> vec = normalize(vector_encode(jnp.array([3.0, 4.0])) + vector_encode(jnp.array([3.0, 4.0])))
        >>> [round(x, 6) for x in vec.encoded.tolist()], float(vec.alpha)
        ([0.6, 0.8], 1.0)

    References:
        Rattew et al. (2025), Lemmas 1 to 4, which normalize their results. https://arxiv.org/abs/2510.07195
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
    """Return a bound on the distance of x/|x| from y/|y|, given a bound on |x - y| and the norm of y.

    Args:
        eps: bound on |x - y|, absolute.
        norm: norm of y.
    """
    eps, norm = jnp.asarray(eps), jnp.asarray(norm)
    known = eps < norm
    bound = jnp.where(known, 2 * eps / jnp.where(known, 2 * norm - eps, 1), 2)
    return jnp.where((norm > 0) & jnp.isfinite(norm) & jnp.isfinite(eps), bound, jnp.inf)
