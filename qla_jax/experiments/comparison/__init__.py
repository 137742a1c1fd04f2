"""Coherent networks beside those that came before them."""
