"""An encoding and a polynomial give an encoding."""
