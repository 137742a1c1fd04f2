"""What a unitary encodes: matrices, vectors, and their algebra."""
