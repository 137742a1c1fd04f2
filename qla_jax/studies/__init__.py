"""Studies: what the library measures about its own constructions, each a function that returns plain numbers."""
