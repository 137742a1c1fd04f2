r"""Block encodings: a matrix $A$ as the flagged block of a unitary, $\|A - \alpha\langle 0|U|0\rangle\| \le \epsilon$.

The circuit view is `apply` on a state with all ancillas; the encoded view is `matvec` on the plain vector. They are
one: `matvec(x) == alpha * apply(embed(enc, x))[0]`, read at the entries of the codomain, for every node.

References:
    Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
"""

import math
from typing import TYPE_CHECKING, overload

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import require
from qla_jax.encodings import registers
from qla_jax.encodings.encoding import Encoding, State, with_ancillas

if TYPE_CHECKING:
    from qla_jax.encodings.vector import VectorEncoding


class BlockEncoding(Encoding, kw_only=True):
    r"""An $(\alpha, a, \epsilon)$-block-encoding of $A$.

    Attributes:
        norm_bound: a certified upper bound on $\|A\|$; `alpha + eps` where nothing better is known.
        domain: sizes of the input registers; their product is the number of columns.
        codomain: sizes of the output registers; their product is the number of rows.
    """

    norm_bound: Array
    domain: tuple[int, ...] = struct.field(pytree_node=False)
    codomain: tuple[int, ...] = struct.field(pytree_node=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of $A$, without padding."""
        return math.prod(self.codomain), math.prod(self.domain)

    def matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        r"""$\alpha\langle 0|U|0\rangle x$ in the encoded view.

        Raises:
            ValueError: x is not a vector of `shape[1]` entries.
        """
        _require_length("x", x, self.shape[1])
        return _matvec(self, x)

    def rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        r"""$\alpha\langle 0|U^\dagger|0\rangle y$, the adjoint of `matvec`.

        Raises:
            ValueError: y is not a vector of `shape[0]` entries.
        """
        _require_length("y", y, self.shape[0])
        return _rmatvec(self, y)

    # The plain derivations, by the circuit; structured nodes override them.
    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        return _by_circuit(self, x)

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        state = with_ancillas(registers.embed(y, self.codomain, self.num_qubits), self.num_ancillas)
        return self.alpha * registers.extract(self.apply_adjoint(state)[0], self.domain)

    __array_ufunc__ = None  # a NumPy scalar on the left leaves the product to __rmul__

    # The operators live in algebra.py, which needs this class: hence the late imports.
    def adjoint(self) -> "BlockEncoding":
        """The encoding of the adjoint matrix, by the inverse circuit."""
        from qla_jax.encodings.algebra import adjoint

        return adjoint(self)

    @overload
    def __matmul__(self, other: "BlockEncoding") -> "BlockEncoding": ...
    @overload
    def __matmul__(self, other: "VectorEncoding") -> "VectorEncoding": ...
    def __matmul__(self, other: Encoding) -> Encoding:
        from qla_jax.encodings.algebra import product
        from qla_jax.encodings.lemmas import matrix_vector_product
        from qla_jax.encodings.vector import VectorEncoding

        if isinstance(other, BlockEncoding):
            return product(self, other)
        if isinstance(other, VectorEncoding):
            return matrix_vector_product(self, other)
        return NotImplemented

    def __add__(self, other: "BlockEncoding") -> "BlockEncoding":
        if not isinstance(other, BlockEncoding):
            return NotImplemented
        from qla_jax.encodings.algebra import linear_combination

        return linear_combination(jnp.array([1.0, 1.0], self.alpha.dtype), (self, other))

    def __sub__(self, other: "BlockEncoding") -> "BlockEncoding":
        if not isinstance(other, BlockEncoding):
            return NotImplemented
        from qla_jax.encodings.algebra import linear_combination

        return linear_combination(jnp.array([1.0, -1.0], self.alpha.dtype), (self, other))

    def __mul__(self, factor: ArrayLike) -> "BlockEncoding":
        from qla_jax.encodings.algebra import scale

        return scale(factor, self)

    __rmul__ = __mul__

    def __truediv__(self, divisor: ArrayLike) -> "BlockEncoding":
        return self * (1 / jnp.asarray(divisor))

    def __neg__(self) -> "BlockEncoding":
        return self * -1.0


def embed(enc: BlockEncoding, x: Num[Array, " columns"]) -> State:
    """The state `enc.apply` takes: `x` in the system, all ancillas in |0>.

    Raises:
        ValueError: x is not a vector of `enc.shape[1]` entries, or more qubits than fit in memory.
    """
    _require_length("x", x, enc.shape[1])
    return with_ancillas(registers.embed(x, enc.domain, enc.num_qubits), enc.num_ancillas)


# Compiled, so that an eager call is one program for each structure and shape.
@jax.jit
def _matvec(enc: BlockEncoding, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
    return enc._matvec(x)


@jax.jit
def _rmatvec(enc: BlockEncoding, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
    return enc._rmatvec(y)


@jax.custom_jvp
def postselect(enc: BlockEncoding, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
    r"""$\alpha\langle 0|U|0\rangle x$ by running the circuit and keeping the branch with all ancillas in |0>.

    Its derivative is that of the encoded view: the garbage of a circuit need not have one, its flagged part does.
    """
    return _by_circuit(enc, x)


def _by_circuit(enc: BlockEncoding, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
    return enc.alpha * registers.extract(enc.apply(embed(enc, x))[0], enc.codomain)


@postselect.defjvp
def _postselect_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    _, tangent = jax.jvp(lambda enc, x: enc.matvec(x), primals, tangents)
    found = postselect(*primals)
    return found, tangent.astype(found.dtype)  # a complex circuit may encode a real matrix


def _require_length(name: str, x: Array, length: int) -> None:
    require(jnp.shape(x) == (length,), f"`{name}` must have shape ({length},), but has shape {jnp.shape(x)}.")


@jax.jit
def block(enc: BlockEncoding) -> Num[Array, "rows columns"]:
    """The encoded matrix $A$ itself, alpha included, from the encoded view."""
    return jax.vmap(enc.matvec, out_axes=1)(jnp.eye(enc.shape[1], dtype=enc.alpha.dtype))
