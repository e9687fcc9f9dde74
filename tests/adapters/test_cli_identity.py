"""`limen identity unlock`: an operator lets second factors count again."""

import json
from pathlib import Path

import pytest

from tests.engine.test_engine_code_second_factor import SELFSERVICE, give, second, signed_up, wrong
from tests.support.cli import invoked, spawned
from tests.support.engine import configuration, open_house

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def env(tmp_path: Path) -> dict[str, str]:
    """A store in which somebody gave two wrong codes; `WHO` is their id."""
    store, config = f"sqlite:///{tmp_path / 'limen.db'}", tmp_path / "identity.json"
    config.write_text(json.dumps(configuration(selfservice=SELFSERVICE)))
    async with open_house(store=store, selfservice=SELFSERVICE) as house:
        token = await signed_up(house)
        flow = await second(house, token)
        for _ in range(2):
            await give(house, flow, token, wrong(house))
        who = str(house.log("IdentityRegistered")[-1].stream)
    return {"LIMEN_CONFIG": str(config), "LIMEN_STORE": store, "WHO": who}


def test_it_is_on_record_and_publishes_nothing(env: dict[str, str], tmp_path: Path) -> None:
    who = env.pop("WHO")
    before = invoked("log", "--json", env=env).lines
    assert invoked("identity", "unlock", who, "--method", "totp", "--json", env=env).json["unlocked"] == []
    ran = spawned("identity", "unlock", who, "--json", cwd=tmp_path, **env)
    assert (ran.code, ran.err, ran.json) == (0, "", {"identity": who, "unlocked": ["code"]})
    (added,) = invoked("log", "--json", env=env).lines[len(before) :]
    assert (added["type"], added["stream"], added["data"]["type"]) == ("CredentialUnlocked", who, "code")
    again = invoked("identity", "unlock", who, env=env)
    assert (again.code, "nothing to unlock" in again.out) == (1, True)


def test_a_word_that_names_nothing_is_wrong_use(env: dict[str, str]) -> None:
    """`topt` must not read as: there was nothing to unlock."""
    who = env.pop("WHO")
    for word in ("topt", "password", "Login", ""):
        ran = invoked("identity", "unlock", who, "--method", word, env=env)
        assert (ran.code, ran.out) == (2, "")
        assert "totp, lookup_secret, code" in " ".join(ran.err.replace("│", "").split())
    assert invoked("identity", "unlock", who, "--method", "code", "--json", env=env).json["unlocked"] == ["code"]


LOCKING = {"lockout": {"threshold": 1, "window": "10m", "duration": "500h"}}


@pytest.fixture
async def locked(tmp_path: Path) -> dict[str, str]:
    """A store in which somebody is locked out, and gave a wrong code; `WHO` is their id."""
    store, config, settings = f"sqlite:///{tmp_path / 'limen.db'}", tmp_path / "identity.json", tmp_path / "limen.json"
    config.write_text(json.dumps(configuration()))
    settings.write_text(json.dumps(LOCKING))
    async with open_house(store=store, settings=LOCKING) as house:
        who = str((await house.register()).flow.identity_id)
        await house.sign_in(password="no such pass phrase")
        await house.give_code(await house.ask_code("recovery"), "wrong")
    return {"LIMEN_CONFIG": str(config), "LIMEN_SETTINGS": str(settings), "LIMEN_STORE": store, "WHO": who}


def test_lockouts_are_lifted_and_wrong_codes_of_an_address_forgotten(locked: dict[str, str]) -> None:
    who = locked.pop("WHO")
    assert invoked("identity", "unlock", who, "--method", "totp", env=locked).code == 1
    ran = invoked("identity", "unlock", who, "--method", "login", "--json", env=locked)
    assert (ran.code, ran.json) == (0, {"identity": who, "unlocked": ["login"]})
    again = invoked("identity", "unlock", who, "--method", "login", "--json", env=locked)
    assert (again.code, again.json) == (1, {"identity": who, "unlocked": []})
    (lifted,) = [one for one in invoked("log", "--json", env=locked).lines if one["type"] == "LockoutLifted"]
    assert lifted["data"]["reason"] == "operator"


def test_nobody_is_a_negative_answer_and_no_store_is_made(env: dict[str, str], tmp_path: Path) -> None:
    ran = invoked("identity", "unlock", NOBODY, env=env)
    assert (ran.code, ran.out, "there is no identity" in ran.err) == (1, "", True)
    assert invoked("identity", "unlock", "somebody", env=env).code == 2
    missing = {**env, "LIMEN_STORE": f"sqlite:///{tmp_path / 'none.db'}"}
    assert invoked("identity", "unlock", NOBODY, env=missing).code == 1
    assert not (tmp_path / "none.db").exists()
