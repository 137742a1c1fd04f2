"""Transformations of encodings by polynomials: QSVT, eigenvalue transformation, amplification, linear systems."""
