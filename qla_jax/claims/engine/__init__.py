"""Definition of a claim, its examination, and its attack."""
