"""Phase factors of a formula."""
