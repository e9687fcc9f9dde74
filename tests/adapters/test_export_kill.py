"""A process that is killed in the middle of an export leaves what the next one goes on with, byte for byte."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from limen.adapters.export import FORMATS
from tests.adapters.test_export import all_bytes, live
from tests.benchmarks.million import multiply
from tests.support.cli import clean_env

EVENTS = 30_000
KILLS = 4

PROGRAM = """
import limen.adapters.export.parts as parts
parts.PART_EVENTS, parts.GROUP_EVENTS = 2000, 500
from limen.adapters.cli import main
main()
"""
"""The command line, with parts small enough that many of them are whole when it is killed."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that takes a while to export."""
    path = tmp_path_factory.mktemp("long") / "limen.db"
    asyncio.run(live(f"sqlite:///{path}"))
    multiply(path, EVENTS)
    return path


def started(log: Path, output: Path, format: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", PROGRAM, "audit", "export", "--format", format, "--output", str(output)]
    env = clean_env(LIMEN_STORE=f"sqlite:///{log}")
    return subprocess.Popen(command, cwd=log.parent, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def size(output: Path) -> int:
    if not output.is_dir():
        return output.stat().st_size if output.exists() else 0
    return sum(path.stat().st_size for path in output.glob("*.parquet"))


def killed(process: "subprocess.Popen[bytes]", output: Path, beyond: int) -> bool:
    """Kills it when the export has grown; False where it came to its end first."""
    while process.poll() is None and size(output) <= beyond:
        time.sleep(0.0005)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=100)
    return process.returncode == -signal.SIGKILL


def ended(process: "subprocess.Popen[bytes]") -> None:
    _, error = process.communicate(timeout=100)
    assert (process.returncode, error) == (0, b"")


@pytest.mark.parametrize("format", FORMATS)
def test_killed_again_and_again_it_ends_with_the_same_bytes(log: Path, tmp_path: Path, format: str) -> None:
    whole, cut = tmp_path / "whole" / "log", tmp_path / "cut" / "log"
    whole.parent.mkdir()
    cut.parent.mkdir()
    ended(started(log, whole, format))
    kills = 0
    for _ in range(KILLS):
        before = size(cut)
        kills += killed(started(log, cut, format), cut, before)
    assert kills > 0, "each of them was quicker than a look at the file"
    assert size(cut) < size(whole) or kills < KILLS, "it was not whole before the last run"
    ended(started(log, cut, format))
    assert all_bytes(cut) == all_bytes(whole)
