"""`limen projection`: how far the views are, and building them anew."""

import shutil
from pathlib import Path

import pytest

from limen.projections import VIEWS
from tests.adapters.conftest import Demo
from tests.support.cli import invoked, keys, spawned


@pytest.fixture
def env(demo: Demo, tmp_path: Path) -> dict[str, str]:
    """A copy of the demo's store, to change."""
    shutil.copy(demo.folder / "demo" / "limen.db", tmp_path / "limen.db")
    return {"LIMEN_STORE": f"sqlite:///{tmp_path / 'limen.db'}"}


def test_status_says_how_far_each_view_is_behind(env: dict[str, str], tmp_path: Path) -> None:
    head = len(invoked("log", "--json", env=env).lines)
    ran = spawned("projection", "status", "--json", cwd=tmp_path, **env)
    assert ran.code == 0
    assert keys(ran.json) == {frozenset({"name", "position", "head", "lag", "rows"})}
    assert [one["name"] for one in ran.json] == list(VIEWS)
    assert all(one["head"] == head and one["lag"] == head - one["position"] for one in ran.json)
    flows = len(invoked("flow", "list", "--json", env=env).json)
    first = invoked("projection", "status", "--json", env=env).json[0]
    assert first == {"name": "flows", "position": head, "head": head, "lag": 0, "rows": flows}
    assert invoked("projection", "status", env=env).out.splitlines()[1].split() == [
        "flows",
        str(flows),
        str(head),
        str(head),
        "0",
    ]


def test_rebuilding_gives_the_same_rows(env: dict[str, str], tmp_path: Path) -> None:
    lists = [("flow", "list", "--json"), ("delivery", "list", "--json")]
    before = [invoked(*one, env=env).json for one in lists]
    ran = spawned("projection", "rebuild", cwd=tmp_path, **env)
    assert ran.code == 0
    assert ran.out.count("✓") == len(VIEWS)
    assert [invoked(*one, env=env).json for one in lists] == before


def test_one_view_can_be_rebuilt_by_name(env: dict[str, str]) -> None:
    head = len(invoked("log", "--json", env=env).lines)
    assert invoked("projection", "rebuild", "flows", "--json", env=env).json == [{"name": "flows", "position": head}]
