r"""A matrix times the squared moduli of a vector's amplitudes, $W|x|^2$, with an alpha free of $\|W\|$: Theorem 1.

The product of $W$ with an encoding of $|x|^2$ has $\|W\|_2$ or $\|W\|_F$ as a factor of its $\alpha$. The circuit here
loads the columns of $W$ next to the amplitudes instead, and only the largest column norm enters:
$$|0\rangle \xrightarrow{U} \sum_j x_j|j\rangle \xrightarrow{\text{columns}} \sum_j x_j|j\rangle\frac{|w_j\rangle}{a_j}
\xrightarrow{\mathrm{diag}(a)} \sum_j a_j x_j|j\rangle\frac{|w_j\rangle}{a_j} \xrightarrow{\langle 0|U^\dagger}
\sum_j \bar x_j x_j|w_j\rangle, \qquad a_j = \|w_j\|,$$
with each vector divided by its $\alpha$. The last step works because $\langle 0|U^\dagger|j\rangle = \bar x_j$, also
for complex x.

Example:
    >>> vec = square_product(jnp.array([[3.0, 1.0], [4.0, -2.0]]), vector_encode(jnp.array([0.5, -1.0])))
    >>> vec.encoded.tolist(), round(float(vec.alpha), 6), vec.num_ancillas
    ([1.75, -1.0], 6.25, 2)

References:
    Rattew et al. (2025), Theorem 1. https://arxiv.org/abs/2510.07195
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import as_alpha, known, times
from qla_jax._checks import as_integer, as_integers, as_numeric, is_concrete, require, require_kind
from qla_jax._modes import default_promotion, reshaped
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, remembered
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.operations import Operation
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.encoding import Encoding, State, flagged_on, run_on
from qla_jax.encodings.base.in_turn import flipped_unless_zero, mark_operations, marking, num_shared, together
from qla_jax.encodings.base.vector import VectorEncoding, _start
from qla_jax.encodings.matrices.diagonal import Diagonal, block_encode_diagonal, ratio
from qla_jax.encodings.matrices.frobenius import ColumnOracle, column_oracle
from qla_jax.linalg.norms import require_norm_bound, spectral_norm_bound
from qla_jax.linalg.preparation import length
from qla_jax.linalg.products import matmul

MAX_BITS = 64
NORMS, BACK, FORTH, INDEX = range(4)
"""Order of the ancillas: that of the norms, those of the vector's circuit backward and forward, the index j."""


class ColumnNorms(Diagonal, kw_only=True):
    """Block encoding of the diagonal of column norms, read from the memory of the columns (Definition B.3)."""

    def gates(self) -> Gates:
        return remembered(self.num_qubits)


class SquareProduct(VectorEncoding, kw_only=True):
    r"""Vector encoding of $W|x|^2$ by loaded columns (Theorem 1). The loaded column is the system register.

    The ancillas have the order `NORMS, BACK, FORTH, INDEX`. Where x has two or more ancillas, both of its calls share
    those of `FORTH`, and `BACK` is the one mark of `base/in_turn.py`.
    """

    part: VectorEncoding
    columns: ColumnOracle
    norms: ColumnNorms

    def apply(self, state: State) -> State:
        grid = _on_index(self.part.apply, self.part, FORTH, reshaped(state, self._grid))
        grid = self._load(self.columns.apply, grid)
        grid = _on_index(self.norms.apply, self.norms, NORMS, grid)
        grid = self._mark(grid)
        return reshaped(_on_index(self.part.apply_adjoint, self.part, self._second, grid), state.shape)

    def apply_adjoint(self, state: State) -> State:
        grid = _on_index(self.part.apply, self.part, self._second, reshaped(state, self._grid))
        grid = self._mark(grid)
        grid = _on_index(self.norms.apply_adjoint, self.norms, NORMS, grid)
        grid = self._load(self.columns.apply_adjoint, grid)
        return reshaped(_on_index(self.part.apply_adjoint, self.part, FORTH, grid), state.shape)

    def flagged(self, system: Num[Array, " system"]) -> Num[Array, " system"]:
        # <0|U^H|j> = conj(x_j) turns the second call into a product, so that both copies of the ancillas are saved.
        amplitudes = self.part.flagged(_start(self.part))
        weights = amplitudes.conj() * flagged_on(self.norms, amplitudes)
        loaded = flagged_on(self.columns, (weights[:, None] * system[None]).reshape(-1))
        return loaded.reshape(-1, system.size).sum(0)

    @property
    def log_alpha(self) -> Array:
        return self.norms.log_alpha + 2 * self.part.log_alpha

    def uses(self) -> tuple[Use, ...]:
        return Use(self.part, 1, 1), Use(self.columns), Use(self.norms)

    def gates(self) -> Gates:
        return marking(self.part.num_ancillas, self.part.num_ancillas)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        a, n, first = self.part.num_ancillas, self.part.num_qubits, self.norms.num_ancillas
        ends = np.cumsum([0, first, together(a, a) - a, a, n]).tolist()
        norms, back, forth, index = (self.ancilla_wires[start:end] for start, end in pairwise(ends))
        loading = (*index, *self.system_wires)
        return [
            Call(parts[0], (*forth, *index)),
            Call(parts[1], loading[len(loading) - self.columns.num_qubits :]),
            Call(parts[2], (*norms, *index[len(index) - self.norms.num_qubits :])),
            *(mark_operations(back[0], forth) if self._shared else []),
            Call(parts[0], (*(forth if self._shared else back), *index)).inverse(),
        ]

    @property
    def _shared(self) -> int:
        return num_shared(self.part.num_ancillas, self.part.num_ancillas)

    @property
    def _second(self) -> int:
        return FORTH if self._shared else BACK

    @property
    def _grid(self) -> tuple[int, ...]:
        a, n = self.part.num_ancillas, self.part.num_qubits
        return 1 << self.norms.num_ancillas, 1 << together(a, a) - a, 1 << a, 1 << n, 1 << self.num_qubits

    def _mark(self, grid: Array) -> Array:
        return flipped_unless_zero(grid, mark=BACK, shared=FORTH) if self._shared else grid

    def _load(self, way: Callable[[State], State], grid: Array) -> Array:
        pairs = reshaped(grid, (-1, grid.shape[-2] * grid.shape[-1]))
        return reshaped(run_on(way, self.columns, pairs), grid.shape)


