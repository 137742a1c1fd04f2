"""The main experiment: coherent networks on real images."""
