"""What people look at: figures, one self-contained page, a table. Reads plain numbers, computes nothing."""
