"""Where nothing may be skipped, a skipped test fails the run; elsewhere it is told and no more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
SKIPPING = "import pytest\n\ndef test_a(): pass\n\ndef test_b(): pytest.skip('no such server')\n"
PASSING = "def test_a(): pass\n"


def pytest_run(folder: Path, source: str, *options: str, ci: str) -> tuple[int, list[str]]:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_it.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | {"CI": ci},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(("ci", "options", "code"), [("1", (), 1), ("true", ("-n", "2"), 1), ("", (), 0), ("0", (), 0)])
def test_a_skip_is_a_failure_in_ci_alone(tmp_path: Path, ci: str, options: tuple[str, ...], code: int) -> None:
    returned, lines = pytest_run(tmp_path, SKIPPING, *options, ci=ci)
    assert returned == code
    assert any("no such server" in line for line in lines)
    assert any("nothing may be" in line for line in lines) is (code == 1)
    assert "1 passed, 1 skipped" in lines[-1]


def test_a_run_without_skips_passes_in_ci(tmp_path: Path) -> None:
    returned, lines = pytest_run(tmp_path, PASSING, ci="1")
    assert (returned, "1 passed" in lines[-1]) == (0, True)
