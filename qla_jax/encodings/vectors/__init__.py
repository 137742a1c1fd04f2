"""Vector encodings of known vectors: exact state preparation, QRAM loading, a user's own unitary."""
