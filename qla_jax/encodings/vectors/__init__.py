"""Vectors as the first column of a circuit."""
