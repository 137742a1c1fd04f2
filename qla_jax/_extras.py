"""Imports of optional libraries: an error names the extra of the package that installs a missing library.

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
    """Error for a library of an extra that is not installed; the message names it and the way to install it."""


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Turn a missing library into an error that names its extra, as a context manager around imports.

    Args:
        extra: name of the extra.
        what: feature that needs the library, the subject of the message.

    Raises:
        MissingExtra: a library that is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or str(error)).partition(".")[0]
        if missing == "qla_jax":
            raise
        raise MissingExtra(f"{what} needs {missing}: pip install 'qla-jax[{extra}]'", name=error.name) from error
