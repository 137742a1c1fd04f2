"""Rows of gates that repeat with other parameters: the parts of which parametrized circuits are made.

Example:
    >>> from qla_jax.variational import layer, ry
    >>> layer([ry(0, 0.5)]).adjoint().gates[0].angle
    Array([-0.5], dtype=...)
"""

import jax
from flax import struct

from qla_jax._nodes import Node
from qla_jax.variational.unitaries import ParametrizedGate


class GateLayer(Node, kw_only=True):
    """Row of gates, the first of which acts first, repeated with other parameters each time.

    Attributes:
        gates: gates of the row, whose arrays have a leading axis of length `repeats`.
        repeats: number of times that the row runs.
    """

    gates: tuple[ParametrizedGate, ...]
    repeats: int = struct.field(pytree_node=False)

    def adjoint(self) -> "GateLayer":
        """Return the layer that undoes this one."""
        turned = jax.tree.map(lambda leaf: leaf[::-1], self.gates)
        flip = jax.vmap(lambda gate: gate.adjoint(), axis_size=self.repeats)
        return self.replace(gates=tuple(map(flip, turned[::-1])))
