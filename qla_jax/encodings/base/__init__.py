"""Base classes of all encodings: the circuit, the encoded matrix or vector, registers and errors."""
