"""Encodings that are built from other encodings: sums, products, arrays, slices."""