def _on_index(way: Callable[[State], State], part: Encoding, ancillas: int, grid: Array) -> Array:
    """Run a part on one group of ancillas and the index, and leave the others idle."""
    moved = jnp.moveaxis(grid, (ancillas, INDEX), (-2, -1))
    done = run_on(way, part, reshaped(moved, (-1, moved.shape[-1])))
    return jnp.moveaxis(reshaped(done, moved.shape), (-2, -1), (ancillas, INDEX))


@default_promotion
def square_product(
    matrix: ArrayLike,
    vec: VectorEncoding,
    *,
    alpha: ArrayLike | None = None,
    bits: int | None = None,
    sizes: tuple[int, ...] | None = None,
    norm_bound: ArrayLike | None = None,
) -> SquareProduct:
    r"""Return a vector encoding of $W|x|^2$, the moduli squared entry by entry, from one of x: Theorem 1.

    From an $(\alpha_x, a, \epsilon)$-encoding of x on n qubits this is an
    $(\alpha\alpha_x^2,\ a + \min(a, 1) + n + 1,\ \epsilon')$-vector-encoding with $\alpha = \max_j\|w_j\| \le
    \|W\|_2 \le \|W\|_F$ unless given. With $y$ the actually encoded vector,
    $$\epsilon' = 2\epsilon\,\|W\mathrm{diag}|y|\| + \epsilon^2\max_j\|w_j\| + \|(W - \tilde W)|y|^2\|.$$
    Proof: let $x = y + d$, $\|d\| \le \epsilon$. Then $|x_j|^2 - |y_j|^2 = 2|y_j|s_j + |d_j|^2$ for a real $|s_j| \le
    |d_j|$. The first norm is over real $s$, and $\|W|d|^2\| \le \sum_j\|w_j\||d_j|^2$. The first two terms exceed the
    error of the worst such x by a factor of at most two, apart from the few percent of `spectral_norm_bound`. The
    paper's $2\alpha_x\epsilon$ assumes $\|W\| \le 1$ and unit x, where $|x_j| + |y_j| \le 1 + \alpha_x \le 2\alpha_x$.

    The last term is due to `bits`, which store $a_j/\alpha$ as a binary fraction, rounded toward zero. It is at most
    $2^{-\text{bits}}\alpha\|y\|^2$. Gradients with respect to W ignore this rounding.

    Args:
        matrix: matrix W, real or complex, with a column for each entry of x.
        vec: vector encoding of x, on any registers.
        alpha: subnormalization of W, at least the largest column norm. Inside jit a smaller one gives `eps = inf`.
        bits: number of bits of the column norms, 1 to 64; exact unless given.
        sizes: sizes of the registers of the result, `(rows,)` by default.
        norm_bound: upper bound on $\|W\|$, used for $\|W\mathrm{diag}|y|\| \le \|W\|\max_j|y_j|$ at no cost. By default
            a few matrix products bound the left side for every x. A bound that the matrix contradicts raises outside
            jit and is trusted inside.

    Raises:
        ValueError: unequally many columns and entries, an entry that is not finite, `alpha` below a column norm, `bits`
            out of range, or `sizes` with another number of entries than W has rows.

    Example:
        >>> square_product(jnp.array([[1.0, 1.0]]), vector_encode(jnp.array([3.0, 4.0]))).encoded.round(6).tolist()
        [25.0]

    References:
        Rattew et al. (2025), Theorem 1. https://arxiv.org/abs/2510.07195
    """
    require_kind("vec", vec, VectorEncoding)
    matrix = as_numeric("matrix", matrix, ndim=2, like=vec.alpha)
    bits = None if bits is None else as_integer("bits", bits, least=1, most=MAX_BITS)
    sizes = _checked_sizes(matrix, vec, sizes)
    columns, norms = column_oracle(_placed(matrix, sizes, vec.sizes))
    norms = registers.extract(norms, vec.sizes)
    alpha, misfit = as_alpha(alpha, norms.max(), _rule(norms))
    squares = jnp.square(vec.encoded.real) + jnp.square(vec.encoded.imag)
    held, lost = _hold(matrix, norms, alpha, bits, squares)
    encoded = matmul(matrix, squares) - lost
    return SquareProduct(
        alpha=alpha * jnp.square(vec.alpha),
        eps=known(misfit + _inherited(matrix, norms, vec, norm_bound) + length(lost), encoded),
        num_ancillas=1 + together(vec.num_ancillas, vec.num_ancillas) + vec.num_qubits,
        num_qubits=registers.num_qubits(sizes),
        encoded=encoded.astype(jnp.result_type(encoded, vec.encoded)),
        sizes=sizes,
        part=vec,
        columns=columns,
        norms=ColumnNorms(**vars(block_encode_diagonal(held.reshape(vec.sizes), alpha=alpha))),
    )


