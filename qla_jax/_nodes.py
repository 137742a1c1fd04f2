"""Base class of all values of this package that are pytrees: frozen dataclasses that JAX distinguishes by class.

JAX compares the structures of two trees when it looks up a compiled function. For registered dataclasses
(`flax.struct`) it compares the static fields, not the class. In jax 0.10.2 the structures of `Diagonal` and `Circulant`
of one size are equal, and only a hash that collides every few hundred calls decides to which of the two a compiled
function belongs. Each node hence has its class as one more static field.

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
    """Base class of frozen dataclasses that are pytrees; `struct.field(pytree_node=False)` marks static fields."""

    node_type: Any = struct.field(pytree_node=False, default=None, kw_only=True, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Set here for any argument and at every unflattening, since fields are copied from nodes of other classes.
        object.__setattr__(self, "node_type", type(self))
