"""Compile the registry for devices that are not there, in one process, which starts anew where a compiler ends it."""

import json
import os
import platform
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DATA = ROOT / "docs" / "data" / "accelerators" / "compiles.json"
PACKAGES = ("jax", "jaxlib", "libtpu", "jax-cuda12-pjrt", "qla-jax")
TOLD = 60
"""Characters of a message in the table."""


class Compiler:
    """A worker for one target and one width, started when it is first asked.

    Args:
        target: "export", "v5p" or "h200".
        bits: 32 or 64.
        limit: seconds after which a program counts as too slow, and the worker is ended.
    """

    def __init__(self, target: str, bits: int, limit: float) -> None:
        self.target, self.bits, self.limit = target, bits, limit
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, group: str, name: str) -> dict[str, Any]:
        """Return the result of one program of the registry."""
        process = self.process if self.process and self.process.poll() is None else self._start()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps([group, name]) + "\n")
        process.stdin.flush()
        began = time.time()
        ready, _, _ = select.select([process.stdout], [], [], self.limit)
        line = process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        self.stop()
        result = "the compiler ended its process" if ready else f"more than {self.limit:g} s"
        return {"result": result, "seconds": round(time.time() - began, 2)}

    def _start(self) -> "subprocess.Popen[str]":
        environment = {**os.environ, "JAX_ENABLE_X64": str(int(self.bits == 64)), "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools.accelerators.worker", self.target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        return self.process

    def stop(self) -> None:
        """End the worker."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def chosen(only: str, every: int) -> list[tuple[str, str]]:
    """Return group and name of the programs whose group and name hold a text; of these each n-th."""
    from tests.programs import programs

    matching = [(one.group, one.name) for one in programs() if only in f"{one.group}: {one.name}"]
    return matching[::every]


def compiled(
    targets: Sequence[str], widths: Sequence[int], only: str, every: int, limit: float
) -> Iterator[dict[str, Any]]:
    """Compile programs and print each result; yield rows of target, bits, group, name, result and seconds."""
    listed = chosen(only, every)
    for target in targets:
        for bits in widths:
            compiler, group = Compiler(target, bits, limit), ""
            for place, (of, name) in enumerate(listed, 1):
                if of != group:  # a process for each group: compiled programs are kept for ever
                    compiler.stop()
                group = of
                found = compiler(of, name)
                told = f"{target} {bits} [{place}/{len(listed)}] {of}: {name}: {found['result'][:TOLD]}"
                print(f"{told} ({found['seconds']} s)", flush=True)
                yield {"target": target, "bits": bits, "group": of, "name": name, **found}
            compiler.stop()


def store(rows: Sequence[dict[str, Any]]) -> None:
    """Store rows, in place of those of the same targets, widths and programs."""
    old = json.loads(DATA.read_text())["rows"] if DATA.exists() else []
    new = {(row["target"], row["bits"], row["group"], row["name"]): row for row in [*old, *rows]}
    kept = {
        "command": "python -m tools.accelerators compile",
        "date": date.today().isoformat(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "cores": os.cpu_count(),
        "rows": list(new.values()),
    }
    DATA.parent.mkdir(parents=True, exist_ok=True)
    head = json.dumps({key: value for key, value in kept.items() if key != "rows"}, indent=1)[:-2]
    lines = ",\n".join(f"  {json.dumps(row)}" for row in kept["rows"])
    DATA.write_text(f'{head},\n "rows": [\n{lines}\n ]\n}}\n')
