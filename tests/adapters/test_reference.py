"""The generated reference is what the code says, and drift is found."""

import json
from pathlib import Path

import jsonschema_rs
import typer

from limen.adapters.cli.app import app
from limen.adapters.reference import Drift, build, compare, pages
from limen.adapters.store.mapper import EventMapper
from limen.domain.events import EVENT_TYPES
from limen.domain.machine import TABLES
from limen.domain.placement import PLACEMENT
from tests.support.cli import ROOT, invoked, spawned

COMMANDS = typer.main.get_command(app)
REFERENCE = ROOT / "docs" / "reference"


def test_what_is_committed_is_what_the_code_says() -> None:
    assert compare(REFERENCE, COMMANDS) == []
    assert spawned("docs", "--check", cwd=ROOT).code == 0


def test_every_event_machine_action_and_command_is_in_it() -> None:
    texts = pages(COMMANDS)
    own = [name for name, event in EVENT_TYPES.items() if event.__module__.startswith("limen.domain.")]
    for name in own:
        assert f"[`{name}`](events/{name}.json)" in texts["events.md"]
        schema = json.loads(texts[f"events/{name}.json"])
        assert set(schema["properties"]) == set(EVENT_TYPES[name].model_fields)
        assert schema["x-stream"] == EVENT_TYPES[name].stream
    assert len([name for name in texts if name.startswith("events/")]) == len(own)
    for name in TABLES:
        assert f"## {name.capitalize()}" in texts["states.md"]
    for hook in PLACEMENT:
        assert f"`{hook}`" in texts["actions.md"]
    for command in ("demo", "log", "flow list", "flow show", "flow diagram", "config validate", "audit erase"):
        assert f"## limen {command}\n" in texts["commands.md"]
    assert "limen docs" not in texts["commands.md"]


def test_the_schema_of_every_event_accepts_what_is_stored() -> None:
    texts, mapper = pages(COMMANDS), EventMapper()
    stored = json.loads((ROOT / "tests" / "domain" / "stored_events.json").read_text())
    for name, records in stored.items():
        validator = jsonschema_rs.validator_for(json.loads(texts[f"events/{name}.json"]))
        for record in records:
            event = mapper.event(record["stream"], record["version"], name, record["state"].encode())
            validator.validate(event.model_dump(mode="json"))


def test_building_writes_only_what_differs_and_removes_what_is_left_over(tmp_path: Path) -> None:
    count = build(tmp_path, COMMANDS)
    assert count == len(pages(COMMANDS))
    assert build(tmp_path, COMMANDS) == 0
    (tmp_path / "events.md").write_text("changed by hand")
    (tmp_path / "states.md").unlink()
    gone = tmp_path / "events" / "NoSuchEvent.json"
    gone.write_text("{}")
    (tmp_path / "own-page.md").write_text("written by a person")
    assert set(compare(tmp_path, COMMANDS)) == {
        Drift(tmp_path / "events.md", "different"),
        Drift(tmp_path / "states.md", "missing"),
        Drift(gone, "left over"),
    }
    ran = invoked("docs", "--check", "--folder", tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert "states.md: missing" in ran.err
    assert build(tmp_path, COMMANDS) == 3
    assert compare(tmp_path, COMMANDS) == []
    assert (tmp_path / "own-page.md").exists()
