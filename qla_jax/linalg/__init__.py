"""Linear algebra that quantum circuits need: unit vectors, norms, bounds."""
