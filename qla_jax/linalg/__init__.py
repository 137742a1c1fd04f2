"""Linear algebra for the simulation of quantum circuits: state preparation, norm bounds, gates on qubits, sampling."""
