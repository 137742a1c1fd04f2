"""What the package installs on demand: an import that needs an extra says which, in one line.

Example:
    >>> with needs("data", "a made-up set"):
    ...     raise ModuleNotFoundError("No module named 'tensorflow_datasets'", name="tensorflow_datasets")
    Traceback (most recent call last):
        ...
    qla_jax._extras.MissingExtra: a made-up set needs tensorflow_datasets: pip install 'qla-jax[data]'
"""

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtra(ModuleNotFoundError):
    """A library of an extra is not installed; the message says which, and how to install it."""


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Name the extra that a missing library belongs to.

    Args:
        extra: name of the extra.
        what: what cannot be had without it, the subject of the message.

    Raises:
        MissingExtra: a library that is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or str(error)).partition(".")[0]
        if missing == "qla_jax":
            raise
        raise MissingExtra(f"{what} needs {missing}: pip install 'qla-jax[{extra}]'", name=error.name) from error
