"""The command line as a whole: quick, honest with exit codes, and silent about where it broke."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.adapters.conftest import Demo
from tests.support.cli import Ran, clean_env, invoked, spawned

COMMANDS = ["demo", "log", "config", "actions", "flow", "delivery", "audit", "projection"]


def test_it_says_its_version(tmp_path: Path) -> None:
    ran = spawned("--version", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, f"limen {version('limen')}\n")


def test_help_lists_every_command_and_no_command_shows_it_too(tmp_path: Path) -> None:
    ran = spawned("--help", cwd=tmp_path)
    assert ran.code == 0
    for command in COMMANDS:
        assert f" {command} " in ran.out
    assert " docs " not in ran.out
    assert invoked().code == 2


def test_help_does_not_load_the_engine() -> None:
    code = "import sys; import limen.adapters.cli.app; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean_env(), check=True)
    loaded = set(done.stdout.split())
    heavy = {"pydantic", "transitions", "eventsourcing", "httpx", "yaml", "argon2", "limen.domain", "jsonschema_rs"}
    assert not heavy & loaded


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"],
        ["flow", "diagram", "nonsense"],
        ["flow", "show"],
        ["flow", "show", "no-id"],
        ["flow", "show", "00000000-0000-4000-8000-000000000000", "--at", "yesterday"],
        ["flow", "list", "--limit", "0"],
        ["config", "validate"],
        ["config", "show", "--format", "xml"],
        ["actions", "matrix"],
        ["actions", "resolve", "--flow", "logout", "--phase", "after"],
        ["log", "--type", "Nonsense"],
        ["audit", "erase", "no-id"],
        ["audit", "erase", "00000000-0000-4000-8000-000000000000"],
        ["projection", "rebuild", "nonsense"],
        ["demo", "--store", "memory:"],
    ],
)
def test_wrong_use_is_told_on_the_standard_error_with_code_2(
    args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = invoked(*args)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "args",
    [
        ["flow", "list"],
        ["flow", "show", "00000000-0000-4000-8000-000000000000"],
        ["delivery", "list"],
        ["delivery", "show", "00000000-0000-4000-8000-000000000000"],
        ["log"],
        ["projection", "status"],
        ["projection", "rebuild"],
    ],
)
def test_where_there_is_no_store_none_is_made_and_the_error_says_how_to_name_it(
    args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = invoked(*args)
    assert (ran.code, ran.out) == (1, "")
    assert "there is no store at" in ran.err
    assert "LIMEN_STORE" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_the_store_is_named_by_option_then_environment_then_settings(
    limen: Callable[..., Ran], demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert limen("flow", "list", "--store", "sqlite:///other.db").code == 1
    store = demo.env["LIMEN_STORE"]
    assert invoked("flow", "list", "--json", env={"LIMEN_STORE": store}).json
    (tmp_path / "limen.yml").write_text(f"store: '{store}'\n")
    assert invoked("flow", "list", "--json").json
    (tmp_path / "limen.yml").rename(tmp_path / "own.yml")
    assert invoked("flow", "list", "--json").code == 1
    assert invoked("flow", "list", "--json", "--settings", "own.yml").json
    assert invoked("flow", "list", "--json", env={"LIMEN_SETTINGS": "own.yml"}).json


def test_settings_that_cannot_be_read_are_refused_by_place(tmp_path: Path) -> None:
    (tmp_path / "limen.yml").write_text("store: 7\nstrange: 1\n")
    ran = invoked("log", "--settings", tmp_path / "limen.yml")
    assert (ran.code, ran.out) == (1, "")
    assert "/store" in ran.err
    assert "/strange" in ran.err


def test_a_file_that_is_no_store_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "limen.db").write_text("no database")
    ran = spawned("flow", "list", cwd=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error ")


def test_a_reader_that_leaves_early_is_no_error(demo: Demo) -> None:
    folder, env = demo.folder, demo.env
    command = f"{sys.executable} -m limen.adapters.cli log --json | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=folder, env=clean_env(**env), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
