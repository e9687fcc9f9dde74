"""`limen demo --bus nats`: a real server and two consumers, all in processes of their own, which end with the demo."""

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from limen.adapters import open_log
from limen.adapters.demo.child import Child
from limen.adapters.demo.due import Handled, compared
from limen.adapters.demo.nats import nats_program, nats_server
from limen.domain.errors import BusUnusable
from tests.support.bus import until
from tests.support.children import children
from tests.support.cli import ROOT, Ran, clean_env, invoked, spawned

LIMEN = [sys.executable, "-m", "limen.adapters.cli"]


def left(folder: Path) -> list[str]:
    """The processes on this machine that were given something in a folder (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it ended meanwhile
            continue
        if str(folder) in command:
            found.append(command)
    return found


@contextmanager
def begun(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo that has told its second step: server and consumers run."""
    command = [*LIMEN, "demo", "--bus", "nats", "--folder", str(folder)]
    env = clean_env(PYTHONUNBUFFERED="1")
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert any("throwaway" in line for line in demo.stdout)
        yield demo


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """One run for people, on a store that a run for programs follows."""
    folder = tmp_path_factory.mktemp("followed")
    return folder, spawned("demo", "--bus", "nats", "--folder", folder / "demo", cwd=folder)


def rows(folder: Path, name: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "demo" / "bus" / f"{name}.db")
    try:
        return list(connection.execute("SELECT id, rule FROM handled ORDER BY number"))
    finally:
        connection.close()


def test_both_consumers_print_what_they_get_beneath_its_step(played: tuple[Path, Ran]) -> None:
    _, ran = played
    assert ran.code == 0, ran.out + ran.err
    assert ran.out.count("✓") == 14
    steps = re.split(r"^✓ ", ran.out, flags=re.MULTILINE)
    by_code = next(step for step in steps if step.startswith("login by code"))
    lines = [re.sub(r" +", " ", line.strip()) for line in by_code.splitlines()[1:]]
    flow = re.search(r"by code ([0-9a-f]{8}) #(\d+)", "\n".join(lines))
    assert flow is not None
    assert {line for line in lines if line} == {
        f"crm [default] login begins {flow[1]} #1",
        f"crm [default] login completed by code {flow[1]} #{flow[2]}",
        f"risk [override] login completed by code {flow[1]} #{flow[2]}",
    }


