"""What Ctrl-C and a termination do to the command `qla-jax`: one line that says how to go on, and a status.

Everything is written whole or not at all, so that the process may end at once, also amid a compilation, which Python's
own handlers would wait for: a thread reads the signals from a pipe.

The package imports this module first, since the command spends its first seconds importing. In any other process than
the command's the import does nothing.
"""

import os
import signal
import sys
import threading
from typing import NoReturn

ENDINGS = {signal.SIGINT: ("interrupted", 130), signal.SIGTERM: ("terminated", 143)}
"""By signal: the word, and the exit status as a shell has it."""

way_on = ["nothing was done yet: start it again"]
"""The one sentence that says how to go on; commands replace it once they know."""


def end(number: int) -> NoReturn:
    """Say in a line what happened and how to go on, and end the process with the signal's status."""
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
        signal.signal(number, lambda number, frame: None)  # the pipe has it already

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
