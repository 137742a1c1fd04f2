"""The command `qla-jax`."""

import typer

from qla_jax.cli.phases import phases
from qla_jax.cli.run import run
from qla_jax.cli.studies import claims, comparison, costs, study

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
for command in (run, phases, claims, costs, comparison, study):
    app.command()(command)


@app.callback()
def root() -> None:
    """Differentiable quantum linear algebra in JAX."""


def main() -> None:
    """Run the `qla-jax` script."""
    app()
