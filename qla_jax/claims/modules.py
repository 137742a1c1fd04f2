"""Loading of claims from a user's Python file, for the command line."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from qla_jax._checks import require
from qla_jax.claims.catalogue import every, register
from qla_jax.claims.engine.claim import Claim


def register_module(path: Path) -> tuple[Claim, ...]:
    """Run a Python file, and register the claims that it defines and has not registered itself.

    Returns:
        Claims of the file.

    Raises:
        ValueError: no file, a file that cannot be run, or one without claims.
    """
    require(path.is_file(), f"`--module` must be a Python file, but {path} is none.")
    spec = spec_from_file_location(f"claims_of_{path.stem}", path)
    require(spec is not None and spec.loader is not None, f"`--module` must be a Python file, but is {path}.")
    module = module_from_spec(spec)  # type: ignore[arg-type] # checked above
    try:
        spec.loader.exec_module(module)  # type: ignore[union-attr] # checked above
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise ValueError(f"`--module` must be a Python file that runs, but {path} raised {told}") from error
    found = tuple(value for value in vars(module).values() if isinstance(value, Claim))
    require(len(found) > 0, f"`--module` must hold a claim, but {path} holds none.")
    known = {id(one) for one in every()}
    for one in found:
        if id(one) not in known:
            register(one)
    return found
