"""The command `qla-jax`."""

from typing import Annotated

import typer

import qla_jax
from qla_jax.cli.export import export
from qla_jax.cli.phases import phases
from qla_jax.cli.run import run
from qla_jax.cli.studies import claims, comparison, costs, study

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
for command in (run, phases, claims, costs, comparison, study, export):
    app.command()(command)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"qla-jax {qla_jax.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Differentiable quantum linear algebra in JAX."""


def main() -> None:
    """Run the `qla-jax` script."""
    app()
