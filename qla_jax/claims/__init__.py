"""Bounds of the papers as functions that measure both of their sides: on random instances, and against an attack."""
