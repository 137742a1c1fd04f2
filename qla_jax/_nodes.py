"""The base of all values here that are pytrees: frozen dataclasses that JAX tells apart by their class.

JAX compares the structures of two trees where it looks for a function that is compiled already. For registered
dataclasses (`flax.struct`) it compares the static fields, not the class: in jax 0.10.2 the structures of `Diagonal` and
`Circulant` of one size are equal, and which of the two a compiled function belongs to is left to a hash that collides
every few hundred calls. So each node has its class as one more static field.

Example:
    >>> class Left(Node):
    ...     angle: float
    >>> class Right(Node):
    ...     angle: float
    >>> jax.tree.structure(Left(0.5)) == jax.tree.structure(Right(0.5))
    False
"""

from typing import Any

from flax import struct


class Node(struct.PyTreeNode):
    """Base class of frozen dataclasses that are pytrees; `struct.field(pytree_node=False)` marks what is static."""

    node_type: Any = struct.field(pytree_node=False, default=None, kw_only=True, repr=False, compare=False)

    def __post_init__(self) -> None:
        # At every unflattening too, and whatever was passed: fields are copied from nodes of other classes.
        object.__setattr__(self, "node_type", type(self))
