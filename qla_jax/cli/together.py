"""Several processes of one command, on one machine or on many: joined at the start, and ended together.

The process that the user starts is a supervisor: it starts a worker with the same arguments, passes its output on, and
says in one line how to go on where the worker or another process ended early. JAX ends a worker whose partner has died
in the middle of a compiled program, with pages of C++ and no word on the run. A worker whose supervisor has ended ends
at once.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import IO, NamedTuple, NoReturn

import jax

from qla_jax import _interruption
from qla_jax._checks import require

PIPES = "QLA_JAX_WORKER"
"""Environment variable of a worker: the ends of its two pipes, one that closes with the supervisor, one to tell it."""
TIMEOUT = 60
"""Seconds that a process waits for the others at the start."""
SILENCE = 30
"""Seconds without a sign of life after which a process counts as ended; one that is killed is noticed at once."""
WAITING = "waiting for the other processes"
NOISE = re.compile(
    rb".*peer ranks|[IWEF]\d{4} \d\d:\d\d:|\*\*\* |\s+@ +0x|Additional GRPC error|:UNKNOWN:|RPC: /"
    rb"|The tasks have crashed|\d*\s*$"
)
"""Lines that libraries of JAX write about connections that begin and end."""


class Group(NamedTuple):
    """Processes of one command: address where the first one listens, their number, and the place of this one."""

    coordinator: str
    size: int
    place: int


def as_group(coordinator: str | None, processes: int | None, process: int | None) -> Group | None:
    """Return the group that options describe, or None where they describe a single process.

    Args:
        coordinator: value of `--coordinator`.
        processes: value of `--processes`.
        process: value of `--process`.

    Raises:
        ValueError: some of the options without the others, an address without a port, or a place out of range.
    """
    given = {"--coordinator": coordinator, "--processes": processes, "--process": process}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return None
    require(not missing, f"{' and '.join(set(given) - set(missing))} must come with {' and '.join(missing)}.")
    assert coordinator is not None and processes is not None and process is not None
    host, _, port = coordinator.rpartition(":")
    fits = bool(host) and port.isdigit() and 0 < int(port) < 1 << 16
    require(fits, f"`--coordinator` must be HOST:PORT, but is {coordinator!r}.")
    require(process < processes, f"`--process` must be below `--processes`, {processes}, but is {process}.")
    return Group(coordinator, processes, process)


def is_supervisor() -> bool:
    """Return whether this process has to start a worker, which it is not itself."""
    started = _interruption.is_command(sys.orig_argv) or sys.orig_argv[1:3] == ["-m", "qla_jax"]
    return os.name == "posix" and started and PIPES not in os.environ


def supervise(group: Group) -> int:
    """Run the command in a worker, and return its exit status; a worker that was ended by others gets one line.

    Args:
        group: processes of the command.
    """
    alive, held = os.pipe()  # the worker's end closes when this process ends
    told, telling = os.pipe()
    worker = subprocess.Popen(
        [sys.executable, *sys.orig_argv[1:]],
        env={**os.environ, PIPES: f"{alive},{telling}"},
        stderr=subprocess.PIPE,
        pass_fds=(alive, telling),
        start_new_session=True,  # a signal of the terminal is for the supervisor, which knows how to go on
    )
    os.close(alive)
    os.close(telling)
    assert worker.stderr is not None
    readers = [
        threading.Thread(target=_pass_on, args=(worker.stderr,), daemon=True),
        threading.Thread(target=_listen, args=(told,), daemon=True),
    ]
    for reader in readers:
        reader.start()
    status = worker.wait()
    for reader in readers:
        reader.join()
    os.close(held)
    if status >= 0:
        return status
    sys.stderr.write(f"error: {_reason(group)}\n")
    return 2


def _reason(group: Group) -> str:
    way = _interruption.way_on[-1]
    if way != WAITING:
        return f"a process of the {group.size} has ended; {way}."
    if group.place:
        return (
            f"`--coordinator` must be where process 0 listens, but nobody answered at {group.coordinator} "
            f"for {TIMEOUT} s."
        )
    return f"all {group.size} processes must start within {TIMEOUT} s, but not all came to {group.coordinator}."


def _pass_on(lines: IO[bytes]) -> None:
    for line in lines:
        if not NOISE.match(line):
            sys.stderr.buffer.write(line)
            sys.stderr.flush()


def _listen(told: int) -> None:
    with os.fdopen(told) as lines:
        for line in lines:
            _interruption.way_on.append(line.rstrip("\n"))


def join(group: Group) -> None:
    """Join the other processes: afterwards JAX knows the devices of all of them.

    Args:
        group: processes of the command.

    Raises:
        ValueError: an address that no machine has.
    """
    host, _, port = group.coordinator.rpartition(":")
    try:
        socket.getaddrinfo(host, int(port))
    except OSError as error:
        raise ValueError(f"`--coordinator` must name a machine, but {host!r} is none: {error.strerror}.") from error
    alive = _pipes()[0]
    if alive is not None:
        threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
        _part_output()
    tell(WAITING)
    jax.distributed.initialize(
        group.coordinator,
        group.size,
        group.place,
        initialization_timeout=TIMEOUT,
        heartbeat_timeout_seconds=SILENCE,
        shutdown_timeout_seconds=TIMEOUT,
    )
    tell("nothing was done yet: start all processes again")


def _part_output() -> None:
    """Part what this command prints from what libraries write to its output, which the supervisor looks through."""
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(own, "w", buffering=1, encoding=sys.stdout.encoding)


def tell(way: str) -> None:
    """Tell the supervisor, if there is one, how to go on from here."""
    telling = _pipes()[1]
    if telling is not None:
        os.write(telling, f"{way}\n".encode())


def _pipes() -> tuple[int, int] | tuple[None, None]:
    if PIPES not in os.environ:
        return None, None
    alive, telling = map(int, os.environ[PIPES].split(","))
    return alive, telling


def _end_with(alive: int) -> None:
    """End this process as soon as its supervisor has ended. Files are written completely or not at all."""
    os.read(alive, 1)
    os._exit(2)


def make_virtual(devices: int, processes: int) -> None:
    """Ask for as many virtual devices of the CPU as each process has to have; accelerators are not virtual.

    Args:
        devices: number of devices in all processes.
        processes: number of processes.

    Raises:
        ValueError: devices that do not divide among the processes.
    """
    require(
        devices % processes == 0, f"`--devices` must be a multiple of `--processes`, {processes}, but is {devices}."
    )
    flag = f"--xla_force_host_platform_device_count={devices // processes}"
    os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), flag])


def end_early(error: BaseException) -> NoReturn:
    """End this process, whose partner has ended in the middle of a common program, with the line of the supervisor.

    Args:
        error: error of the common program.
    """
    if _pipes()[1] is None:
        raise error
    os.kill(os.getpid(), signal.SIGKILL)  # the usual way out waits for the partner
    raise error
