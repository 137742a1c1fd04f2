"""Several processes that run the same program: the first alone reads, writes and prints, and tells the others.

Without `jax.distributed.initialize` there is one process, and every function here does what it says on the spot.

Example:
    >>> is_first(), on_first(lambda: 3), same_everywhere("seed", 0)
    (True, 3, 0)
"""

import pickle
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

Told = TypeVar("Told")


class _Outcome(NamedTuple):
    value: Any
    error: Exception | None


def is_first() -> bool:
    """Return whether this process is the one that writes and prints."""
    return jax.process_index() == 0


def on_first(function: Callable[[], Told]) -> Told:
    """Return in all processes what a function returns in the first one, or raise its error in all of them.

    All processes have to call, in the same order.

    Args:
        function: function without arguments, whose result can be pickled.
    """
    if jax.process_count() == 1:
        return function()
    mine = _attempt(function) if is_first() else _Outcome(None, None)
    outcome = _broadcast(mine)
    if outcome.error is not None:
        raise _marked(mine.error or outcome.error)  # the first process keeps its traceback
    return outcome.value


def is_known_to_all(error: BaseException) -> bool:
    """Return whether an error was raised in all processes, so that one of them is enough to report it."""
    return bool(getattr(error, "_known_to_all", False))


@contextmanager
def entered_on_first(manager: AbstractContextManager) -> Iterator[None]:
    """Enter a context in the first process only; an error on entering is raised in all of them.

    Args:
        manager: context whose value is not needed.
    """
    with ExitStack() as stack:

        def enter() -> None:
            stack.enter_context(manager)

        on_first(enter)
        yield


def same_everywhere(name: str, value: Told) -> Told:
    """Return a value that has to be the same in all processes.

    Args:
        name: name of the value, for the error.
        value: value with a representation that is the same in all processes.

    Raises:
        ValueError: another value in a process than in the first one; the error is raised in all processes.
    """
    if jax.process_count() == 1:
        return value
    first = _broadcast(_Outcome(repr(value), None)).value
    told = _gathered(first == repr(value))
    if not all(told):
        other = f"process {told.index(False)}"
        raise _marked(
            ValueError(f"`{name}` must be the same in all processes, but is {first} in process 0 and not in {other}.")
        )
    return value


def _marked(error: Exception) -> Exception:
    error._known_to_all = True  # type: ignore[attr-defined]
    return error


def _attempt(function: Callable[[], Any]) -> _Outcome:
    try:
        return _Outcome(function(), None)
    except Exception as error:
        return _Outcome(None, error)


def _broadcast(mine: _Outcome) -> _Outcome:
    """Return the outcome of the first process."""
    from jax.experimental import multihost_utils  # one process never needs it

    content = np.frombuffer(_pickled(mine), np.uint8) if is_first() else np.zeros(0, np.uint8)
    size = int(multihost_utils.broadcast_one_to_all(np.int32(content.size)))
    padded = content if is_first() else np.zeros(size, np.uint8)
    return pickle.loads(np.asarray(multihost_utils.broadcast_one_to_all(padded), np.uint8).tobytes())


def _pickled(outcome: _Outcome) -> bytes:
    try:
        return pickle.dumps(outcome)
    except Exception:
        if outcome.error is None:
            raise
        return pickle.dumps(_Outcome(None, RuntimeError(str(outcome.error))))


def _gathered(flag: bool) -> list[bool]:
    from jax.experimental import multihost_utils

    return [bool(one) for one in multihost_utils.process_allgather(np.array(flag)).reshape(-1)]
