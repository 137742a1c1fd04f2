"""From polynomials to phase factors and back: the 2 x 2 model, conventions, solvers."""
