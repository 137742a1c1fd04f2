r"""Block encodings: a matrix $A$ as the flagged block of a unitary, $\|A - \alpha\langle 0|U|0\rangle\| \le \epsilon$.

The circuit view is `apply` on a state with all ancillas; the encoded view is `matvec` on the plain vector. They are
one: `matvec(x) == alpha * apply(embed(enc, x))[0]`, read at the entries of the codomain, for every node.

References:
    Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_inexact, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.encoding import Encoding, State, with_ancillas
from qla_jax.encodings.base.nesting import links
from qla_jax.encodings.base.operators import by_rule, inverse_of
from qla_jax.linalg.memory import require_fit


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

    @default_promotion
    def matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        r"""Return $\alpha\langle 0|U|0\rangle x$ in the encoded view, in the wider precision of x and the encoding.

        Raises:
            ValueError: x is not a vector of `shape[1]` numbers.
        """
        x = _as_vector("x", x, self.shape[1], self)
        return _matvec(self, x) if self.row() is None else _along(*links(self), x)

    @default_promotion
    def rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        r"""Return $\alpha\langle 0|U^\dagger|0\rangle y$, the adjoint of `matvec`.

        Raises:
            ValueError: y is not a vector of `shape[0]` numbers.
        """
        y = _as_vector("y", y, self.shape[0], self)
        return _rmatvec(self, y) if self.row() is None else _along(*links(self, adjoint=True), y)

    # The plain derivations, by the circuit; structured nodes override them.
    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        return _by_circuit(self, x)

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        state = with_ancillas(registers.embed(y, self.codomain, self.num_qubits), self.num_ancillas)
        return self.alpha * registers.extract(self.apply_adjoint(state)[0], self.domain)

    def hermitian_defect(self) -> Array | None:
        r"""Return a bound on $|A - A^\dagger|$ of the encoded matrix from its structure; None where that tells nothing.

        A node of one's own may leave this out: small matrices are then formed to be looked at.
        """
        return None

    def singular_values(self) -> Num[Array, " values"] | None:
        """Return the singular values of the encoded matrix where its structure gives them; None elsewhere."""
        return None

    __array_ufunc__ = None  # a NumPy scalar on the left leaves the product to __rmul__

    def adjoint(self) -> "BlockEncoding":
        """The encoding of the adjoint matrix, by the inverse circuit."""
        return by_rule("adjoint", self)

    __iter__ = None  # a matrix is not a sequence of its rows, although it has them by [...]

    def __getitem__(self, index: Any) -> "BlockEncoding":
        """Return the encoding of `A[rows, columns]`: slices, or lists of different integers.

        Raises:
            ValueError: no rows or no columns, places outside the matrix or given twice, or more than two indices.
            TypeError: an index that is neither a slice nor a list of integers.
        """
        return by_rule("[]", self, index)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray | jax.Array | list):
            told = (
                "`enc.matvec(x)` for an array, `enc @ vector_encode(x)` or `enc @ block_encode(matrix)` for an encoding"
            )
            raise TypeError(f"`enc @ ...` must have an encoding on its right, but has an array: write {told}.")
        return by_rule("@", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray | jax.Array | list):
            told = "`block_encode(matrix) @ enc` for an encoding, `enc.rmatvec(x.conj()).conj()` for an array"
            raise TypeError(f"`... @ enc` must have an encoding on its left, but has an array: write {told}.")
        return NotImplemented

    def __add__(self, other: "BlockEncoding") -> "BlockEncoding":
        return by_rule("+", self, other)

    def __radd__(self, other: int) -> "BlockEncoding":
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum() starts from 0

    def __sub__(self, other: "BlockEncoding") -> "BlockEncoding":
        return by_rule("-", self, other)

    def __mul__(self, factor: ArrayLike) -> "BlockEncoding":
        return by_rule("*", self, factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: ArrayLike) -> "BlockEncoding":
        return self * inverse_of(divisor, self.alpha)

    def __neg__(self) -> "BlockEncoding":
        return self * -1.0


@default_promotion
def embed(enc: BlockEncoding, x: Num[Array, " columns"]) -> State:
    """The state `enc.apply` takes: `x` in the system, all ancillas in |0>.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: x is not a vector of `enc.shape[1]` numbers, or more qubits than fit in memory.
    """
    require_kind("enc", enc, BlockEncoding)
    x = _as_vector("x", x, enc.shape[1], enc)
    return with_ancillas(registers.embed(x, enc.domain, enc.num_qubits), enc.num_ancillas)


# Compiled, so that an eager call is one program for each structure and shape.
@jax.jit
def _matvec(enc: BlockEncoding, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
    return enc._matvec(x)


@jax.jit
def _rmatvec(enc: BlockEncoding, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
    return enc._rmatvec(y)


@jax.jit(static_argnames="backwards")
def _along(parts: tuple, backwards: tuple[bool, ...], x: Num[Array, " n"]) -> Num[Array, " m"]:
    """Parts and numbers, or their adjoints, on a vector, one after another."""
    for part, back in zip(parts, backwards, strict=True):
        if isinstance(part, BlockEncoding):
            x = part.rmatvec(x) if back else part.matvec(x)
        else:
            x = (part.conj() if back else part) * x
    return x


@default_promotion
def postselect(enc: BlockEncoding, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
    r"""Return $\alpha\langle 0|U|0\rangle x$ by running the circuit and keeping the branch with all ancillas in |0>.

    Its derivative is that of the encoded view: the garbage of a circuit need not have one, its flagged part does.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: x is not a vector of `enc.shape[1]` numbers, or more qubits than fit in memory.
    """
    require_kind("enc", enc, BlockEncoding)
    x = _as_vector("x", x, enc.shape[1], enc)
    require_fit(enc.num_ancillas, enc.num_qubits, x.dtype)  # here: what is compiled already asks no more
    return _postselect(enc, x)


@jax.custom_jvp
@jax.jit  # an eager call would compile every gate apart
def _postselect(enc: BlockEncoding, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
    return _by_circuit(enc, x)


def _by_circuit(enc: BlockEncoding, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
    return enc.alpha * registers.extract(enc.apply(embed(enc, x))[0], enc.codomain)


@_postselect.defjvp
@default_promotion
def _postselect_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    _, tangent = jax.jvp(lambda enc, x: enc.matvec(x), primals, tangents)
    found = _postselect(*primals)
    return found, tangent.astype(found.dtype)  # a complex circuit may encode a real matrix


def _as_vector(name: str, x: ArrayLike, length: int, enc: BlockEncoding) -> Num[Array, " length"]:
    """A vector of so many entries, no less precise than the encoding: FFTs and convolutions round to their input."""
    x = as_inexact(name, x)
    require(x.shape == (length,), f"`{name}` must have shape ({length},), but has shape {x.shape}.")
    return x.astype(jnp.result_type(x.dtype, enc.alpha.dtype))


@default_promotion
def block(enc: BlockEncoding) -> Num[Array, "rows columns"]:
    """Return the encoded matrix $A$ itself, alpha included, from the encoded view.

    Raises:
        TypeError: `enc` is not a block encoding.
    """
    require_kind("enc", enc, BlockEncoding)
    return _columns(*links(enc), jnp.eye(enc.shape[1], dtype=enc.alpha.dtype))


@jax.jit(static_argnames="backwards")
def _columns(parts: tuple, backwards: tuple[bool, ...], basis: Array) -> Num[Array, "rows columns"]:
    return jax.vmap(lambda x: _along(parts, backwards, x), out_axes=1)(basis)
