"""Vector encodings that stand for a circuit of smaller ones, with parameters or errors of their own."""

from abc import abstractmethod

import jax
from jax import Array
from jaxtyping import Num

from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.vector import VectorEncoding


class Composed(VectorEncoding, kw_only=True):
    """Runs as `circuit` does."""

    @property
    @abstractmethod
    def circuit(self) -> VectorEncoding:
        """The circuit in terms of smaller ones."""

    @property
    def log_alpha(self) -> Array:
        return self.circuit.log_alpha

    @jax.jit  # an eager call would compile every gate apart
    def apply(self, state: State) -> State:
        return self.circuit.apply(state)

    @jax.jit
    def apply_adjoint(self, state: State) -> State:
        return self.circuit.apply_adjoint(state)

    def flagged(self, system: Num[Array, " system"]) -> Num[Array, " system"]:
        return self.circuit.flagged(system)
