"""`limen audit export`: to a file, to a folder, to the next program; and what it refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.conftest import Demo
from tests.support.cli import clean_env, invoked, spawned


@pytest.fixture
def env(demo: Demo, tmp_path: Path) -> dict[str, str]:
    """The demo's files, to change."""
    shutil.copytree(demo.folder / "demo", tmp_path / "demo")
    store = f"sqlite:///{tmp_path / 'demo' / 'limen.db'}"
    return {"LIMEN_CONFIG": str(tmp_path / "demo" / "identity.yml"), "LIMEN_STORE": store}


def logged(env: dict[str, str]) -> str:
    return invoked("log", "--json", env=env).out


def test_without_an_output_the_lines_go_to_the_next_program(env: dict[str, str], tmp_path: Path) -> None:
    ran = spawned("audit", "export", cwd=tmp_path, **env)
    assert (ran.code, ran.out) == (0, logged(env))
    last = ran.lines[-1]["position"]
    assert f"--after {last} goes on from here" in ran.err
    assert spawned("audit", "export", "--after", str(last - 3), cwd=tmp_path, **env).lines == ran.lines[-3:]
    assert spawned("audit", "export", "-o", "-", cwd=tmp_path, **env).out == ran.out
    events = spawned("audit", "export", "--format", "ocsf", cwd=tmp_path, **env).lines
    assert {event["class_uid"] for event in events} == {3002}


def test_a_reader_that_has_seen_enough_is_no_error(env: dict[str, str], tmp_path: Path) -> None:
    command = f"{sys.executable} -m limen.adapters.cli audit export | head -n 1"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=clean_env(**env), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["position"] == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("format", ["jsonl", "parquet", "ocsf"])
def test_to_a_file_or_folder_and_again(env: dict[str, str], tmp_path: Path, format: str) -> None:
    output = tmp_path / "kept"
    first = invoked("audit", "export", "--format", format, "--output", output, "--json", env=env)
    size = len(logged(env).splitlines())
    assert first.code == 0
    assert first.json == {
        "output": str(output),
        "format": format,
        "personal": False,
        "events": size if format != "ocsf" else first.json["events"],
        "position": size,
    }
    again = invoked("audit", "export", "--format", format, "--output", output, env=env)
    assert (again.code, again.err) == (0, "")
    assert "0 events added" in again.out
    if format == "jsonl":
        assert output.read_text() == logged(env)


def test_personal_data_needs_the_configuration_and_is_recorded(env: dict[str, str], tmp_path: Path) -> None:
    output = tmp_path / "kept"
    alone = {"LIMEN_STORE": env["LIMEN_STORE"]}
    assert invoked("audit", "export", "--personal", "--output", output, env=alone).code == 2
    assert not output.exists()
    before = logged(env).splitlines()
    ran = invoked("audit", "export", "--personal", "--reason", "request 4711", "-o", output, env=env)
    assert ran.code == 0
    assert "Lovelace" in output.read_text()
    *same, event = logged(env).splitlines()
    assert same == before
    data: dict[str, Any] = json.loads(event)["data"]
    assert (data["reason"], data["after"], data["through"]) == ("request 4711", 0, len(before))
    assert "request 4711" in invoked("log", "--type", "PersonalDataExported", env=env).out
    assert invoked("audit", "checkpoint", env=env).code == 0
    verified = invoked("audit", "verify", "--json", env=env)
    assert (verified.code, verified.json["unsealed"]) == (0, 0)
    assert invoked("projection", "rebuild", env=env).code == 0


def test_without_the_flag_nothing_is_recorded(env: dict[str, str], tmp_path: Path) -> None:
    before = logged(env)
    for name in ("jsonl", "parquet", "ocsf"):
        assert invoked("audit", "export", "--format", name, "-o", tmp_path / name, env=env).code == 0
    assert logged(env) == before
    assert "Lovelace" not in (tmp_path / "jsonl").read_text() + (tmp_path / "ocsf").read_text()


def test_an_erased_person_is_in_no_export(env: dict[str, str], demo: Demo, tmp_path: Path) -> None:
    assert invoked("audit", "export", "--personal", "-o", tmp_path / "before", env=env).code == 0
    assert "Lovelace" in (tmp_path / "before").read_text()
    assert invoked("audit", "erase", demo.told["identity"], env=env).code == 0
    assert invoked("audit", "export", "--personal", "-o", tmp_path / "after", env=env).code == 0
    assert "Lovelace" not in (tmp_path / "after").read_text()


def test_a_span_is_cut_by_time(env: dict[str, str], tmp_path: Path) -> None:
    lines = [json.loads(line) for line in logged(env).splitlines()]
    at = lines[40]["time"]
    early, late = (invoked("audit", "export", option, at, env=env).lines for option in ("--until", "--since"))
    assert early + late == lines
    assert invoked("audit", "export", "--until", "2001-01-01", env=env).lines == []


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--format", "csv"], "no format 'csv'"),
        (["--format", "parquet"], "to a folder"),
        (["--since", "yesterday"], "no time"),
        (["--since", "2026-05-04", "--until", "2026-05-04"], "until comes first"),
        (["--reason", "because"], "with --personal alone"),
        (["--personal", "--reason", "x" * 201], "200 characters"),
        (["--personal", "--reason", "case 4711\x1b[2J"], "one line of printable text"),
        (["--after", "-1"], "--after"),
        (["--after", str(2**64)], "--after"),
        (["--since", "0001-01-01T00:00+14:00"], "no time"),
        (["--output", "."], "no name of its own"),
    ],
)
def test_wrong_use_is_told(env: dict[str, str], args: list[str], sentence: str) -> None:
    ran = invoked("audit", "export", *args, env=env)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in " ".join(ran.err.replace("│", " ").split())


def test_other_options_on_the_same_file_are_a_refusal_that_names_it(env: dict[str, str], tmp_path: Path) -> None:
    assert invoked("audit", "export", "-o", tmp_path / "kept", env=env).code == 0
    ran = invoked("audit", "export", "--format", "ocsf", "-o", tmp_path / "kept", env=env)
    assert (ran.code, ran.out) == (1, "")
    assert "kept was exported with other options (--format was jsonl)" in ran.err


def test_no_store_is_made_for_it(env: dict[str, str], tmp_path: Path) -> None:
    missing = {**env, "LIMEN_STORE": f"sqlite:///{tmp_path / 'none.db'}"}
    for more in ([], ["--personal"]):
        assert invoked("audit", "export", "-o", tmp_path / "kept", *more, env=missing).code == 1
    assert {path.name for path in tmp_path.iterdir()} == {"demo"}


def test_parquet_without_its_library_says_what_to_install(env: dict[str, str], tmp_path: Path) -> None:
    program = "import sys; sys.modules['pyarrow'] = None; from limen.adapters.cli import main; main()"
    command = [sys.executable, "-c", program, "audit", "export", "--format", "parquet", "-o", "parts"]
    done = subprocess.run(command, cwd=tmp_path, env=clean_env(**env), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'limen[parquet]'" in done.stderr
    assert not list(tmp_path.glob("parts*"))
