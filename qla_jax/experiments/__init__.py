"""Experiments: what the library measures about its own constructions."""
