"""Vector encodings that run the circuit of other encodings and have parameters or error bounds of their own."""

from abc import abstractmethod

import jax
from jax import Array
from jaxtyping import Num

from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.vector import VectorEncoding


class Composed(VectorEncoding, kw_only=True):
    """Base class of vector encodings that run the circuit of another encoding, `circuit`."""

    @property
    @abstractmethod
    def circuit(self) -> VectorEncoding:
        """Encoding, built from smaller ones, whose circuit runs."""

    @property
    def log_alpha(self) -> Array:
        return self.circuit.log_alpha

    @jax.jit  # an eager call would compile each gate separately
    def apply(self, state: State) -> State:
        return self.circuit.apply(state)

    @jax.jit
    def apply_adjoint(self, state: State) -> State:
        return self.circuit.apply_adjoint(state)

    def flagged(self, system: Num[Array, " system"]) -> Num[Array, " system"]:
        return self.circuit.flagged(system)
