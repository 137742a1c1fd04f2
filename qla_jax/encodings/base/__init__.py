"""What every encoding is: a circuit and what it encodes, its registers, its errors."""
