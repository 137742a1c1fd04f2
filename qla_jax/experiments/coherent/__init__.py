"""Main experiment: coherent networks on real images."""
