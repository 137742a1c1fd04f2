"""Comparison of coherent networks with earlier ones."""
