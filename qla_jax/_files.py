"""Files that outlive a kill: written whole or not at all, locked against a second writer, known by their checksums.

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
"""Bytes that are written to see whether a directory can be written."""
LEAST_FREE = 1 << 20
"""Bytes that have to be free before work begins: figures and tables of the smallest run take that much."""


def write(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all: a kill or a full disk leaves what was there before."""
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
    """Write all of the content to an open file without a buffer, and wait until it lies on the disk.

    Raises:
        OSError: a disk that gives out; a buffer would report that once more when the file is closed.
    """
    rest = memoryview(content.encode() if isinstance(content, str) else content)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def partial_of(path: Path) -> Path:
    """Return where a file or directory lies until it is whole."""
    return path.with_name(f".{path.name}.partial")


def synchronize(directory: Path) -> None:
    """Make names in a directory outlive a power failure, where the system can."""
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
    """Create a directory and write to it, before minutes of work rest on that.

    Args:
        directory: the directory, whose parents are created too.
        name: the argument, for the error.
        least_free: bytes that have to be free.

    Returns:
        The directories that were created, innermost first.

    Raises:
        ValueError: a file of that name, a place that cannot be written, or too little space.
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
    """Remove those directories that are there and empty, in their order."""
    for one in directories:
        with suppress(OSError):
            one.rmdir()


@contextmanager
def locked(directory: Path, name: str) -> Iterator[None]:
    """Keep a second process out of a directory until this one is done with it or dead.

    Raises:
        ValueError: another process is in there.
    """
    with ExitStack() as stack:
        if os.name == "posix":  # elsewhere directories cannot be opened, and two runs in one are not noticed
            opened = os.open(directory, os.O_RDONLY)
            stack.callback(os.close, opened)
            if not lock(opened):
                told = f"but another one is at work in {directory}"
                raise ValueError(f"`{name}` must be used by one run at a time, {told}.")
        yield


def lock(opened: int) -> bool:
    """Lock an open file for this process; return False if another one holds it.

    A system or a file system without locks counts as not held.
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
    """Open a file for output before work begins, and give the function that fills it, whole or not at all.

    Raises:
        ValueError: a file that is there already, is being written by another process, or cannot be written.
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
