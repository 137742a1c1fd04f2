"""Coherent networks as compositions of encodings."""
