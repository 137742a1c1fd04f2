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

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import require_kind
from qla_jax._modes import default_promotion
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.encoding import Encoding, with_ancillas
from qla_jax.encodings.base.operators import by_rule, inverse_of
from qla_jax.linalg.memory import fits, require_arrays_fit, require_fit
from qla_jax.linalg.preparation import length


class VectorEncoding(Encoding, kw_only=True):
    r"""An $(\alpha, a, \epsilon)$-vector-encoding of $x$.

    Attributes:
        encoded: $\alpha\langle 0|U|0\rangle|0\rangle$, shape (prod(sizes),).
        sizes: the registers that $x$ lives on, such as `(3, 5, 5)` for three channels of a 5 x 5 image.
    """

    encoded: Num[Array, " size"]
    sizes: tuple[int, ...] = struct.field(pytree_node=False)

    @property
    def amplitude(self) -> Array:
        r"""$\|\langle 0|U|0\rangle|0\rangle\|$, the flagged amplitude; its square is the success probability."""
        return length(self.encoded) / jnp.where(self.alpha == 0, 1, self.alpha)

    @property
    def success_probability(self) -> Array:
        r"""$\|\langle 0|U|0\rangle|0\rangle\|^2$: that every ancilla is found in 0 behind one run of the circuit."""
        return jnp.square(self.amplitude)

    __array_ufunc__ = None  # a NumPy scalar on the left leaves the product to __rmul__

    def __rmatmul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray | jax.Array | list):
            told = "`block_encode(matrix) @ vec` for an encoding, `matrix @ vec.encoded` for an array"
            raise TypeError(f"`... @ vec` must have an encoding on its left, but has an array: write {told}.")
        return NotImplemented

    def __add__(self, other: "VectorEncoding") -> "VectorEncoding":
        return by_rule("+", self, other)

    def __radd__(self, other: int) -> "VectorEncoding":
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum() starts from 0

    def __sub__(self, other: "VectorEncoding") -> "VectorEncoding":
        return by_rule("-", self, other)

    def __mul__(self, factor: ArrayLike) -> "VectorEncoding":
        return by_rule("*", self, factor)

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
