r"""Vector encodings: a vector $x$ as the flagged first column of a unitary.

$$\|x - \alpha\langle 0|U|0\rangle|0\rangle\| \le \epsilon.$$
The vector need not be a unit vector and $\epsilon$ is absolute, so that sums, products and pieces need no bookkeeping
of norms. The node `normalize` turns an encoding of $x$ into one of $x/\|x\|$. The "1/N" form of a lemma in the papers
is `normalize` after the lemma.

A builder computes the encoded vector once, from the encoded views of the parts, and stores it in the node. The function
`run` recomputes the vector with the circuit.

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
    r"""An $(\alpha, a, \epsilon)$-vector-encoding: $\|x - \alpha\langle 0|U|0\rangle|0\rangle\| \le \epsilon$.

    The operators `matrix @ vec`, `+`, `-`, `*` and `/` build the encoding of the corresponding vector.

    Attributes:
        encoded: encoded vector $\alpha\langle 0|U|0\rangle|0\rangle$, shape (prod(sizes),).
        sizes: sizes of the registers of $x$, such as `(3, 5, 5)` for three channels of a 5 x 5 image.

    Example:
        >>> vec = block_encode(jnp.eye(2), alpha=2.0) @ vector_encode(jnp.array([3.0, 4.0]))
        >>> vec.encoded.tolist(), float(vec.alpha), float(vec.success_probability)
        ([3.0, 4.0], 10.0, 0.25)

    References:
        Rattew et al. (2025), Definition 3. https://arxiv.org/abs/2510.07195
    """

    encoded: Num[Array, " size"]
    sizes: tuple[int, ...] = struct.field(pytree_node=False)

    @property
    def amplitude(self) -> Array:
        r"""Success amplitude $\|\langle 0|U|0\rangle|0\rangle\|$; its square is the success probability."""
        return length(self.encoded) / jnp.where(self.alpha == 0, 1, self.alpha)

    @property
    def success_probability(self) -> Array:
        r"""Probability $\|\langle 0|U|0\rangle|0\rangle\|^2$ of measuring all ancillas in 0 after one run."""
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
    """Return the encoded vector by running the whole circuit from |0>, with every ancilla simulated.

    The result equals `vec.encoded` up to rounding. The derivative is the derivative of `vec.encoded`: the flagged
    branch is differentiable even where the other branches are not.

    Raises:
        TypeError: `vec` is not a vector encoding.
        ValueError: the state does not fit in memory.

    Example:
        >>> run(vector_encode(jnp.array([3.0, 4.0])) + vector_encode(jnp.array([1.0, 0.0]))).round(6).tolist()
        [4.0, 4.0]

    References:
        Rattew et al. (2025), Definition 3. https://arxiv.org/abs/2510.07195
    """
    require_kind("vec", vec, VectorEncoding)
    # The memory is checked out here, because a call that is compiled already would not check it again.
    require_fit(vec.num_ancillas, vec.num_qubits, vec.encoded.dtype, vec.encoded)
    return _run(vec)


@jax.custom_jvp
@jax.jit  # an eager call would compile each gate separately
def _run(vec: VectorEncoding) -> Num[Array, " size"]:
    state = vec.apply(with_ancillas(_start(vec), vec.num_ancillas))
    return vec.alpha * registers.extract(state[0], vec.sizes)


@default_promotion
def run_projected(vec: VectorEncoding) -> Num[Array, " size"]:
    """Return the encoded vector by running the circuit with each flagged ancilla projected as early as possible.

    An ancilla is projected as soon as no later gate touches it. The result is exact and needs far less memory than the
    full state. A projection is not unitary, however, so this simulation is no circuit that could be amplified.

    Raises:
        TypeError: `vec` is not a vector encoding.
        ValueError: arrays of this smaller simulation do not fit in memory.

    Example:
        >>> vec = block_encode(jnp.diag(jnp.array([2.0, 3.0]))) @ vector_encode(jnp.array([3.0, 4.0]))
        >>> run_projected(vec).round(6).tolist()
        [6.0, 12.0]
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
