"""Claims about polynomials."""
