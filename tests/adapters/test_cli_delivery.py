"""`limen delivery`: what was sent after the commit, and every attempt."""

from collections.abc import Callable

from tests.adapters.conftest import Demo
from tests.support.cli import Ran, keys, spawned

Limen = Callable[..., Ran]
SHOWN = {"id", "action", "flow", "state", "attempts", "next"}


def test_list_gives_every_delivery_the_newest_first(demo: Demo) -> None:
    ran = spawned("delivery", "list", "--json", cwd=demo.folder, **demo.env)
    assert (ran.code, ran.err) == (0, "")
    (found,) = keys(ran.json)
    assert found == SHOWN | {"channel", "scheduled"}
    hooks = [one["action"] for one in ran.json if one["channel"] == "web_hook"]
    changed = ["profile_changed", "settings_changed", "settings_changed"]
    assert hooks == ["recovered", *changed, "verified", "signup_analytics"]
    assert all((one["state"], one["attempts"], one["next"]) == ("delivered", 1, None) for one in ran.json)


def test_list_chooses_by_state_and_action(limen: Limen, demo: Demo) -> None:
    (one,) = limen("delivery", "list", "--action", "signup_analytics", "--json").json
    assert one["flow"] == demo.flow("registration")
    assert limen("delivery", "list", "--state", "dead", "--json").json == []
    assert "no deliveries" in limen("delivery", "list", "--state", "dead").err


def test_list_for_people_fits_a_terminal(limen: Limen) -> None:
    header, *rows = limen("delivery", "list").out.splitlines()
    assert header.split() == ["id", "action", "flow", "state", "tries", "scheduled", "next"]
    assert max(map(len, rows)) <= 100
    assert len(rows) == len(limen("delivery", "list", "--json").json)


def test_show_gives_one_with_its_events(limen: Limen, demo: Demo) -> None:
    (listed,) = limen("delivery", "list", "--action", "signup_analytics", "--json").json
    ran = spawned("delivery", "show", listed["id"], "--json", cwd=demo.folder, **demo.env)
    assert ran.code == 0
    told = ran.json
    assert {name: told[name] for name in listed} == listed
    assert [event["type"] for event in told["events"]] == ["DeliveryScheduled", "DeliveryStarted", "DeliveryDelivered"]
    assert limen("delivery", "show", listed["id"][:8], "--json").json == told
    people = limen("delivery", "show", listed["id"]).out
    assert "signup_analytics · web_hook · flow " in people
    assert "delivered" in people


def test_a_delivery_that_does_not_exist_is_a_negative_answer(limen: Limen) -> None:
    ran = limen("delivery", "show", "00000000-0000-4000-8000-000000000000")
    assert (ran.code, ran.out) == (1, "")
    assert "limen delivery list" in ran.err
