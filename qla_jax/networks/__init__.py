"""Coherent neural networks as compositions of encodings: residual and terminal blocks, amplification, pooling."""
