r"""Block encodings: a matrix $A$ as the flagged block of a unitary, $\|A - \alpha\langle 0|U|0\rangle\| \le \epsilon$.

Every node has two views. The circuit view is `apply`, which acts on a state with all ancillas. The encoded view is
`matvec`, which acts on the plain vector. Both agree for every node: `matvec(x) == alpha * apply(embed(enc, x))[0]`,
read at the entries of the codomain.

Example:
    >>> enc = block_encode(jnp.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> by_circuit = enc.alpha * enc.apply(embed(enc, jnp.ones(2)))[0]
    >>> enc.matvec(jnp.ones(2)).round(6).tolist(), by_circuit.round(6).tolist()
    ([3.0, 7.0], [3.0, 7.0])

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
    r"""An $(\alpha, a, \epsilon)$-block-encoding of a matrix $A$: $\|A - \alpha\langle 0|U|0\rangle\| \le \epsilon$.

    The operators `@`, `+`, `-`, `*`, `/` and `[rows, columns]` build the encoding of the corresponding matrix.
    `block(enc)` returns the encoded matrix, `enc.matvec(x)` its product with a vector, `cost(enc)` the resources.

    Attributes:
        norm_bound: certified upper bound on $\|A\|$; `alpha + eps` where nothing better is known.
        domain: sizes of the input registers; their product is the number of columns.
        codomain: sizes of the output registers; their product is the number of rows.

    Example:
        >>> a = block_encode(jnp.array([[1.0, 2.0], [3.0, 4.0]]))
        >>> enc = 0.5 * a @ a.adjoint() + identity(2)
        >>> type(enc).__name__, enc.shape, block(enc).round(6).tolist()
        ('LinearCombination', (2, 2), [[3.5, 5.5], [5.5, 13.5]])

    References:
        Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
    """

    norm_bound: Array
    domain: tuple[int, ...] = struct.field(pytree_node=False)
    codomain: tuple[int, ...] = struct.field(pytree_node=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns of $A$, without padding."""
        return math.prod(self.codomain), math.prod(self.domain)

    @default_promotion
    def matvec(self, x: Num[Array, "..."]) -> Num[Array, "..."]:
        r"""Return $\alpha\langle 0|U|0\rangle x$, the encoded matrix times x, without running the circuit.

        The result has the wider precision of x and of the encoding. A tensor of shape `domain` gives one of shape
        `codomain`. It stays a tensor inside, so that images divided among devices by rows exchange only a few rows.

        Raises:
            ValueError: x is neither a vector of `shape[1]` numbers nor a tensor of shape `domain`.
        """
        x = _as_vector("x", x, self.domain, self)
        found = _matvec(self, x) if self.row() is None else _along(*links(self), x)
        return found.reshape(self.codomain) if x.ndim > 1 else found

    @default_promotion
    def rmatvec(self, y: Num[Array, "..."]) -> Num[Array, "..."]:
        r"""Return $\alpha\langle 0|U^\dagger|0\rangle y$, the adjoint of the encoded matrix times y.

        A tensor of shape `codomain` gives one of shape `domain`.

        Raises:
            ValueError: y is neither a vector of `shape[0]` numbers nor a tensor of shape `codomain`.
        """
        y = _as_vector("y", y, self.codomain, self)
        found = _rmatvec(self, y) if self.row() is None else _along(*links(self, adjoint=True), y)
        return found.reshape(self.domain) if y.ndim > 1 else found

    # Nodes whose products keep the axes of a tensor override both.
    def _matvec_tensor(self, x: Num[Array, "..."]) -> Num[Array, "..."]:
        return self._matvec(x.reshape(-1))

    def _rmatvec_tensor(self, y: Num[Array, "..."]) -> Num[Array, "..."]:
        return self._rmatvec(y.reshape(-1))

    # Definitions by the circuit. Structured nodes override both, because a product with A itself needs no ancillas.
    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        return _by_circuit(self, x)

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        state = with_ancillas(registers.embed(y, self.codomain, self.num_qubits), self.num_ancillas)
        return self.alpha * registers.extract(self.apply_adjoint(state)[0], self.domain)

    def hermitian_defect(self) -> Array | None:
        r"""Return a bound on $\|A - A^\dagger\|$ from the structure of the node; None where the structure gives none.

        A user's own node may omit this method. Small matrices are then formed and compared with their adjoints.
        """
        return None

    def singular_values(self) -> Num[Array, " values"] | None:
        """Return the singular values of the encoded matrix where its structure gives them; None elsewhere."""
        return None

    __array_ufunc__ = None  # a NumPy scalar on the left leaves the product to __rmul__

    def adjoint(self) -> "BlockEncoding":
        """Return the encoding of the adjoint matrix, whose circuit is the inverse circuit."""
        return by_rule("adjoint", self)

    __iter__ = None  # a matrix is not a sequence of its rows, although it has them by [...]

    def __getitem__(self, index: Any) -> "BlockEncoding":
        """Return the encoding of `A[rows, columns]`, where each index is a slice or a list of distinct integers.

        Raises:
            ValueError: no rows or no columns, indices outside the matrix or repeated, or more than two indices.
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
    """Return the circuit's input state for a vector: x in the system register and all ancillas in |0>.

    Args:
        enc: block encoding whose circuit is to run.
        x: vector of `enc.shape[1]` numbers; padding is added here.

    Returns:
        State of shape (2^a, 2^n) for `enc.apply`, not normalized.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: x is not a vector of `enc.shape[1]` numbers, or the state does not fit in memory.

    Example:
        >>> embed(block_encode(jnp.eye(3)), jnp.array([1.0, 2.0, 3.0])).tolist()
        [[1.0, 2.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    require_kind("enc", enc, BlockEncoding)
    x = _as_vector("x", x, enc.domain, enc).reshape(-1)
    return with_ancillas(registers.embed(x, enc.domain, enc.num_qubits), enc.num_ancillas)


# Compiled, so that an eager call is one program for each structure and shape.
@jax.jit
def _matvec(enc: BlockEncoding, x: Num[Array, "..."]) -> Num[Array, "..."]:
    return enc._matvec(x) if x.ndim == 1 else enc._matvec_tensor(x)


@jax.jit
def _rmatvec(enc: BlockEncoding, y: Num[Array, "..."]) -> Num[Array, "..."]:
    return enc._rmatvec(y) if y.ndim == 1 else enc._rmatvec_tensor(y)


@jax.jit(static_argnames="backwards")
def _along(parts: tuple, backwards: tuple[bool, ...], x: Num[Array, "..."]) -> Num[Array, "..."]:
    """Apply encodings and scalars, or their adjoints, to a vector or a tensor one after another."""
    for part, back in zip(parts, backwards, strict=True):
        if isinstance(part, BlockEncoding):
            x = x if x.ndim == 1 else x.reshape(part.codomain if back else part.domain)
            x = part.rmatvec(x) if back else part.matvec(x)
        else:
            x = (part.conj() if back else part) * x
    return x


@default_promotion
def postselect(enc: BlockEncoding, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
    r"""Return $\alpha\langle 0|U|0\rangle x$ by running the circuit and keeping the branch with all ancillas in |0>.

    The result equals `enc.matvec(x)` up to rounding, but every gate and every ancilla is simulated. The derivative is
    the derivative of `enc.matvec`: the flagged branch is differentiable even where the other branches are not.

    Args:
        enc: block encoding whose circuit runs.
        x: vector of `enc.shape[1]` numbers, which need not have length 1.

    Returns:
        Vector of `enc.shape[0]` numbers, alpha included. The squared length of the vector over $\|\alpha x\|^2$ is the
        success probability of the postselection.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: x is not a vector of `enc.shape[1]` numbers, or the state does not fit in memory.

    Example:
        >>> postselect(block_encode(jnp.array([[1.0, 2.0], [3.0, 4.0]])), jnp.array([1.0, 1.0])).round(6).tolist()
        [3.0, 7.0]

    References:
        Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
    """
    require_kind("enc", enc, BlockEncoding)
    x = _as_vector("x", x, enc.domain, enc)
    # The memory is checked out here, because a call that is compiled already would not check it again.
    require_fit(enc.num_ancillas, enc.num_qubits, x.dtype, x)
    found = _postselect(enc, x.reshape(-1))
    return found.reshape(enc.codomain) if x.ndim > 1 else found


@jax.custom_jvp
@jax.jit  # an eager call would compile each gate separately
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


def _as_vector(name: str, x: ArrayLike, sizes: registers.Sizes, enc: BlockEncoding) -> Num[Array, "..."]:
    """Return a checked vector or tensor, at least as precise as the encoding: convolutions round to their input."""
    x = as_inexact(name, x)
    length = math.prod(sizes)
    shapes = f"({length},)" if len(sizes) == 1 else f"({length},) or {sizes}"
    require(x.shape in ((length,), sizes), f"`{name}` must have shape {shapes}, but has shape {x.shape}.")
    return x.astype(jnp.result_type(x.dtype, enc.alpha.dtype))


@default_promotion
def block(enc: BlockEncoding) -> Num[Array, "rows columns"]:
    r"""Return the encoded matrix $A$ as an array, alpha included, by applying `enc.matvec` to each basis vector.

    The flagged block of the unitary itself is `block(enc) / enc.alpha`.

    Returns:
        Array of shape `enc.shape`.

    Raises:
        TypeError: `enc` is not a block encoding.

    Example:
        >>> a = block_encode(jnp.array([[0.0, 1.0], [1.0, 0.0]]))
        >>> block(a @ (2.0 * a)).round(6).tolist()
        [[2.0, 0.0], [0.0, 2.0]]

    References:
        Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
    """
    require_kind("enc", enc, BlockEncoding)
    return _columns(*links(enc), jnp.eye(enc.shape[1], dtype=enc.alpha.dtype))


@jax.jit(static_argnames="backwards")
def _columns(parts: tuple, backwards: tuple[bool, ...], basis: Array) -> Num[Array, "rows columns"]:
    return jax.vmap(lambda x: _along(parts, backwards, x), out_axes=1)(basis)
