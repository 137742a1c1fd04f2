r"""Submatrices of an encoded matrix: `enc[rows, columns]`.

The submatrix of rows R and columns C of A is $S_R^\dagger A S_C$ with the isometries S of `matrices/selection.py`.
Alpha and eps do not change, and each side that is sliced costs one ancilla.

Example:
    >>> enc = block_encode(jnp.arange(12.0).reshape(3, 4))
    >>> block(enc[1:, [0, 3]]).round(6).tolist(), bool(enc[0:1].alpha == enc.alpha), enc[:, 1:3].num_ancillas
    ([[4.0, 7.0], [8.0, 11.0]], True, 2)
"""

from typing import Any

import jax
import numpy as np

from qla_jax._checks import is_concrete, require
from qla_jax._modes import default_promotion
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.operators import rule
from qla_jax.encodings.combine.algebra import adjoint, product
from qla_jax.encodings.matrices.selection import Places, as_places, selection


@rule("[]", BlockEncoding, object)
@default_promotion
def _sliced(enc: BlockEncoding, key: Any) -> BlockEncoding:
    """Return the encoding of chosen rows and columns of an encoded matrix.

    Raises:
        ValueError: no rows or no columns, indices outside the matrix or repeated, or more than two indices.
        TypeError: an index that is neither a slice nor a list of integers.
    """
    rows, columns = key if isinstance(key, tuple) and len(key) == 2 else (key, slice(None))
    require(not isinstance(rows, tuple), "`enc[rows, columns]` must have at most two indices.")
    chosen = _places("rows", rows, enc.shape[0]), _places("columns", columns, enc.shape[1])
    parts = [enc]
    if chosen[0] != range(enc.shape[0]):
        parts.insert(0, adjoint(selection(chosen[0], enc.codomain, (len(chosen[0]),))))
    if chosen[1] != range(enc.shape[1]):
        parts.append(selection(chosen[1], enc.domain, (len(chosen[1]),)))
    return product(*parts)


def _places(name: str, index: Any, size: int) -> Places:
    # The circuit is a static permutation, so that traced indices cannot work; a traced mask can be a diagonal factor.
    ends = [index.start, index.stop, index.step] if isinstance(index, slice) else index
    known = is_concrete(ends)
    require(known, f"`{name}` must be known before tracing, but is traced: multiply by a diagonal of zeros and ones.")
    if isinstance(index, slice):
        found: Places = range(*index.indices(size))
    elif isinstance(index, list | np.ndarray | jax.Array):
        array = np.asarray(index)
        if array.dtype == bool:
            require(array.shape == (size,), f"`{name}` must be {size} booleans, but has shape {array.shape}.")
            array = np.flatnonzero(array)
        require(array.ndim == 1, f"`{name}` must be one-dimensional, but has shape {array.shape}.")
        found = as_places(name, array.tolist(), size)
    else:
        told = "one row of A is enc[i : i + 1]" if name == "rows" else "one column of A is enc[:, i : i + 1]"
        raise TypeError(f"`{name}` must be a slice or a list of integers ({told}), but is {index!r}.")
    require(len(found) > 0, f"`{name}` must choose at least one of {size}, but {index!r} chooses none.")
    return found
