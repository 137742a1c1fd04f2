r"""Where residual connections stand in a quanvolutional network, as data: all five, all fifteen, or any expression.

With X the input, $O_i$ the output of layer i and $R_i$ what is passed on behind it, $R_0 = X$ and
$$R_i = O_i + \sum_j R_j \quad \text{over the sources } j < i \text{ of layer } i,$$
smaller images padded by zeros behind their last row and column. Layer i + 1 reads $R_i$; the last R is the output. The
expression $(X + O_1) + O_2$ is a chain: $O_1$ has the source X, and $O_2$ has that sum as its source.

How the paper's configurations are counted. It lists five for two layers (Table 2: none, X+O1, O1+O2, X+O2, (X+O1)+O2)
and says that there are fifteen for three, naming two, (O1+O2)+O3 and ((X+O1)+O2)+O3. Grouping X, O1, ..., OL into
blocks, each block added up in order, gives one configuration for each set partition: Bell(3) = 5, exactly the list, and
Bell(4) = 15, both named ones among them. (Subsets to be added up without the pairs of sums, such as X+O1 with O2+O3,
would be 12.) That reading is derived here, not stated there. It also has exactly two configurations in which all three
outputs stand in one block, and two of five in which both do: those in which the paper finds gradients in every layer.

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
    """Residual connections of a network; hashable, so it may be a static argument.

    Attributes:
        sources: for each layer the j of the $R_j$ that are added to its output.
        name: the expression, as the paper writes it.
    """

    sources: tuple[tuple[int, ...], ...]
    name: str

    @property
    def num_layers(self) -> int:
        """L."""
        return len(self.sources)

    def __str__(self) -> str:
        return self.name


def placements(num_layers: int) -> tuple[Placement, ...]:
    """One placement for each set partition of X, O1, ..., OL: 2, 5, 15, 52, ... of them.

    Raises:
        ValueError: no layer.
    """
    num_layers = as_integer("num_layers", num_layers, least=1)
    return tuple(_of_blocks(blocks, num_layers) for blocks in _partitions(num_layers + 1))


def placement(expression: str, num_layers: int) -> Placement:
    """The placement that an expression names.

    Args:
        expression: "none", or sums in the order of X, O1, O2, ..., parentheses from the left where wanted; several
            separated by commas, which may share terms: "X+O1, X+O2" adds X behind both layers.
        num_layers: L.

    Raises:
        ValueError: no layer, a term that is not there, or sums in another order, which would need an output before it
            is computed.
    """
    num_layers = as_integer("num_layers", num_layers, least=1)
    require_kind("expression", expression, str)
    if expression.strip() == "none":
        return _of_blocks((), num_layers)
    return _of_blocks(tuple(_block(part, num_layers) for part in expression.split(",")), num_layers)


def direct_layers(placement: Placement) -> tuple[int, ...]:
    """The layers (from 1) whose outputs stand in the output's own sum.

    They are those that a gradient reaches where none passes through a layer's input, `detach_data`.
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
    """The sum, parentheses from the left."""
    names = ["X" if term == 0 else f"O{term}" for term in block]
    text = "+".join(names[:2])
    for name in names[2:]:
        text = f"({text})+{name}"
    return text


def _partitions(size: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """All set partitions of 0, ..., size - 1: the last element alone, or in each block of a smaller partition."""
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
