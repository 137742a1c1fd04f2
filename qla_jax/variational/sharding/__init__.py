"""Circuits on a state that is divided among devices: qubits move, not amplitudes."""
