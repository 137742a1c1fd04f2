r"""Residual connections of a quanvolutional network as data: where they start and end.

With X the input and $O_i$ the output of layer i, the sum $R_i$ that layer i passes on is $R_0 = X$ and
$$R_i = O_i + \sum_j R_j \quad \text{over the sources } j < i \text{ of layer } i.$$
Smaller images are padded by zeros after their last row and column. Layer i + 1 takes $R_i$ as its input, and the last R
is the output. The expression $(X + O_1) + O_2$ is a chain: $O_1$ has the source X, and $O_2$ has that sum as its
source.

The paper lists five configurations for two layers (Table 2: none, X+O1, O1+O2, X+O2, (X+O1)+O2). It says that there are
fifteen for three layers and names two, (O1+O2)+O3 and ((X+O1)+O2)+O3. This module counts them as set partitions: X, O1,
..., OL are grouped into blocks, and each block is added up in order. There are Bell(3) = 5 of them, exactly the list,
and Bell(4) = 15, with both named ones among them. (Subsets to be added up without the pairs of sums, such as X+O1 with
O2+O3, would be 12.) This reading is derived here and not stated in the paper. Under it, all three outputs are in one
block in exactly two of the fifteen configurations, and both outputs are in one block in two of the five. The paper
finds gradients in every layer exactly in these configurations.

Example:
    >>> [str(one) for one in placements(2)]
    ['none', 'X+O2', 'O1+O2', 'X+O1', '(X+O1)+O2']
    >>> placement("(O1+O2)+O3", 3).sources
    ((), (1,), (2,))

References:
    Kashif, Shafique (2024), ResQuNNs, sections 3.3 and 5, Table 2. https://arxiv.org/abs/2402.09146
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from qla_jax._checks import as_integer, require, require_kind


class Placement(NamedTuple):
    """Residual connections of a network; hashable, so that it may be a static argument.

    Attributes:
        sources: indices j of the $R_j$ that are added to the output of each layer.
        name: expression for the connections, as the paper writes it.
    """

    sources: tuple[tuple[int, ...], ...]
    name: str

    @property
    def num_layers(self) -> int:
        """Number L of layers."""
        return len(self.sources)

    def __str__(self) -> str:
        return self.name


def placements(num_layers: int) -> tuple[Placement, ...]:
    """Return one placement for each set partition of X, O1, ..., OL: 2, 5, 15, 52, ... of them.

    Raises:
        ValueError: no layer.

    Example:
        >>> [str(one) for one in placements(2)]
        ['none', 'X+O2', 'O1+O2', 'X+O1', '(X+O1)+O2']
    """
    num_layers = as_integer("num_layers", num_layers, least=1)
    return tuple(_of_blocks(blocks, num_layers) for blocks in _partitions(num_layers + 1))


def placement(expression: str, num_layers: int) -> Placement:
    """Return the placement that an expression names.

    Args:
        expression: "none", or sums in the order of X, O1, O2, ..., with parentheses from the left where wanted. Several
            sums are separated by commas and may share terms: "X+O1, X+O2" adds X after both layers.
        num_layers: number L of layers.

    Raises:
        ValueError: no layer, a term that is not there, or sums in another order, which would need an output before it
            is computed.

    Example:
        >>> placement("X+O1, X+O2", 2).sources
        ((0,), (0,))
    """
    num_layers = as_integer("num_layers", num_layers, least=1)
    require_kind("expression", expression, str)
    if expression.strip() == "none":
        return _of_blocks((), num_layers)
    return _of_blocks(tuple(_block(part, num_layers) for part in expression.split(",")), num_layers)


def direct_layers(placement: Placement) -> tuple[int, ...]:
    """Return the layers, counted from 1, whose outputs are terms of the sum that is the network's output.

    A gradient reaches these layers where none passes through a layer's input, as with `detach_data`.

    Example:
        >>> direct_layers(placement("O1+O2", 2)), direct_layers(placement("none", 2))
        ((1, 2), (2,))
    """
    require_kind("placement", placement, Placement)
    reached, open_ = set(), [placement.num_layers]
    while open_:
        here = open_.pop()
        if here > 0 and here not in reached:
            reached.add(here)
            open_ += placement.sources[here - 1]
    return tuple(sorted(reached))


def _of_blocks(blocks: tuple[tuple[int, ...], ...], num_layers: int) -> Placement:
    sources: list[set[int]] = [set() for _ in range(num_layers)]
    for block in blocks:
        for before, after in pairwise(block):
            sources[after - 1].add(before)
    sums = [_written(block) for block in blocks if len(block) > 1]
    return Placement(sources=tuple(tuple(sorted(one)) for one in sources), name=", ".join(sums) or "none")


def _written(block: tuple[int, ...]) -> str:
    """Return the sum as an expression, with parentheses from the left."""
    names = ["X" if term == 0 else f"O{term}" for term in block]
    text = "+".join(names[:2])
    for name in names[2:]:
        text = f"({text})+{name}"
    return text


def _partitions(size: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield all set partitions of 0, ..., size - 1: the last element alone, or in each block of a smaller partition."""
    if size == 0:
        yield ()
        return
    for smaller in _partitions(size - 1):
        yield (*smaller, (size - 1,))
        for place, block in enumerate(smaller):
            yield (*smaller[:place], (*block, size - 1), *smaller[place + 1 :])


def _block(text: str, num_layers: int) -> tuple[int, ...]:
    plain = re.sub(r"[\s()]", "", text)
    terms = plain.split("+")
    known = {"X": 0} | {f"O{layer}": layer for layer in range(1, num_layers + 1)}
    for term in terms:
        require(term in known, f"`expression` must be a sum of {', '.join(known)}, but has the term {term!r}.")
    block = tuple(known[term] for term in terms)
    ordered = len(block) > 1 and all(before < after for before, after in pairwise(block))
    nested = re.sub(r"\s", "", text).strip() in (plain, _written(block))
    require(
        ordered and nested,
        f"`expression` must add at least two of {', '.join(known)} from the left, each to what stands before it, such "
        f"as {_written(tuple(range(min(num_layers, 2) + 1)))}, but is {text.strip()!r}.",
    )
    return block
