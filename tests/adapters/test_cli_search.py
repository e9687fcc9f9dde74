"""`limen audit search`: flows by who, where, what and when; and what it takes to ask."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adapters.conftest import Demo
from tests.support.cli import Ran, invoked, spawned

Limen = Callable[..., Ran]
SEARCH = ("audit", "search", "--json")


def ids(ran: Ran) -> list[str]:
    assert ran.code == 0, ran.err
    return [one["id"] for one in ran.json]


def test_it_lists_what_the_list_of_flows_lists_and_what_matched(demo: Demo, limen: Limen) -> None:
    ran = spawned(*SEARCH, "--action", "trusted_range", "--outcome", "interrupt", cwd=demo.folder, **demo.env)
    assert (ran.code, ran.err) == (0, "")
    (one,) = ran.json
    listed = next(row for row in limen("flow", "list", "--json").json if row["id"] == one["id"])
    assert listed.items() <= one.items()
    assert (one["refused"], one["interrupted"]) == (False, True)
    assert one["matched"] == {"actions": [{"action": "trusted_range", "outcome": "interrupt", "times": 1}]}


def test_each_option_agrees_with_the_timelines(limen: Limen, demo: Demo) -> None:
    told = [limen("flow", "show", one["id"], "--json").json for one in limen("flow", "list", "--json").json]
    actions = {
        (action["id"], action["verdict"]) for flow in told for action in flow["actions"] if not action.get("delivery")
    }
    assert actions
    for action, verdict in actions:
        expected = [
            flow["id"]
            for flow in told
            if any((one["id"], one["verdict"]) == (action, verdict) for one in flow["actions"])
        ]
        assert set(ids(limen(*SEARCH, "--action", action, "--outcome", verdict))) <= set(expected)
        assert set(ids(limen(*SEARCH, "--action", action))) >= set(expected)
    for event, outcome in (("MethodRefused", "refused"), ("FlowRejected", "rejected"), ("FlowCompleted", "completed")):
        expected = [flow["id"] for flow in told if any(one["type"] == event for one in flow["events"])]
        assert ids(limen(*SEARCH, "--outcome", outcome)) == expected
    assert ids(limen(*SEARCH, "--identity", demo.told["identity"], "--flow", "recovery")) == [demo.flow("recovery")]


def test_an_identity_is_named_by_how_its_id_begins(limen: Limen, demo: Demo) -> None:
    assert ids(limen(*SEARCH, "--identity", demo.told["identity"][:8])) == ids(
        limen(*SEARCH, "--identity", demo.told["identity"])
    )


def test_an_address_and_an_identifier_are_found_by_hashes(limen: Limen, demo: Demo) -> None:
    cafe = ids(limen(*SEARCH, "--ip", "198.51.100.9"))
    assert cafe
    assert set(cafe) < set(ids(limen(*SEARCH)))
    assert ids(limen(*SEARCH, "--ip", "198.51.100.0/24")) == cafe
    assert ids(limen(*SEARCH, "--ip", "192.0.2.1")) == []
    (registered,) = (one for one in limen("log", "--open", "--json").lines if one["type"] == "IdentityRegistered")
    email = registered["data"]["profile"]["traits"]["email"]
    by_identifier = limen(*SEARCH, "--identifier", email.upper())
    assert ids(by_identifier) == ids(limen(*SEARCH, "--identity", demo.told["identity"]))
    (holder,) = by_identifier.json[0]["matched"]["holders"]
    assert (holder["identity"], holder["until"], holder["erased"]) == (demo.told["identity"], None, False)
    people = limen("audit", "search", "--identifier", email)
    assert f"held by {demo.told['identity']} since" in people.err
    assert email not in people.out + people.err


def test_nobody_ever_held_it(limen: Limen) -> None:
    ran = limen("audit", "search", "--identifier", "nobody@example.org")
    assert (ran.code, ran.out) == (0, "")
    assert "nobody ever held that identifier" in ran.err


def test_people_see_what_matched_and_how_much_there_is(limen: Limen) -> None:
    header, line = limen("audit", "search", "--action", "trusted_range", "--outcome", "interrupt").out.splitlines()
    assert header.split() == ["id", "flow", "state", "method", "started", "identity", "matched"]
    assert line.endswith("trusted_range interrupt · interrupted")
    assert "the newest 2 flows; --limit shows more" in limen("audit", "search", "--limit", "2").err
    assert len(limen(*SEARCH, "--limit", "2").json) == 2
    assert "no flows" in limen("audit", "search", "--since", "2999-01-01").err


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--outcome", "delivered"), "a flow's outcome is one of"),
        (("--action", "risk", "--outcome", "completed"), "an action's outcome is one of"),
        (("--ip", "10.0.0.0/8"), "/24"),
        (("--ip", "somewhere"), "neither an IP address nor a prefix"),
        (("--identity", "ada"), "is no id, nor the beginning of one"),
        (("--since", "yesterday"), "no time"),
        (("--until", "9999-12-31T23:59-14:00"), "no time"),
        (("--limit", str(2**64)), "less than or equal"),
        (("--flow", "logout"), "login"),
    ],
)
def test_what_cannot_be_asked_is_wrong_use(limen: Limen, asked: tuple[str, str], said: str) -> None:
    ran = limen("audit", "search", *asked)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.replace("│", " ").split())


def test_only_hashes_need_the_configuration(demo: Demo) -> None:
    store = {"LIMEN_STORE": demo.told["store"]}
    assert invoked(*SEARCH, "--outcome", "completed", env=store).code == 0
    for asked in (("--ip", "10.20.30.1"), ("--identifier", "ada@example.org")):
        ran = invoked(*SEARCH, *asked, env=store)
        assert (ran.code, "--config" in ran.err) == (2, True)


def test_a_store_that_never_hashed_anything_is_searched_and_gets_no_key(demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "limen.db"
    with sqlite3.connect(demo.folder / "demo" / "limen.db") as source, sqlite3.connect(path) as copy:
        source.backup(copy)
        copy.execute("DELETE FROM vault")
        copy.commit()
    env = {**demo.env, "LIMEN_STORE": f"sqlite:///{path}"}
    for asked in (("--ip", "10.20.30.1"), ("--identifier", "ada@example.org")):
        assert invoked(*SEARCH, *asked, env=env).json == []
    with sqlite3.connect(path) as copy:
        assert copy.execute("SELECT count(*) FROM vault").fetchone() == (0,)
