"""`limen audit erase`: a person is taken out of the record, and the record stays whole."""

import shutil
from pathlib import Path

import pytest

from tests.adapters.conftest import Demo
from tests.support.cli import invoked, spawned


@pytest.fixture
def copy(demo: Demo, tmp_path: Path) -> dict[str, str]:
    """The demo's files, to change."""
    shutil.copytree(demo.folder / "demo", tmp_path / "demo")
    store = f"sqlite:///{tmp_path / 'demo' / 'limen.db'}"
    return {"LIMEN_CONFIG": str(tmp_path / "demo" / "identity.yml"), "LIMEN_STORE": store}


def test_what_the_log_says_of_a_person_reads_as_erased(demo: Demo, copy: dict[str, str], tmp_path: Path) -> None:
    before = invoked("log", "--json", env=copy).lines
    ran = spawned("audit", "erase", demo.told["identity"], "--json", cwd=tmp_path, **copy)
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["identity"] == demo.told["identity"]
    assert ran.json["erased"] is True
    assert ran.json["vault_rows"] > 0
    after = invoked("log", "--json", env=copy).lines
    assert [entry["position"] for entry in after[: len(before)]] == [entry["position"] for entry in before]
    added = {entry["type"] for entry in after[len(before) :]}
    assert added == {"SessionRevoked", "IdentifierReleased", "IdentityErased"}, "nothing is published by erasing"
    registered = next(entry for entry in after if entry["type"] == "IdentityRegistered")
    assert registered["data"]["profile"] == {"erased": True}
    (flow,) = invoked("flow", "show", demo.flow("settings"), "--open", "--json", env=copy).json["events"][:1]
    assert flow["data"]["request"] == {"erased": True}
    rejected = invoked("flow", "show", demo.flow("login", 0), "--json", env=copy).json["events"][0]
    assert rejected["data"]["request"] == {"sealed": True}, "nobody knows whose flow that was"


def test_erasing_again_changes_nothing(demo: Demo, copy: dict[str, str]) -> None:
    assert invoked("audit", "erase", demo.told["identity"], env=copy).code == 0
    before = invoked("log", "--json", env=copy).out
    ran = invoked("audit", "erase", demo.told["identity"], env=copy)
    assert ran.code == 0
    assert invoked("log", "--json", env=copy).out == before


def test_an_identity_that_does_not_exist_is_a_negative_answer(copy: dict[str, str]) -> None:
    ran = invoked("audit", "erase", "00000000-0000-4000-8000-000000000000", env=copy)
    assert (ran.code, ran.out) == (1, "")
    assert "there is no identity" in ran.err


def test_no_store_is_made_for_it(copy: dict[str, str], tmp_path: Path) -> None:
    missing = {**copy, "LIMEN_STORE": f"sqlite:///{tmp_path / 'none.db'}"}
    assert invoked("audit", "erase", "00000000-0000-4000-8000-000000000000", env=missing).code == 1
    assert not (tmp_path / "none.db").exists()