def _checked_sizes(matrix: Array, vec: VectorEncoding, sizes: tuple[int, ...] | None) -> tuple[int, ...]:
    rows, columns = matrix.shape
    entries = math.prod(vec.sizes)
    require(columns == entries, f"`matrix` must have a column for each of {entries} entries, but has {columns}.")
    sizes = (rows,) if sizes is None else as_integers("sizes", sizes, least=1)
    require(math.prod(sizes) == rows, f"`sizes` must hold the {rows} rows of `matrix`, but is {sizes}.")
    return sizes


def _placed(matrix: Array, codomain: registers.Sizes, domain: registers.Sizes) -> Num[Array, "index loaded"]:
    """Return the columns, one in each row, with entries and columns at the positions of their registers."""
    loaded, index = registers.num_qubits(codomain), registers.num_qubits(domain)
    columns = jax.vmap(lambda column: registers.embed(column, codomain, loaded), in_axes=1)(matrix)
    return jax.vmap(lambda entry: registers.embed(entry, domain, index), in_axes=1, out_axes=1)(columns)


def _rule(norms: Array) -> str:
    named = f", of column {int(norms.argmax())}" if is_concrete(norms) else ""
    return f"the largest column norm of `matrix`{named}"


def _hold(matrix: Array, norms: Array, alpha: Array, bits: int | None, squares: Array) -> tuple[Array, Array]:
    """Return the norms as binary fractions of alpha, rounded toward zero, and the resulting loss in the product."""
    if bits is None:
        return norms, jnp.zeros(len(matrix), matrix.dtype)
    levels = 2.0**bits
    held = alpha * jnp.minimum(jnp.floor(levels * ratio(norms, alpha)), levels - 1) / levels
    # The loss is constant for derivatives: floor has derivative zero almost everywhere, so that norms would not train.
    return held, matmul(jax.lax.stop_gradient(matrix * ratio(norms - held, norms)[None]), squares)


def _inherited(matrix: Array, norms: Array, vec: VectorEncoding, norm_bound: ArrayLike | None) -> Array:
    r"""Return a bound on $\|W(|x|^2 - |y|^2)\|$ for all x within `vec.eps` of the encoded y."""
    second = times(norms.max(), times(vec.eps, vec.eps))
    if norm_bound is not None:
        require_norm_bound(norm_bound, matrix)
        return times(2 * jnp.abs(vec.encoded).max() * norm_bound, vec.eps) + second
    slopes = matrix * jnp.abs(vec.encoded)[None]
    if not jnp.isrealobj(slopes):  # the norm over real vectors, which is up to sqrt(2) smaller
        slopes = jnp.concatenate([slopes.real, slopes.imag])
    return times(2 * spectral_norm_bound(slopes), vec.eps) + second
