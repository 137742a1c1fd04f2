r"""Circuits of encodings as lists of gates.

Every encoding emits operations from the circuits of its parts, which are shared: the QSVT of degree 10^4 holds the
gates of its part once. The unitary of the circuit is `unitary(enc)`, with its phase and on the same qubits: ancillas
first, the most significant qubit first.

Example:
    >>> circuit = to_circuit(block_encode_pauli({"X": 1.0, "Z": 1.0}))
    >>> circuit.registers, sum(1 for gate in circuit.elementary())
    ((('ancilla', 1), ('system', 1)), 6)
"""

from qla_jax._checks import is_concrete, require, require_kind
from qla_jax.accounting.fold import identity
from qla_jax.circuits.circuit import Circuit
from qla_jax.encodings.base.encoding import Encoding
from qla_jax.encodings.base.nesting import own_arrays
from qla_jax.encodings.combine.composed import Composed


def to_circuit(enc: Encoding) -> Circuit:
    r"""Return the circuit of an encoding as gates.

    Most encodings have a circuit of their own. An encoding without one, such as a user's own class, is synthesized from
    its explicit unitary, for up to 8 qubits.

    Args:
        enc: block or vector encoding with concrete arrays.

    Returns:
        Circuit with the registers "ancilla" and "system" whose unitary is `unitary(enc)`.

    Raises:
        TypeError: `enc` is not an encoding.
        ValueError: traced arrays, whose angles are not known, or an encoding of more than 8 qubits that has no circuit
            of its own.

    Example:
        >>> enc = block_encode(jnp.array([[0.5, 0.2], [0.1, 0.4]]))
        >>> bool(abs(qla.circuits.to_matrix(to_circuit(enc)) - unitary(enc)).max() < 1e-12)
        True
    """
    require_kind("enc", enc, Encoding)
    circuits: dict[int, Circuit] = {}
    bodies: dict[int, Encoding] = {}
    waiting = [(enc, False)]
    while waiting:  # a loop, as chains of encodings may be longer than Python's recursion allows
        node, parts_done = waiting.pop()
        key = identity(node)
        if key in circuits:
            continue
        body = bodies.setdefault(key, _body(node))
        uses = body.uses()
        if parts_done:
            # Looked at node by node: the leaves of a long chain cannot be listed in one recursion.
            traced = not is_concrete(*own_arrays(body))
            told = f"`enc` must have concrete arrays to become gates, but {type(body).__name__} is traced."
            require(not traced, told)
            circuits[key] = _circuit(node, body, [circuits[identity(use.part)] for use in uses])
            continue
        waiting.append((node, True))
        waiting += [(use.part, False) for use in reversed(uses)]
    return circuits[identity(enc)]


def _body(node: Encoding) -> Encoding:
    """Return the encoding whose circuit runs: another one for encodings that are built from smaller ones."""
    while isinstance(node, Composed):
        node = node.circuit
    return node


def _circuit(node: Encoding, body: Encoding, parts: list[Circuit]) -> Circuit:
    registers = ("ancilla", node.num_ancillas), ("system", node.num_qubits)
    size = node.num_ancillas + node.num_qubits
    return Circuit(size, tuple(body.operations(parts)), type(node).__name__, registers)
