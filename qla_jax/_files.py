"""Files that survive a kill: written completely or not at all, locked against a second writer, checked by checksums.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as there:
    ...     write(Path(there) / "numbers.txt", "1 2 3")
    ...     digest(Path(there) / "numbers.txt")[:8]
    '7c8f5059'
"""

import errno
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

PROBE = 4096
"""Number of bytes that are written to test whether a directory can be written."""
LEAST_FREE = 1 << 20
"""Number of bytes that must be free before work begins, as figures and tables of the smallest run need them."""


def write(path: Path, content: bytes | str) -> None:
    """Write a file completely or not at all: a kill or a full disk leaves the previous file.

    Args:
        path: path of the file.
        content: bytes or text.
    """
    partial = partial_of(path)
    try:
        with partial.open("wb", buffering=0) as file:
            append(file, content)
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    synchronize(path.parent)


def append(file: io.FileIO, content: bytes | str) -> None:
    """Write all of the content to an open file without a buffer, and wait until it is on the disk.

    Args:
        file: open file.
        content: bytes or text.

    Raises:
        OSError: a full disk; a buffer would report the same error again when the file is closed.
    """
    rest = memoryview(content.encode() if isinstance(content, str) else content)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def partial_of(path: Path) -> Path:
    """Return the path of a file or directory while it is incomplete."""
    return path.with_name(f".{path.name}.partial")


def synchronize(directory: Path) -> None:
    """Make the names in a directory survive a power failure, on systems that support it."""
    with suppress(OSError):
        opened = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def digest(path: Path) -> str:
    """Return the SHA-256 checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_writable(directory: Path, name: str, least_free: int = LEAST_FREE) -> list[Path]:
    """Create a directory and test that it can be written, before minutes of work depend on it.

    Args:
        directory: directory, whose parents are created, too.
        name: name of the argument, for error messages.
        least_free: number of bytes that must be free.

    Returns:
        The directories that were created, innermost first.

    Raises:
        ValueError: a file of this name, a directory that cannot be written, or too little space.
    """
    created = [one for one in (directory, *directory.parents) if not one.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write(directory / ".probe", bytes(PROBE))
        (directory / ".probe").unlink()
        free = shutil.disk_usage(directory).free
    except OSError as error:
        remove_empty(created)
        reason = "is a file" if directory.is_file() else f"is not: {error.strerror or error}"
        raise ValueError(f"`{name}` must be a directory that can be written, but {directory} {reason}.") from error
    if free < least_free:
        remove_empty(created)
        raise ValueError(
            f"`{name}` must have at least {least_free >> 10} KiB free, but {directory} has {free >> 10} KiB."
        )
    return created


def remove_empty(directories: list[Path]) -> None:
    """Remove those of the given directories that exist and are empty, in the given order."""
    for one in directories:
        with suppress(OSError):
            one.rmdir()


@contextmanager
def locked(directory: Path, name: str) -> Iterator[None]:
    """Lock a directory against other processes until the context or this process ends.

    Args:
        directory: directory to lock.
        name: name of the argument, for error messages.

    Raises:
        ValueError: a directory that another process has locked.
    """
    with ExitStack() as stack:
        if os.name == "posix":  # on other systems directories cannot be opened, and a second run is not detected
            opened = os.open(directory, os.O_RDONLY)
            stack.callback(os.close, opened)
            if not lock(opened):
                told = f"but another one is at work in {directory}"
                raise ValueError(f"`{name}` must be used by one run at a time, {told}.")
        yield


def lock(opened: int) -> bool:
    """Lock an open file for this process, and return False if another process holds the lock.

    Without support for locks the file counts as free.
    """
    try:
        import fcntl

        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return True
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)
    return True


@contextmanager
def reserved(path: Path, name: str) -> Iterator[Callable[[bytes | str], None]]:
    """Open a new file before work begins, and yield the function that writes it, completely or not at all.

    Args:
        path: path of the file.
        name: name of the argument, for error messages.

    Raises:
        ValueError: a file that exists, is being written by another process, or cannot be written.
    """
    if not path.name:
        raise ValueError(f"`{name}` must name a file, but is {str(path)!r}.")
    partial = partial_of(path)
    if path.exists():
        raise ValueError(f"`{name}` must be a new file, but {path} is there: choose another name, or remove it.")
    try:
        file = partial.open("ab", buffering=0)
    except OSError as error:
        raise ValueError(
            f"`{name}` must be a file that can be written, but {path} is not: {error.strerror}."
        ) from error
    with file:
        if not lock(file.fileno()):
            raise ValueError(f"`{name}` must be used by one run at a time, but another one is about to write {path}.")

        def fill(content: bytes | str) -> None:
            file.truncate(0)
            append(file, content)

        def finish(content: bytes | str) -> None:
            fill(content)
            partial.replace(path)
            synchronize(path.parent)

        try:
            try:
                fill(bytes(PROBE))
            except OSError as error:
                told = f"but {path} is not: {error.strerror}"
                raise ValueError(f"`{name}` must be a file that can be written, {told}.") from error
            yield finish
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
