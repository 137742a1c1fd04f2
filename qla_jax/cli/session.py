"""Beginning and end of every command: its directory, the options of a resumed run, and one line for an error.

Status 2 stands for a command that could not be carried out, 130 and 143 for an interruption and a termination. Status 1
means that bounds are violated.
"""

import shlex
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import jax
import typer
from jax.errors import JaxRuntimeError

from qla_jax._extras import MissingExtra
from qla_jax._interruption import ENDINGS, way_on
from qla_jax._placement import trains_on
from qla_jax._processes import on_first
from qla_jax.cli.terminal import Bars, console, fail
from qla_jax.cli.together import Group, as_group, end_early, is_supervisor, join, make_virtual, supervise, tell
from qla_jax.experiments.core.directory import RunDirectory, newest
from qla_jax.experiments.core.progress import Progress
from qla_jax.experiments.core.sharing import SharedRun
from qla_jax.meshes import mesh

if TYPE_CHECKING:
    from qla_jax.experiments.core.study import Report, Study

RUNS = Path("runs")


def as_path(text: str) -> Path:
    """Return the path that an option names.

    An empty name, such as that of an unset variable, is refused, since it would mean the current directory.

    Args:
        text: value of the option.

    Raises:
        BadParameter: the name is empty.
    """
    if not str(text).strip():
        raise typer.BadParameter("must name a place, but is empty.")
    return Path(text)


Output = Annotated[
    Path | None,
    typer.Option(parser=as_path, metavar="PATH", help="Directory of the results; a new one under runs/ by default."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with an interrupted run, the one in --output or the newest under runs/.")
]
Devices = Annotated[
    int | None,
    typer.Option(min=1, help="Devices in all processes that share the work; virtual ones where there is only a CPU."),
]
Coordinator = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Where process 0 of several listens; start each with the same options."),
]
Processes = Annotated[int | None, typer.Option(min=1, help="Number of processes, with --coordinator.")]
Process = Annotated[int | None, typer.Option(min=0, help="Place of this process, from 0; the first one prints.")]
TOGETHER = ("devices", "coordinator", "processes", "process")
NOT_STORED = ("output", "resume", *TOGETHER)


class Session(NamedTuple):
    """Run that has begun: its directory, and its options by parameter, which are the stored ones if it is resumed."""

    run: RunDirectory
    options: dict[str, Any]


@contextmanager
def session(context: typer.Context, output: Path | None, resume: bool, name: str = "") -> Iterator[Session]:
    """Open the directory of a command before any of its work, and end the command with one line if that fails.

    Args:
        context: context of the command, with all of its options.
        output: directory of the results; by default a new one, or with `resume` the newest of the command.
        resume: whether to go on with the run in the directory.
        name: first part of a new directory's name.
    """
    command = str(context.info_name)
    labels = {str(one.name): _label(one) for one in context.command.params if one.name not in NOT_STORED}
    options = {label: _stored(context.params[one]) for one, label in labels.items()}
    given = [label for one, label in labels.items() if _is_given(context, one)]
    with ending(), sharing(*(context.params.get(one) for one in TOGETHER)) as group:
        path = on_first(lambda: output or (newest(RUNS, command) if resume else fresh(name)))
        opened = (SharedRun if group else RunDirectory)(path, command, options, resume=resume, given=given)
        with opened as run, going_on(run):
            for line in run.notices:
                console.print(line, highlight=False, soft_wrap=True)
            yield Session(run, {one: run.settings.get(label) for one, label in labels.items()})


@contextmanager
def sharing(
    devices: int | None, coordinator: str | None, processes: int | None, process: int | None
) -> Iterator[Group | None]:
    """Divide trainings and batches among devices, and join the other processes of the command, where there are any.

    Args:
        devices: value of `--devices`.
        coordinator: value of `--coordinator`.
        processes: value of `--processes`.
        process: value of `--process`.

    Raises:
        ValueError: options that do not fit together, or more devices than there are.
    """
    group = as_group(coordinator, processes, process)
    if group and is_supervisor():
        raise typer.Exit(supervise(group))
    if devices is not None:
        make_virtual(devices, group.size if group else 1)
    if group:
        join(group)
        console.quiet = group.place > 0
    if devices is None and group is None:
        yield None
        return
    with trains_on(mesh(devices)):
        yield group


def batches_divided(devices: int | None) -> AbstractContextManager:
    """Return a context in which batches of instances are divided among the devices of this process.

    Args:
        devices: value of `--devices`; without it nothing is divided.
    """
    here = jax.local_devices()
    return nullcontext() if devices is None else jax.set_mesh(mesh(min(devices, len(here)), devices=here))


def carry_out(build: Callable[[Progress], "Study"], run: RunDirectory, *, lines: bool = False) -> "Report":
    """Run a study in its directory and write its results there.

    Args:
        build: function from a receiver of progress to the study.
        run: directory of the run.
        lines: whether each item that begins is printed as a line.
    """
    # Here rather than at the top: neither `qla-jax --help` nor another command should wait for what runs.
    from qla_jax.experiments.core import runner
    from qla_jax.experiments.report import render

    bars = Bars(lines=lines)
    study = build(bars)
    with bars:
        report = runner.run(study, run, progress=bars)
    about = run.about()
    on_first(lambda: render.write(report, run.path, about))
    return report


@contextmanager
def going_on(run: RunDirectory) -> Iterator[None]:
    """Report how to go on with a run that is interrupted, or whose disk is full or cannot be read."""
    how = f"go on with `qla-jax {run.command} --resume --output {shlex.quote(str(run.path))}`"
    way_on.append(how)
    tell(how)
    try:
        yield
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(how) from error
    except OSError as error:
        place = error.filename or run.path
        raise OSError(
            f"cannot write or read {place}: {error.strerror or error}; once that is mended, {how}."
        ) from error
    finally:
        way_on.remove(how)


@contextmanager
def ending() -> Iterator[None]:
    """End a command with one line where it is interrupted or cannot do its work."""
    from qla_jax.data import DatasetUnavailable

    try:
        yield
    except KeyboardInterrupt as error:  # where signals are not watched, as inside another program
        word, status = next(iter(ENDINGS.values()))
        console.print(f"{word}; {error or way_on[-1]}", highlight=False, soft_wrap=True)
        raise typer.Exit(status) from error
    except OSError as error:
        place = error.filename or "the output"
        fail(error, None if error.strerror is None else f"cannot write or read {place}: {error.strerror}.")
    except (DatasetUnavailable, MissingExtra, ValueError) as error:
        fail(error)
    except JaxRuntimeError as error:
        if jax.process_count() == 1:
            raise
        end_early(error)
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:  # a fault of the package, with its place; 1 would say that a bound is violated
        traceback.print_exc()
        raise typer.Exit(2) from error


def fresh(name: str = "") -> Path:
    """Return the path of a new directory of results, named by the time."""
    first = RUNS / f"{name}{'-' if name else ''}{datetime.now():%Y%m%d-%H%M%S}"
    path, number = first, 1
    while path.exists():
        number += 1
        path = first.with_name(f"{first.name}-{number}")
    return path


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT", "PROMPT")


def _label(parameter: Any) -> str:
    """Return an option as a user writes it, or the name of an argument."""
    return max(parameter.opts, key=len) if parameter.param_type_name == "option" else str(parameter.name)


def _stored(value: Any) -> Any:
    return str(value.resolve()) if isinstance(value, Path) else value