def test_it_prints_what_the_tutorial_shows(played: tuple[Path, Ran]) -> None:
    """But for ids and the port, and for where exactly a slow machine was when one was killed."""
    _, ran = played
    page = (ROOT / "docs/tutorials/follow-the-bus.md").read_text()
    (block,) = re.findall(r"^\$ make run .*?\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    differs = r"127.0.0.1:\d+|[0-9a-f]{8}|  attempt 2| in the middle of an event|\d (?=waiting|came)"
    shown, told = (set(re.sub(differs, "", text).splitlines()) for text in (block, ran.out))
    assert shown - {"…"} <= told


def test_one_is_killed_and_gets_the_rest_when_it_is_back(played: tuple[Path, Ran]) -> None:
    _, ran = played
    killed, back = ran.out.index("(SIGKILL)"), ran.out.index("started again")
    assert "login from outside" in ran.out[killed:back], "flows went on meanwhile"
    assert re.search(r"crm has 25 events, each once, .*; [123] came while it was away", ran.out)


def test_the_consumers_files_hold_what_the_log_says(played: tuple[Path, Ran]) -> None:
    folder, _ = played
    with open_log(f"sqlite:///{folder}/demo/limen.db") as log:
        entries = [entry for entry in log.events() if entry.type in ("FlowInitiated", "FlowCompleted")]
    logins = {entry.stream for entry in entries if entry.data.get("kind") == "login"}
    crm, risk = rows(folder, "crm"), rows(folder, "risk")
    assert sorted(crm) == sorted((f"{entry.stream}:{entry.version}", "default") for entry in entries)
    signed_in = [entry for entry in entries if entry.type == "FlowCompleted" and entry.stream in logins]
    assert [entry.data["method"] for entry in signed_in] == ["password", "code", "oidc", "totp"]
    rules = zip(signed_in, ("default", "override", "default", "default"), strict=True)
    assert risk == [(f"{entry.stream}:{entry.version}", rule) for entry, rule in rules]


def test_nothing_is_left_but_its_files(played: tuple[Path, Ran]) -> None:
    folder, _ = played
    assert left(folder) == []
    assert {path.name for path in (folder / "demo" / "bus").iterdir()} == {"crm.db", "risk.db"}


def test_json_counts_the_consumers_of_this_run_alone(played: tuple[Path, Ran]) -> None:
    folder, _ = played
    told = spawned("demo", "--bus", "nats", "--json", "--folder", "demo", cwd=folder).json
    assert told["ok"] is True
    assert told["bus"]["kind"] == "nats"
    crm, risk = (told["bus"]["consumers"][name] for name in ("crm", "risk"))
    assert (crm["events"], crm["default"], crm["override"], crm["kills"]) == (25, 25, 0, 1)
    assert 1 <= crm["missed"] <= 3
    assert (risk["events"], risk["default"], risk["override"], risk["kills"]) == (4, 3, 1, 0)
    assert len(rows(folder, "crm")) == 2 * 25


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_server_and_consumers_end_with_a_demo_that_is_ended(how: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with begun(folder) as demo:
        assert any("nats-server" in command for command in left(folder))
        assert any("risk.db" in command for command in left(folder))
        demo.send_signal(how)
        _, complaints = demo.communicate(timeout=60)
        assert demo.returncode == (130 if how is signal.SIGINT else -how)
    assert how is signal.SIGKILL or not complaints, complaints
    await until(lambda: not left(folder), lambda: "\n".join(left(folder)), 30)
    assert {path.name for path in (folder / "bus").iterdir()} >= {"crm.db", "risk.db"}
    await until(lambda: not list((folder / "bus").glob("nats-*")), lambda: "the server's data stay", 10)


def test_another_bus_is_wrong_use_that_says_which_there_are(tmp_path: Path) -> None:
    ran = invoked("demo", "--bus", "amqp://ada:hush@127.0.0.1/", "--folder", tmp_path / "demo")
    assert ran.code == 2
    assert "it has nats" in ran.err
    assert "hush" not in ran.err, "a URL may hold a password"
    assert not (tmp_path / "demo").exists()


def test_without_the_wheel_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limen.adapters.demo.nats.files", lambda name: None)
    with pytest.raises(BusUnusable, match=r"pip install 'limen\[demo\]'"):
        nats_program()
    ran = invoked("demo", "--bus", "nats", "--folder", tmp_path / "demo")
    assert ran.code == 1
    assert "pip install 'limen[demo]'" in ran.err


async def test_a_server_that_does_not_begin_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nats-server"
    program.write_text('#!/bin/sh\nfor last; do :; done\necho "no room for it" > "$last"\n')
    program.chmod(0o755)
    monkeypatch.setattr("limen.adapters.demo.nats.nats_program", lambda: program)
    with pytest.raises(BusUnusable, match="does not begin: no room for it"):
        async with nats_server(tmp_path / "bus"):
            pass
    assert list((tmp_path / "bus").iterdir()) == []


async def test_a_child_ends_when_it_is_asked_to_and_when_it_is_killed() -> None:
    before = children()
    for end in (Child.end, Child.kill):
        child = await Child.start("/bin/sh", "-c", "echo begun; exec sleep 600")
        lines = child.lines()
        assert await anext(lines) == "begun"
        await end(child)
        assert [line async for line in lines] == []
        await end(child)
    assert not children() - before


def test_what_is_lost_twice_early_or_elsewhere_is_named() -> None:
    one, two, three = (Handled(f"a:{number}", "a", number, "default") for number in (1, 2, 3))
    assert all(check.held for check in compared("crm", [one, two], [one, two]))
    once, order, rule = compared("crm", [one, two], [two, one, one])
    assert (once.held, once.detail) == (False, "twice: a:1")
    assert (order.held, order.detail) == (False, "a:1, a:1")
    assert rule.held
    once, order, rule = compared("crm", [one, two], [Handled("a:1", "a", 1, "override"), three])
    assert (once.held, once.detail) == (False, "lost: a:2; not its own: a:3")
    assert order.held
    assert (rule.held, rule.detail) == (False, "a:1")
