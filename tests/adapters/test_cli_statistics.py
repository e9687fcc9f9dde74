"""`limen actions stats`: every attempt of the demo counts, for people and for programs."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from limen.adapters.cli.statistics import spread
from limen.projections.histogram import ERROR
from tests.adapters.conftest import Demo
from tests.support.cli import Ran, invoked, spawned

Limen = Callable[..., Ran]


def test_statistics_agree_with_the_timelines(limen: Limen, demo: Demo) -> None:
    ran = spawned("actions", "stats", "--json", cwd=demo.folder, **demo.env)
    assert (ran.code, ran.err) == (0, "")
    listed = [one["id"] for one in limen("flow", "list", "--json").json]
    told = [one for id_ in listed for one in limen("flow", "show", id_, "--json").json["actions"]]
    verdicts = Counter((one["id"], one["verdict"]) for one in told if one["verdict"])
    counted = {
        (row["action"], verdict): row[verdict] for row in ran.json for verdict in ("continue", "modify", "interrupt")
    }
    assert {key: count for key, count in counted.items() if count} == dict(verdicts)
    assert sum(row["attempts"] for row in ran.json) == len(told)
    modified = next(row for row in ran.json if row["action"] == "customer_number")
    (took,) = [one["duration_ms"] for one in told if one["id"] == "customer_number"]
    assert modified["p50_ms"] == pytest.approx(took, rel=ERROR)


def test_statistics_are_chosen_by_action_and_day(limen: Limen) -> None:
    (row,) = limen("actions", "stats", "--action", "signup_analytics", "--json").json
    assert (row["hook"], row["runs"], row["attempts"], row["delivered"], row["dead"]) == ("web_hook", 1, 1, 1, 0)
    assert limen("actions", "stats", "--since", "2999-01-01", "--json").json == []
    assert "no action ran since 2999-01-01" in limen("actions", "stats", "--since", "2999-01-01").err
    assert limen("actions", "stats", "--since", "yesterday").code == 2
    days = limen("actions", "stats", "--by-day", "--json").json
    assert all(row["since"] == row["until"] for row in days)


def test_days_are_put_together_unless_they_are_asked_for(demo: Demo, tmp_path: Path) -> None:
    store = tmp_path / "limen.db"
    with sqlite3.connect(demo.folder / "demo" / "limen.db") as source, sqlite3.connect(store) as copy:
        source.backup(copy)
    for connection in (source, copy):
        connection.close()
    url = ("--store", f"sqlite:///{store}")
    chosen = ("actions", "stats", "--action", "trusted_range", *url)
    (before,) = invoked(*chosen, "--json").json
    with sqlite3.connect(store) as connection:
        connection.execute(
            "INSERT INTO view_actions_v1 SELECT '2001' || substr(id, 5), '2001' || substr(day, 5), action, hook,"
            ' runs, attempts, "continue", modify, interrupt, cancel, fail, ignored, delivered, dead, p50, p90, p99,'
            " latency FROM view_actions_v1"
        )
    connection.close()
    (both,) = invoked(*chosen, "--json").json
    assert both["runs"] == 2 * before["runs"]
    assert (both["since"][:4], both["until"]) == ("2001", before["until"])
    assert (both["p50_ms"], both["p99_ms"]) == (before["p50_ms"], before["p99_ms"])
    assert [row["since"] for row in invoked(*chosen, "--by-day", "--json").json] == [both["until"], both["since"]]
    lines = invoked(*chosen, "--by-day").out.splitlines()
    assert [line.split()[0] for line in lines] == ["day", both["until"], both["since"]]


def test_the_table_says_what_came_of_it_and_draws_how_long_it_took(limen: Limen) -> None:
    header, *lines = limen("actions", "stats").out.splitlines()
    assert header.split() == ["action", "runs", "tries", "came", "to", "p50", "p90", "p99"]
    (line,) = [line for line in lines if line.startswith("trusted_range")]
    assert "continue · 1 interrupt" in line
    assert "━" in line


def test_a_bar_is_as_long_as_the_slowest_of_all() -> None:
    assert spread((4.0, 8.0, 16.0), 16.0).plain == "━━━━────╌╌╌╌╌╌╌╌"
    assert spread((16.0, 16.0, 16.0), 16.0).plain == "━" * 16
    assert spread((0.1, 0.1, 0.1), 16.0).plain == "━"
    assert spread((None, None, None), 16.0).plain == ""
