"""The same configuration in YAML, JSON or TOML; what is ambiguous or endless is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.configuration import examine, read
from limen.domain.configuration import FlowKind

SCHEMA = {"type": "object", "properties": {"traits": {"type": "object", "properties": {"email": {"type": "string"}}}}}

YAML = """
identity:
  schemas: [{id: default, url: "file://person.json"}]
selfservice:
  flows:
    login: {lifespan: 5m}
"""
TOML = """
[[identity.schemas]]
id = "default"
url = "file://person.json"
[selfservice.flows.login]
lifespan = "5m"
"""
JSON = json.dumps(
    {
        "identity": {"schemas": [{"id": "default", "url": "file://person.json"}]},
        "selfservice": {"flows": {"login": {"lifespan": "5m"}}},
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "person.json").write_text(json.dumps(SCHEMA))
    return tmp_path


def faults(path: Path, content: str | bytes) -> dict[str, str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {fault.path: fault.message for fault in examine(path, env={}).faults}


@pytest.mark.parametrize(
    ("name", "content"), [("a.yml", YAML), ("a.yaml", YAML), ("a.json", JSON), ("a.toml", TOML), ("kratos", YAML)]
)
def test_every_format_says_the_same(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)
    configuration = read(folder / name, env={})
    assert configuration == read(str(folder / name), env={})
    assert configuration.flow(FlowKind.LOGIN).lifespan.total_seconds() == 300
    assert configuration.schemas["default"] == SCHEMA


def test_a_file_is_found_beside_the_configuration_wherever_the_process_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.yml").write_text(YAML)
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert read("../a.yml", env={}).schemas["default"] == SCHEMA


def test_an_absolute_file_and_escaped_characters_are_found(folder: Path) -> None:
    (folder / "a person.json").write_text(json.dumps(SCHEMA))
    for url in (f"file://{folder}/person.json", "file://a%20person.json", "file://./person.json"):
        assert faults(folder / "a.yml", YAML.replace("file://person.json", url)) == {}


@pytest.mark.parametrize(
    ("name", "content", "pointer"),
    [
        ("a.yml", YAML + "\nselfservice: {}\n", "/selfservice"),
        ("a.yml", YAML + "    login: {lifespan: 1m}\n", "/selfservice/flows/login"),
        ("a.yml", YAML + "session: {lifespan: 1h, lifespan: 2h}\n", "/session/lifespan"),
        ("a.json", '{"session": {"lifespan": "1h", "lifespan": "2h"}}', "/session/lifespan"),
    ],
)
def test_a_key_that_stands_twice_is_refused(folder: Path, name: str, content: str, pointer: str) -> None:
    assert faults(folder / name, content)[pointer].startswith("stands twice")


def test_a_merge_key_is_no_duplicate(folder: Path) -> None:
    flows = "login: &base {lifespan: 5m}\n    settings: {<<: *base, lifespan: 1m}"
    merged = YAML.replace("login: {lifespan: 5m}", flows)
    assert faults(folder / "a.yml", merged) == {}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yml", "a: [hunter2", "is not YAML: line 1, column 12"),
        ("a.yml", "a: !!python/object:os.system hunter2", "is not YAML: line 1"),
        ("a.yml", "hunter2: *nobody", "is not YAML: line 1"),
        ("a.yml", "a: 1\n---\nb: 2", "is not YAML: line 2"),
        ("a.yml", "a: \x07", "is not YAML"),
        ("a.json", '{"a": hunter2}', "is not JSON: line 1, column 7"),
        ("a.json", "", "is not JSON: line 1"),
        ("a.toml", "a = hunter2", "is not TOML"),
        ("a.yml", "- a", "must be an object with keys at its top"),
        ("a.yml", b"\xff\xfe\xff", "is not UTF-8 text"),
        ("a.yml", "[" * 5000, "is n"),
        ("a.json", "[" * 100_000, "is nested too deeply"),
        ("a.json", '{"a":' * 80 + "1" + "}" * 80, "is nested too deeply or too large"),
        ("a.yml", "a: &a [*a]", "holds aliases that never end"),
        ("a.yml", "x0: &x0 [1]\n" + "".join(f"x{n}: &x{n} [{f'*x{n - 1},' * 9}]\n" for n in range(1, 12)), "holds ali"),
        ("a.yml", "#" * (4 * 2**20 + 1), "is larger than"),
    ],
)
def test_what_cannot_be_read_is_refused_without_quoting_it(
    folder: Path, name: str, content: str | bytes, message: str
) -> None:
    found = faults(folder / name, content)
    assert found[""].startswith(message)
    assert "hunter2" not in found[""]


def test_a_file_that_is_not_there_is_a_fault(folder: Path) -> None:
    (fault,) = examine(folder / "nowhere.yml", env={}).faults
    assert (fault.path, fault.message) == ("", f"{folder / 'nowhere.yml'} cannot be read: No such file or directory")


def test_an_empty_file_lacks_what_must_be_there(folder: Path) -> None:
    assert faults(folder / "a.yml", "") == {"/identity": "is missing"}


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "10:30", "2026-01-01", "~x"])
def test_yaml_is_read_as_kratos_reads_it(folder: Path, word: str) -> None:
    assert faults(folder / "a.yml", YAML + f"revision: {word}\n") == {}


@pytest.mark.parametrize(("text", "value"), [("0755", 0o755), ("0x1FF", 0o777), ("12", 12)])
def test_numbers_of_yaml(folder: Path, text: str, value: int) -> None:
    (folder / "a.yml").write_text(YAML + f"serve: {{public: {{socket: {{mode: {text}}}}}}}\n")
    assert read(folder / "a.yml", env={}).document["serve"]["public"]["socket"]["mode"] == value


def test_a_mapping_is_copied_and_checked_like_a_file(folder: Path) -> None:
    document: dict[Any, Any] = json.loads(JSON.replace("file://", f"file://{folder}/"))
    configuration = read(document, env={})
    document["selfservice"]["flows"]["login"]["lifespan"] = "1m"
    assert configuration.document["selfservice"]["flows"]["login"]["lifespan"] == "5m"
    document[1] = object()
    found = {fault.path for fault in examine(document, env={}).faults}
    assert found == {"/1"}
