"""limen is built, installed and imported as its users get it: one package from three folders."""

import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from email.parser import Parser
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("domain", "projections", "adapters")


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command and gives what it printed; what it said otherwise is the test's message."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built FROM the sdist, as an index would."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    (found,) = built.glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """A fresh environment with the wheel in it. What limen depends on is borrowed from this one, limen is not."""
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    site = next((home / "lib").glob("python*/site-packages"))
    # A folder on sys.path, but not a "site": its .pth files, and with them the editable limen, are not read.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return lambda *command: run(home / "bin" / command[0], *command[1:], cwd=home)


def files(names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith("/")}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    held = files(zipfile.ZipFile(wheel).namelist())
    packaged = {name for name in held if ".dist-info/" not in name}
    expected = {
        f"limen/{path.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert packaged == expected
    assert {f"limen/{folder}/py.typed" for folder in FOLDERS} <= packaged
    assert "limen/domain/ports.py" in packaged
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)


def test_the_sdist_holds_what_one_needs_to_work_on_it(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in (
        "domain/ports.py",
        "adapters/system.py",
        "tests/test_packaging.py",
        "tests/conftest.py",
        "docs/README.md",
        ".ci/run",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "hatch_build.py",
        "pyproject.toml",
    ):
        assert needed in names
    assert not [
        name for name in names if name.startswith(("build/", ".venv", "limen")) or name.endswith((".pyc", ".db"))
    ]


def test_the_installed_package_is_the_one_of_the_wheel(installed: Callable[..., str]) -> None:
    where = installed("python", "-c", "import limen.domain.ports as ports; print(ports.__file__)")
    assert "fresh" in where
    assert str(ROOT) not in where


def test_every_module_can_be_imported_where_it_was_installed(installed: Callable[..., str]) -> None:
    program = (
        "import importlib, pathlib, limen.domain;"
        "root = pathlib.Path(limen.domain.__file__).parent.parent;"
        "names = ['.'.join(('limen', *p.relative_to(root).with_suffix('').parts)).removesuffix('.__init__')"
        "         for p in sorted(root.rglob('*.py')) if p.stem != '__main__'];"
        "[importlib.import_module(name) for name in names];"
        "print(len(names))"
    )
    assert int(installed("python", "-W", "error", "-c", program)) == sum(
        len([path for path in (ROOT / folder).rglob("*.py") if path.stem != "__main__"]) for folder in FOLDERS
    )


def test_the_domain_needs_no_database_and_no_network_library(installed: Callable[..., str]) -> None:
    program = (
        "import sys, limen.domain, limen.domain.ports, limen.domain.flow, limen.domain.testing;"
        "print(sorted({'httpx', 'faststream', 'sqlite3', 'psycopg', 'aiosmtplib', 'cryptography'} & set(sys.modules)))"
    )
    assert installed("python", "-c", program).strip() == "[]"


def test_the_command_is_there_and_helps(installed: Callable[..., str]) -> None:
    assert "demo" in installed("limen", "--help")


def test_an_editable_install_links_the_three_folders() -> None:
    for folder in FOLDERS:
        spec = find_spec(f"limen.{folder}")
        assert spec is not None
        assert spec.origin is not None
        assert Path(spec.origin).resolve() == ROOT / folder / "__init__.py"
        assert (ROOT / "build" / "editable" / "limen" / folder).is_symlink()


def test_a_new_file_is_seen_at_once() -> None:
    """No reinstallation after adding a module: the links lead to the folders themselves."""
    for folder in FOLDERS:
        linked = {path.name for path in (ROOT / "build" / "editable" / "limen" / folder).iterdir()}
        assert linked == {path.name for path in (ROOT / folder).iterdir()}


def test_an_editable_install_works_from_a_copy(sdist: Path, tmp_path: Path) -> None:
    """What `make run` does after a clone, without the downloads."""
    with tarfile.open(sdist) as archive:
        safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # 3.11.4 and newer
        archive.extractall(tmp_path, **safely)
    (copy,) = tmp_path.iterdir()
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    site = next((tmp_path / "env" / "lib").glob("python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(
        python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", copy, cwd=tmp_path
    )
    where = run(python, "-c", "import limen.domain.ports as ports; print(ports.__file__)", cwd=tmp_path)
    assert Path(where.strip()) == copy / "build" / "editable" / "limen" / "domain" / "ports.py"


def test_what_is_optional_is_an_extra(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(archive.read(name).decode())
    assert told.get_all("Provides-Extra") == [
        "all",
        "demo",
        "kafka",
        "nats",
        "parquet",
        "postgres",
        "rabbit",
        "redis",
        "server",
    ]
    core = {re.split(r"[^\w-]", line)[0] for line in told.get_all("Requires-Dist") or () if "extra ==" not in line}
    assert {"eventsourcing", "faststream", "httpx", "typer"} <= core
    assert core.isdisjoint({"psycopg", "uvicorn", "starlette", "nats-py", "aio-pika", "redis", "aiokafka", "pyarrow"})


def test_the_command_is_declared() -> None:
    (command,) = entry_points(group="console_scripts", name="limen")
    assert command.value == "limen.adapters.cli:main"
