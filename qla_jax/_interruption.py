"""Handling of Ctrl-C and termination by the command `qla-jax`: one line on how to continue, and an exit status.

All files are written completely or not at all, so that the process may end at once. Python's own signal handlers would
wait for the end of a compilation; a thread reads the signals from a pipe instead.

The package imports this module first, since the command spends its first seconds on imports. In any process other than
that of the command the import has no effect.
"""

import os
import signal
import sys
import threading
from typing import NoReturn

ENDINGS = {signal.SIGINT: ("interrupted", 130), signal.SIGTERM: ("terminated", 143)}
"""Word and exit status, as in a shell, for each signal."""

way_on = ["nothing was done yet: start it again"]
"""Sentence that says how to continue; commands replace it as soon as there is something to resume."""


def end(number: int) -> NoReturn:
    """Print one line on what happened and how to continue, and end the process with the signal's status."""
    word, status = ENDINGS[signal.Signals(number)]
    clear = "\r\x1b[2K\x1b[?25h" if sys.stderr is not None and os.isatty(2) else ""  # a bar hides the cursor
    try:
        os.write(2, f"{clear}{word}; {way_on[-1]}\n".encode())
    finally:
        os._exit(status)


def watch() -> None:
    """End the process at SIGINT and SIGTERM from now on, unless the caller has them ignored."""
    listened = [number for number in ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in listened:
        signal.signal(number, lambda number, frame: None)  # the wakeup pipe has received the signal already

    def wait() -> None:
        while True:
            number = os.read(reading, 1)[0]
            if number in listened:
                end(number)

    threading.Thread(target=wait, name="signals", daemon=True).start()


def is_command(arguments: list[str]) -> bool:
    """Return whether a process with these arguments, the interpreter's included, is the command `qla-jax`."""
    script = next((one for one in arguments[1:] if not one.startswith("-")), "")
    return os.path.basename(script).removesuffix(".exe") == "qla-jax"


if os.name == "posix" and threading.current_thread() is threading.main_thread() and is_command(sys.orig_argv):
    watch()
