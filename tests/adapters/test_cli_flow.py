"""`limen flow`: the list, one flow in full and as it stood, and the diagrams."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from limen.domain.machine import TABLES
from tests.adapters.conftest import Demo
from tests.support.cli import Ran, invoked, keys, on_terminal, spawned

ROW = frozenset({"id", "flow", "state", "method", "started", "identity"})
ACTION = {"hook", "id", "phase", "method", "verdict", "status", "duration_ms"}
EVENT = {"position", "stream", "kind", "version", "type", "time", "data"}
Limen = Callable[..., Ran]


def test_list_gives_every_flow_the_newest_first(demo: Demo) -> None:
    ran = spawned("flow", "list", "--json", cwd=demo.folder, **demo.env)
    assert (ran.code, ran.err) == (0, "")
    rows: list[dict[str, Any]] = ran.json
    assert keys(rows) == {ROW}
    assert [row["started"] for row in rows] == sorted((row["started"] for row in rows), reverse=True)
    assert {one["id"] for one in demo.told["flows"]} <= {row["id"] for row in rows}
    registered = next(row for row in rows if row["id"] == demo.flow("registration"))
    assert (registered["flow"], registered["state"], registered["method"]) == ("registration", "completed", "password")
    assert registered["identity"] == demo.told["identity"]


def test_list_chooses_by_kind_state_and_identity(limen: Limen, demo: Demo) -> None:
    rejected = limen("flow", "list", "--flow", "login", "--state", "rejected", "--json").json
    assert [row["id"] for row in rejected] == [demo.flow("login", 0)]
    own = limen("flow", "list", "--identity", demo.told["identity"], "--json").json
    assert {row["identity"] for row in own} == {demo.told["identity"]}
    assert limen("flow", "list", "--identity", demo.told["identity"][:8], "--json").json == own
    assert len(limen("flow", "list", "--limit", "2", "--json").json) == 2
    for asked in (("--state", "rejectd"), ("--identity", "0123456789ab")):
        assert (limen("flow", "list", *asked).code, limen("flow", "list", *asked).out) == (2, "")


def test_list_for_people_is_aligned_and_says_when_there_is_more(limen: Limen) -> None:
    ran = limen("flow", "list", "--limit", "3")
    header, *rows = ran.out.splitlines()
    assert len(rows) == 3
    assert all(row[header.index("flow") - 1] == " " != row[header.index("flow")] for row in rows)
    assert max(map(len, rows)) <= 100
    assert "the newest 3 flows" in ran.err
    assert "no flows" in limen("flow", "list", "--state", "failed").err


def test_show_gives_events_and_actions(demo: Demo) -> None:
    id_ = demo.flow("registration")
    ran = spawned("flow", "show", id_, "--json", cwd=demo.folder, **demo.env)
    assert ran.code == 0
    told = ran.json
    assert (told["id"], told["flow"], told["state"]) == (id_, "registration", "completed")
    assert told["configuration"] == told["events"][0]["data"]["configuration"]
    assert all(set(event) == EVENT for event in told["events"])
    assert [event["version"] for event in told["events"]] == list(range(1, len(told["events"]) + 1))
    assert all(set(action) >= ACTION for action in told["actions"])
    assert [(one["id"], one["phase"], one["verdict"], one["status"]) for one in told["actions"]] == [
        ("invite_only", "before", "continue", 204),
        ("lasting_address", "after", "interrupt", 403),
        ("lasting_address", "after", "continue", 204),
        ("customer_number", "after", "modify", 200),
        ("registration.after.password.3", "after", "continue", None),
        ("signup_analytics", "after", "continue", 200),
    ]
    assert told["actions"][-1]["delivery"] in told["deliveries"]
    assert all(one["duration_ms"] >= 0 for one in told["actions"])


def test_time_runs_forward_in_every_flow(limen: Limen, demo: Demo) -> None:
    for one in demo.told["flows"]:
        times = [event["time"] for event in limen("flow", "show", one["id"], "--json").json["events"]]
        assert times == sorted(times)


def test_show_at_a_version_is_the_flow_as_it_stood(limen: Limen, demo: Demo) -> None:
    id_ = demo.flow("registration")
    whole = limen("flow", "show", id_, "--json").json
    for version, state in ((1, "preparing"), (len(whole["events"]), "completed")):
        told = limen("flow", "show", id_, "--at", str(version), "--json").json
        assert (told["version"], told["state"]) == (version, state)
        assert told["events"] == whole["events"][:version]
    refused = next(event for event in whole["events"] if event["type"] == "FlowInterrupted")
    told = limen("flow", "show", id_, "--at", refused["version"], "--json").json
    assert (told["state"], told["identity"]) == ("choose_method", None)
    assert [one["verdict"] for one in told["actions"]] == ["continue", "interrupt"]


def test_show_at_a_time_is_the_same(limen: Limen, demo: Demo) -> None:
    id_ = demo.flow("registration")
    whole = limen("flow", "show", id_, "--json").json
    refused = next(event for event in whole["events"] if event["type"] == "FlowInterrupted")
    told = limen("flow", "show", id_, "--at", refused["time"], "--json").json
    assert told["state"] == "choose_method"
    assert told["events"] == whole["events"][: refused["version"]]
    assert told["actions"] == [one for one in whole["actions"] if one["time"] <= refused["time"]]
    before = limen("flow", "show", id_, "--at", "2020-01-01", "--json")
    assert (before.code, before.out) == (1, "")


def test_show_takes_the_beginning_of_an_id(limen: Limen, demo: Demo) -> None:
    id_ = demo.flow("recovery")
    assert limen("flow", "show", id_[:8], "--json").json["id"] == id_
    assert limen("flow", "show", id_[:3]).code == 2
    assert limen("flow", "show", "0123456789ab").code == 2


def test_a_flow_that_does_not_exist_is_a_negative_answer_that_says_what_to_do(limen: Limen) -> None:
    ran = limen("flow", "show", "00000000-0000-4000-8000-000000000000")
    assert (ran.code, ran.out) == (1, "")
    assert "limen flow list" in ran.err


def test_personal_data_stands_sealed_unless_it_is_opened_with_the_key(limen: Limen, demo: Demo) -> None:
    id_ = demo.flow("registration", 0)
    sealed = limen("flow", "show", id_, "--json").json["events"]
    assert sealed[0]["data"]["request"] == {"sealed": True}
    assert sealed[-1]["data"]["form"] == {"sealed": True}
    opened = limen("flow", "show", id_, "--open", "--json").json["events"]
    assert opened[0]["data"]["request"]["client_ip"] == "10.20.30.40"
    assert [one["text"] for one in opened[-1]["data"]["form"]["messages"]] == ["Registration is by invitation."]
    assert "Registration is by invitation." in limen("flow", "show", id_, "--open").out
    store = ("--store", demo.told["store"])
    assert invoked("flow", "show", id_, "--open", *store).code == 2, "without a configuration there is no key"


def test_the_key_of_another_store_opens_nothing(demo: Demo, tmp_path: Any) -> None:
    for name in ("identity.yml", "customer.schema.json"):
        shutil.copy(demo.folder / "demo" / name, tmp_path / name)
    shutil.copytree(demo.folder / "demo" / "hooks", tmp_path / "hooks")
    config = tmp_path / "identity.yml"
    config.write_text(config.read_text().replace("an-example-of-32-characters-long", "x" * 32))
    ran = invoked("flow", "show", demo.flow("login"), "--open", env={**demo.env, "LIMEN_CONFIG": str(config)})
    assert (ran.code, ran.out) == (1, "")
    assert "none of the configured secrets" in ran.err


def test_the_timeline_shows_every_attempt_with_its_verdict_and_how_long_it_took(limen: Limen, demo: Demo) -> None:
    lines = limen("flow", "show", demo.flow("registration")).out.splitlines()
    assert lines[0].split() == ["registration", "completed", demo.flow("registration")]
    attempts = [line for line in lines if "→" in line or "⇢" in line]
    units = ("ms", "s")
    assert [next(part for part in line.split() if part.isidentifier() and part not in units) for line in attempts] == [
        "invite_only",
        "lasting_address",
        "lasting_address",
        "customer_number",
        "session",
        "signup_analytics",
    ]
    timed = [line for line in attempts if "━" in line or "╸" in line]
    assert len({min(line.find(bar) for bar in "━╸" if bar in line) for line in timed}) == 1, "bars are aligned"
    assert "list of password · lasting_address, customer_number, signup_analytics, session" in "\n".join(lines)


def test_a_narrow_terminal_cuts_no_plan_and_no_bar(demo: Demo) -> None:
    lines = on_terminal("flow", "show", demo.flow("registration"), columns=80, cwd=demo.folder, **demo.env)
    shown = " ".join(" ".join(lines).split())
    assert "list of password · lasting_address, customer_number, signup_analytics, session" in shown
    assert max(map(len, lines)) <= 80
    assert not set("━╸…") & set(shown)


def test_a_narrow_terminal_shows_how_an_id_begins_and_that_is_taken(limen: Limen, demo: Demo) -> None:
    *_, line = on_terminal(
        "flow", "list", "--state", "rejected", "--flow", "login", columns=60, cwd=demo.folder, **demo.env
    )
    id_ = line.split()[0]
    assert id_.endswith("…")
    assert limen("flow", "show", id_, "--json").json["id"] == demo.flow("login", 0)


def test_every_attempt_says_which_list_chose_it_and_what_was_sent_and_answered(limen: Limen, demo: Demo) -> None:
    id_ = demo.flow("registration")
    told = limen("flow", "show", id_, "--json").json
    asked = [one for one in told["actions"] if one["hook"] == "web_hook"]
    assert {one["configuration"] for one in asked} == {told["configuration"]}
    assert [(one["rule"], one["source"]) for one in asked if one["id"] in ("invite_only", "signup_analytics")] == [
        ("default", "/selfservice/flows/registration/before/hooks/0"),
        ("method", "/selfservice/flows/registration/after/password/hooks/2"),
    ]
    assert all(len(one["request_digest"]) == len(one["response_digest"]) == 64 for one in asked)
    shown = limen("flow", "show", id_, "--digests").out
    assert all(one["request_digest"] in shown and one["response_digest"] in shown for one in asked)
    assert asked[0]["request_digest"] not in limen("flow", "show", id_).out


def test_the_path_of_a_flow_is_drawn_by_the_suffix_of_the_file(limen: Limen, demo: Demo, tmp_path: Path) -> None:
    id_ = demo.flow("registration")
    mermaid = limen("flow", "show", id_, "--diagram", "-")
    assert mermaid.out.startswith("stateDiagram-v2\n")
    assert "    finishing --> completed: (7) complete" in mermaid.out.splitlines()
    assert limen("flow", "show", id_, "--diagram", str(tmp_path / "path.mmd")).out == ""
    assert (tmp_path / "path.mmd").read_text() == mermaid.out
    assert limen("flow", "show", id_, "--diagram", str(tmp_path / "path.svg")).code == 0
    drawn = (tmp_path / "path.svg").read_text()
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert "registration: completed" in drawn
    earlier = limen("flow", "show", id_, "--at", "1", "--diagram", "-").out
    assert "class preparing last" in earlier
    assert "(1)" not in earlier
    assert limen("flow", "show", id_, "--diagram", str(tmp_path / "path.png")).code == 2


@pytest.mark.parametrize("kind", TABLES)
def test_diagrams_are_drawn_from_the_tables(kind: str) -> None:
    ran = invoked("flow", "diagram", kind)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert f"    [*] --> {TABLES[kind].initial}: {TABLES[kind].creation}" in lines
    for source, trigger, dest, _ in TABLES[kind].edges():
        if source == dest:
            note = lines.index(f"    note right of {source}")
            assert trigger in lines[note + 1].strip().split(", ")
        else:
            line = next(one for one in lines if one.startswith(f"    {source} --> {dest}: "))
            assert trigger in line.partition(": ")[2].split(", ")


@pytest.mark.parametrize("kind", TABLES)
def test_a_machine_as_svg(kind: str) -> None:
    drawn = ET.fromstring(invoked("flow", "diagram", kind, "--format", "svg").out)
    assert set(TABLES[kind].states) <= {str(one.text) for one in drawn.iter() if one.tag.endswith("text")}


def test_a_diagram_for_graphviz(tmp_path: Any) -> None:
    ran = spawned("flow", "diagram", "login", "--format", "dot", cwd=tmp_path)
    assert ran.code == 0
    assert ran.out.startswith("digraph login {")
    for source, _, dest, _ in TABLES["login"].edges():
        assert source == dest or f"    {source} -> {dest} [label=" in ran.out
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=ran.out, text=True, capture_output=True, check=True)
