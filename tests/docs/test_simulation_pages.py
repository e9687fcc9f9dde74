"""The tutorial on simulations shows what its commands print, and the program of the how-to page runs."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from limen.adapters.demo import Scene, play
from tests.docs.test_pages import ROOT, program, run
from tests.support.cli import clean_env

TUTORIAL = (ROOT / "docs/tutorials/what-would-this-change-have-done.md").read_text()
COMMANDS = re.findall(r"^\$ (limen simulate .*)\n((?:(?!```|\$ ).*\n)+)", TUTORIAL, re.MULTILINE)
"""Each command of the page that shows its output, with the output."""


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The month has been lived through, and the page's two configurations are written."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(ROOT / "docs/examples/month", folder / "month")
    shutil.copy(ROOT / "docs/examples/person.schema.json", folder)
    month = folder / "month"
    printed = python(month, "month.py")
    assert printed == "56 people registered, 280 times somebody signed in: sqlite:///month.db\n"
    assert printed in TUTORIAL
    for source in re.findall(r"^\$ python - <<'END'\n(.*?)^END$", TUTORIAL, re.MULTILINE | re.DOTALL):
        python(month, "-c", source)
    return month


def python(folder: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=clean_env(), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def targets(folder: Path) -> Iterator[None]:
    """What the web hooks ask, in a process of its own."""
    process = subprocess.Popen([sys.executable, "targets.py"], cwd=folder, env=clean_env(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert b"answering" in process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def masked(text: str) -> str:
    """Without ids and times, and without the blanks at the ends."""
    text = re.sub(r"^[0-9a-f]{8} (\w+) [\d-]+ [\d:]+$", r"… \1", text, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


@pytest.mark.timeout(180)
def test_the_commands_of_the_tutorial_print_what_the_page_shows(month: Path) -> None:
    """One test: the targets' port is the page's."""
    assert len(COMMANDS) == 4
    with targets(month):
        for command, shown in COMMANDS:
            done = subprocess.run(
                [sys.executable, "-m", "limen.adapters.cli", *command.split()[1:]],
                cwd=month,
                env={**clean_env(), "LIMEN_STORE": "sqlite:///month.db"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=100,
                check=False,
            )
            assert masked(done.stdout) == masked(shown), command
            assert done.returncode == (0 if "✓" in shown else 1), command


async def test_the_program_of_the_how_to_page_runs(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    assert not (await play(Scene(folder), f"sqlite:///{folder}/limen.db")).failed
    assert run(program("docs/how-to/simulate-a-change.md"), tmp_path) == "[]\n"
