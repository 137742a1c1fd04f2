"""Block encodings of matrices by kind: dense, sparse, diagonal, Pauli sums, circulant, convolutions."""
