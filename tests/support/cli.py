"""The command line under test: as a process of its own, and in this one."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from limen.adapters.cli.app import app

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The standard output, as the JSON document it is."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The standard output, as one JSON document a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def clean_env(**more: str) -> dict[str, str]:
    """The environment without limen's own variables, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIMEN_")}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "100", **more}


def spawned(*args: str | Path, cwd: Path, **env: str) -> Ran:
    """Runs `limen` as a process of its own."""
    command = [sys.executable, "-m", "limen.adapters.cli", *map(str, args)]
    done = subprocess.run(
        command, cwd=cwd, env=clean_env(**env), capture_output=True, text=True, timeout=90, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def invoked(*args: str | Path, env: dict[str, str] | None = None) -> Ran:
    """Runs `limen` in this process."""
    variables: dict[str, str | None] = dict.fromkeys(("LIMEN_CONFIG", "LIMEN_SETTINGS", "LIMEN_STORE"))
    done = CliRunner().invoke(app, [*map(str, args)], env={**variables, **(env or {})}, prog_name="limen")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)


def on_terminal(*args: str | Path, columns: int, cwd: Path, **env: str) -> list[str]:
    """The lines that `limen`, a process of its own, shows on a terminal this wide, without colors."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "limen.adapters.cli", *map(str, args)]
    wide = clean_env(**env, COLUMNS=str(columns), TERM="xterm")
    with subprocess.Popen(command, cwd=cwd, env=wide, stdout=theirs, stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux's word for the end, once nobody holds the other side
            while part := os.read(ours, 65536):
                shown += part
    os.close(ours)
    assert process.returncode == 0, shown
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).splitlines()


def keys(values: Sequence[Any]) -> set[frozenset[str]]:
    """The different sets of keys in a list of objects."""
    return {frozenset(value) for value in values}
