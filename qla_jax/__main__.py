"""Entry point of `python -m qla_jax` and of the script `qla-jax`."""

import sys

from qla_jax._extras import MissingExtra, needs


def main() -> None:
    """Run the command, or print one line that names a missing library."""
    try:
        with needs("run", "the command `qla-jax`"):
            from qla_jax.cli import main as command
    except MissingExtra as error:
        sys.exit(f"error: {error}")
    command()


if __name__ == "__main__":
    main()
