"""Phase factors of polynomials: solvers, conventions, and the 2 x 2 model of quantum signal processing."""
