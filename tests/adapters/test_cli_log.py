"""`limen log`: every event, one a line, in order; chosen, followed, sealed."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from limen.adapters.store import open_store
from limen.domain.ports import Step
from tests.adapters.conftest import Demo
from tests.contracts.views import begun
from tests.support.cli import Ran, clean_env, spawned

ENTRY = ["position", "stream", "kind", "version", "type", "time", "data"]
Limen = Callable[..., Ran]


def test_one_json_event_a_line_in_order(demo: Demo) -> None:
    ran = spawned("log", "--json", cwd=demo.folder, **demo.env)
    assert (ran.code, ran.err) == (0, "")
    entries = ran.lines
    assert all(list(entry) == ENTRY for entry in entries)
    assert [entry["position"] for entry in entries] == list(range(1, len(entries) + 1))
    assert all(UUID(entry["stream"]) and entry["time"].endswith("Z") for entry in entries)
    assert entries[0]["type"] == "ConfigurationPublished"
    kinds = {"configuration", "flow", "identity", "session", "delivery", "reservation"}
    assert {entry["kind"] for entry in entries} == kinds


def test_no_secret_and_no_personal_data_is_in_it(limen: Limen) -> None:
    text = limen("log", "--json").out
    for secret in ("ada.", "throwaway.example", "10.20.30.40", "Lovelace", "correct horse", "an-example-of"):
        assert secret not in text
    assert '{"sealed":true}' in text


def test_after_a_position_by_type_and_of_a_flow(limen: Limen, demo: Demo) -> None:
    entries = limen("log", "--json").lines
    assert limen("log", "--after", "10", "--json").lines == entries[10:]
    two = limen("log", "--type", "FlowRejected", "--type", "FlowCompleted", "--json").lines
    assert two == [entry for entry in entries if entry["type"] in ("FlowRejected", "FlowCompleted")]
    assert limen("log", "--type", "FlowRejected", "--json").lines == [
        one for one in two if one["type"] == "FlowRejected"
    ]
    id_ = demo.flow("registration")
    of_flow = limen("log", "--flow", id_, "--json").lines
    own = [entry for entry in of_flow if entry["stream"] == id_]
    assert own == [entry for entry in entries if entry["stream"] == id_]
    others = {entry["kind"] for entry in of_flow if entry["stream"] != id_}
    assert others == {"identity", "session", "delivery"}, "what names the flow belongs to its story"
    assert limen("log", "--flow", id_[:8], "--json").lines == of_flow


def test_a_type_that_does_not_exist_is_wrong_use_and_the_likely_ones_are_named(limen: Limen) -> None:
    ran = limen("log", "--type", "FlowComplete")
    assert (ran.code, ran.out) == (2, "")
    assert "FlowCompleted" in ran.err


def test_opened_with_the_key_it_shows_personal_data(limen: Limen) -> None:
    (entry,) = limen("log", "--type", "IdentityRegistered", "--open", "--json").lines
    assert entry["data"]["profile"]["traits"]["email"].endswith("@example.org")


def test_for_people_the_columns_are_aligned(limen: Limen) -> None:
    lines = limen("log").out.splitlines()
    row = re.compile(r" +\d+  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  [a-z]+ +[0-9a-f]{8} +\d+  [A-Z][A-Za-z]+")
    assert all(row.match(line) for line in lines)
    assert any(line.rstrip().endswith("lasting_address · form sealed") for line in lines)


def test_following_prints_what_is_there_and_then_each_new_event(demo: Demo, tmp_path: Path) -> None:
    shutil.copy(demo.folder / "demo" / "limen.db", tmp_path / "limen.db")
    command = [sys.executable, "-m", "limen.adapters.cli", "log", "--follow", "--json", "--type", "FlowOpened"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        known = len(spawned("log", "--json", "--type", "FlowOpened", cwd=tmp_path).lines)
        assert all(json.loads(process.stdout.readline())["type"] == "FlowOpened" for _ in range(known))
        flow = begun(0)
        store = open_store(f"sqlite:///{tmp_path / 'limen.db'}")
        asyncio.run(store.append(Step(events=list(flow.collect_events()))))
        store.close()
        assert json.loads(process.stdout.readline())["stream"] == str(flow.id)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (130, "", "")
    finally:
        process.kill()
        process.wait()
