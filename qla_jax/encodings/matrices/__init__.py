"""Matrices as block encodings."""
