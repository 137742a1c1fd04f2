"""Costs of coherent networks."""
