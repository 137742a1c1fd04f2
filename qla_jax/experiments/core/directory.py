"""Directory of a run, for all commands: its settings, its finished items, and its continuation.

`run.json` is written before work begins. It holds the command, the settings, the versions of the code and its libraries
and, as soon as they are loaded, the identity of the data. A run is resumed by its directory alone. Options that are
given again have to agree with the stored ones, and so do the code and the data. Without `resume` a directory with
earlier results is refused.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as there:
    ...     with RunDirectory(Path(there) / "one", "squares", {"count": 3}) as first:
    ...         _ = first.items.result("2", lambda: 4)
    ...     with RunDirectory(Path(there) / "one", "squares", resume=True) as again:
    ...         again.settings, again.items.rows
    ({'count': 3}, {'2': 4})
"""

import hashlib
import json
import os
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import qla_jax
from qla_jax._files import locked, make_writable, remove_empty, write
from qla_jax._fingerprint import require_same
from qla_jax.checkpoints import epochs_in
from qla_jax.experiments.core.items import Items

RECORD, ITEMS, CHECKPOINTS = "run.json", "items.jsonl", "checkpoints"
LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy")
"""Packages whose versions may change a number."""
RESULTS = ("report.json", "claims.json", "costs.json", "comparison.json")


class RunDirectory:
    """Directory that one run writes to, from `with` to the end of its block.

    Attributes:
        path: path of the directory.
        settings: options of the run, the stored ones if it is resumed.
        items: finished items.
        resumed: whether the run goes on with an earlier one.
        notices: lines about damaged files.
    """

    def __init__(
        self,
        path: Path,
        command: str,
        settings: Mapping[str, Any] | None = None,
        *,
        resume: bool = False,
        given: Sequence[str] | None = None,
        results: Sequence[str] = RESULTS,
    ) -> None:
        """Store the options of the run; no file is touched before `with`.

        Args:
            path: path of the directory.
            command: name of the command.
            settings: options by name, as plain JSON.
            resume: whether to go on with the run in the directory.
            given: names of the settings that have to agree with a run that is resumed; all of them by default.
            results: files that a finished run leaves.
        """
        self.path, self.command, self.resumed = path, command, resume
        self.settings: dict[str, Any] = json.loads(json.dumps(dict(settings or {})))
        self.given = list(self.settings if given is None else given)
        self.results = results
        self.notices: list[str] = []
        self._record: dict[str, Any] = {}

    def __enter__(self) -> "RunDirectory":
        if self.resumed and not self._record_path.exists():
            raise ValueError(
                f"`--resume` needs a run to go on with, but {self.path} holds none: "
                f"start it with `qla-jax {self.command} --output {self.path}`."
            )
        self._created = make_writable(self.path, "--output")
        self._stack = ExitStack()
        try:
            self._stack.enter_context(locked(self.path, "--output"))
            self._begin()
        except BaseException:
            self._stack.close()
            remove_empty(self._created)
            raise
        return self

    def __exit__(self, kind: type | None, *failure: object) -> None:
        refused = kind is not None and issubclass(kind, Exception) and not issubclass(kind, OSError)
        if refused and not self._held():
            with suppress(OSError):  # a run that could not begin leaves no files
                self._record_path.unlink(missing_ok=True)
                self.items.path.unlink(missing_ok=True)  # type: ignore[union-attr] # it has one
            remove_empty([self.path / CHECKPOINTS, *self._created])
        self._stack.close()

    def pin(self, what: str, now: Mapping[str, Any]) -> None:
        """Store further data that a run depends on, or compare it if the run is resumed.

        Args:
            what: name of the data.
            now: data as plain JSON.

        Raises:
            ValueError: an entry that differs from the stored one.
        """
        plain = json.loads(json.dumps(dict(now)))
        if what in self._record:
            require_same(what, self.path, plain, self._record[what], "--resume")
            return
        self._record[what] = plain
        self._store()

    def about(self) -> dict[str, str]:
        """Return the origin of the results by label: command, time, versions, revision and checksum of the source."""
        code = dict(self._record["code"])
        given = {name: value for name, value in self.settings.items() if value is not None and value is not False}
        options = [
            name if value is True else f"{name} {shlex.quote(str(value))}" if name.startswith("-") else str(value)
            for name, value in given.items()
        ]
        return {
            "command": " ".join(["qla-jax", self.command, *options]),
            "begun": str(self._record["begun"]).partition(".")[0].replace("T", " "),
            "written": f"{datetime.now():%Y-%m-%d %H:%M:%S}",
            "source": f"{code.pop('source', 'unknown')}{revision()}",
            "versions": ", ".join([f"Python {platform.python_version()}", *(f"{k} {v}" for k, v in code.items())]),
            **{what: self._told(what) for what in self._record if what not in ("command", "begun", "settings", "code")},
        }

    def _told(self, what: str) -> str:
        found = self._record[what]
        return ", ".join(f"{name} {value}" for name, value in found.items()) if isinstance(found, dict) else str(found)

    @property
    def _record_path(self) -> Path:
        return self.path / RECORD

    def _begin(self) -> None:
        if self.resumed:
            self._restore()
        else:
            if held := self._held():
                raise ValueError(
                    f"`--output` must hold no earlier results, but {held} is there: give another directory, "
                    "or `--resume` to go on with it."
                )
            (self.path / ITEMS).unlink(missing_ok=True)  # of a run that finished nothing
            about = {"command": self.command, "begun": datetime.now().isoformat(), "settings": self.settings}
            self._record = about | {"code": code_version()}
            self._store()
        self.items = Items(self.path / ITEMS)
        if self.items.damaged:
            self.notices.append(f"{self.items.damaged} damaged lines of {self.path / ITEMS} are done again")

    def _restore(self) -> None:
        try:
            self._record = json.loads(self._record_path.read_bytes())
            command, settings, code = (
                self._record["command"],
                dict(self._record["settings"]),
                dict(self._record["code"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"`--resume` needs the settings of the run, but {self._record_path} is damaged: start afresh in "
                "another directory."
            ) from error
        if command != self.command:
            raise ValueError(
                f"`--resume` must go on with the same command, but {self.path} is of `qla-jax {command}`, "
                f"not of `qla-jax {self.command}`."
            )
        chosen = {name: self.settings.get(name) for name in self.given}
        require_same("settings", self.path, settings | chosen, settings, "--resume")
        try:
            require_same("code", self.path, code_version(), code, "--resume")
        except ValueError as error:
            told = str(error).removesuffix(".")
            raise ValueError(f"{told}: go back to that version, or start afresh in another directory.") from None
        self.settings = settings

    def _store(self) -> None:
        write(self._record_path, json.dumps(self._record, indent=1) + "\n")

    def _held(self) -> Path | None:
        """Return a file that would be lost if the run were begun anew."""
        kept = self.path / CHECKPOINTS
        epochs = [one for one in kept.glob("*") if epochs_in(one)] if kept.is_dir() else []
        found = [*epochs, *(self.path / name for name in self.results if (self.path / name).exists())]
        if not found and Items(self.path / ITEMS).rows:
            found.append(self.path / ITEMS)
        return found[0] if found else None


def code_version() -> dict[str, str]:
    """Return the versions of the package and its libraries, a checksum of the package's source, and the precision."""
    root = Path(qla_jax.__file__).parent
    checksum = hashlib.sha256()
    for path in sorted(root.rglob("*.py"), key=lambda one: one.relative_to(root).as_posix()):
        checksum.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    versions = {name: _version(name) for name in ("qla-jax", *LIBRARIES)}
    precision = os.environ.get("JAX_ENABLE_X64", "0").lower() in ("1", "true", "yes", "on", "y", "t")
    return versions | {"source": checksum.hexdigest()[:16], "JAX_ENABLE_X64": str(int(precision))}


def revision() -> str:
    """Return the revision of the checkout that the package is imported from, as text; empty without one."""
    root = Path(qla_jax.__file__).parent
    with suppress(OSError, subprocess.SubprocessError):
        told = ["git", "-C", str(root), "log", "-1", "--format=%h"]
        found = subprocess.run(told, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
        return f", revision {found}" if found and (root.parent / ".git").exists() else ""
    return ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def newest(runs: Path, command: str) -> Path:
    """Return the directory of the newest run of a command.

    Args:
        runs: directory of all runs.
        command: name of the command.

    Raises:
        ValueError: no such run.
    """
    found = []
    for record in runs.glob(f"*/{RECORD}"):
        with suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(record.read_bytes())
            if kept["command"] == command:
                found.append((str(kept["begun"]), record.parent))
    if not found:
        raise ValueError(
            f"`--resume` needs a run of `qla-jax {command}` to go on with, but there is none under {runs}/."
        )
    return max(found)[1]
