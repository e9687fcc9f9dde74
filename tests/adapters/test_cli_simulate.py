"""`limen simulate`: exit codes, what it prints for people and programs, and what it keeps to itself."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.sink import Sink
from tests.support.cli import Ran, invoked, keys, spawned
from tests.support.engine import ADA, JsonDict, configuration, hook, messages, open_house, parse, towards, uri

WHO = uri("function(ctx) {who: ctx.identity.traits.email}")
RISK, CRM = parse("/risk", id="risk", body=WHO), hook("/crm", id="crm")
HOOKS = {"login.after": [RISK, CRM], "registration.after": [hook("/later", id="later")]}
WITHOUT = {"registration.after": HOOKS["registration.after"]}
FLOW = frozenset({"id", "flow", "started", "configuration", "outcome", "differs", "unknown", "turns", "turns_left_out"})
Simulate = Callable[..., Ran]


@dataclass(frozen=True)
class Played:
    """A store with a history, and the folder that other configurations are written to."""

    folder: Path
    url: str

    def config(self, hooks: Any = HOOKS, **sections: Any) -> Path:
        """The file of a configuration."""
        file = self.folder / "other.yml"
        file.write_text(json.dumps(towards(configuration(hooks, **sections), self.url)))
        return file

    def simulate(self, *args: str, hooks: Any = HOOKS, **sections: Any) -> Ran:
        """The command on this store."""
        config = self.config(hooks, **sections)
        return invoked("simulate", "--config", config, "--store", f"sqlite:///{self.folder}/limen.db", *args)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("simulated")

    async def play() -> str:
        async with Sink() as sink:
            async with open_house(HOOKS, store=f"sqlite:///{folder}/limen.db", sink=sink) as house:
                await house.register()
                await house.sign_in()
                sink.script("/risk", messages(("#/", 7, "no")))
                for _ in range(3):
                    await house.sign_in()
            return sink.url

    return Played(folder, asyncio.run(play()))


# ------------------------------------------------------------------------------------------------------- exit codes


def test_nothing_differs(played: Played) -> None:
    ran = played.simulate()
    assert ran.code == 0
    assert "nothing differs in 6 flows" in ran.out
    assert ran.err == ""


def test_something_differs(played: Played) -> None:
    ran = played.simulate(hooks=WITHOUT)
    assert ran.code == 1
    assert "4 of 6 flows differ" in ran.out
    assert "interrupted → completed" in ran.out


def test_what_is_unknown_counts_only_when_it_is_asked_to(played: Played) -> None:
    longer: JsonDict = {"session": {"lifespan": "1h"}}
    hooks = {**HOOKS, "login.after": [RISK, CRM]}
    ran = played.simulate(hooks=hooks, **longer)
    assert ran.code == 0
    assert "nothing differs in 6 flows; something is unknown in 1" in ran.out
    assert played.simulate("--strict", hooks=hooks, **longer).code == 1
    assert played.simulate("--strict").code == 0


def test_as_a_process_of_its_own(played: Played) -> None:
    config = played.config(WITHOUT)
    env = {"LIMEN_CONFIG": str(config), "LIMEN_STORE": f"sqlite:///{played.folder}/limen.db"}
    ran = spawned("simulate", "--json", cwd=played.folder, **env)
    assert (ran.code, ran.err, ran.json["flows"]) == (1, "", 6)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--flow", "logout"), "--flow"),
        (("--since", "yesterday"), "'yesterday' is no time"),
        (("--sample", "0"), "--sample"),
        (("--limit", "-1"), "--limit"),
        (("--live", "nobody"), "there is no web_hook 'nobody' to ask"),
        (("--app", "no.such:thing"), "no.such"),
    ],
)
def test_wrong_use(played: Played, args: tuple[str, ...], said: str) -> None:
    ran = played.simulate(*args)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_configuration_that_cannot_be_read(played: Played, tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{played.folder}/limen.db")
    assert invoked("simulate", *store, "--config", tmp_path / "none.yml").code == 1
    (tmp_path / "broken.yml").write_text("selfservice: {flows: {login: {after: {hooks: [{hook: nothing}]}}}}")
    ran = invoked("simulate", *store, "--config", tmp_path / "broken.yml", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "there is no action 'nothing'" in ran.err


def test_the_secrets_of_another_store(played: Played) -> None:
    ran = played.simulate(secrets={"cipher": ["x" * 32]})
    assert (ran.code, ran.out) == (1, "")
    assert "none of the configured secrets" in ran.err


def test_a_store_that_is_not_there(played: Played, tmp_path: Path) -> None:
    ran = invoked("simulate", "--config", played.config(), "--store", f"sqlite:///{tmp_path}/none.db")
    assert (ran.code, ran.out) == (1, "")
    assert "none.db" in ran.err
    assert not (tmp_path / "none.db").exists()


def test_no_flows(played: Played) -> None:
    ran = played.simulate("--since", "2030-01-01")
    assert (ran.code, ran.out) == (0, "")
    assert "no flow was recorded since 2030-01-01 00:00" in ran.err
    assert played.simulate("--since", "2030-01-01", "--json").json["flows"] == 0


# ---------------------------------------------------------------------------------------------------- for programs


def test_the_whole_of_it_as_json(played: Played) -> None:
    ran = played.simulate("--json", hooks=WITHOUT)
    told = ran.json
    assert keys(told["differing"]) == {FLOW}
    assert (told["flows"], told["same"], told["differs"], told["unknown"]) == (6, 3, 3, 0)
    assert (told["differing_flows"], len(told["differing"])) == (4, 4)
    assert told["by_flow"]["login"]["ends"] == [{"recorded": "interrupted", "simulated": "completed", "count": 3}]
    risk = next(one for one in told["by_action"] if one["id"] == "risk")
    assert (risk["recorded"], risk["simulated"]) == (4, 0)
    assert next(iter(told)) == "differing", "flows are written as they are found, the sums last"
    assert len(ran.out.splitlines()) > 5


def test_nothing_differs_as_json(played: Played) -> None:
    told = played.simulate("--json").json
    assert (told["differing"], told["flows"], told["unweighed"]) == ([], 6, [])


def test_chosen_flows(played: Played) -> None:
    def flows(*args: str) -> int:
        return int(played.simulate(*args, "--json").json["flows"])

    assert (flows("--flow", "login"), flows("--flow", "settings")) == (4, 0)
    assert (flows("--sample", "2"), flows("--sample", "100")) == (2, 6)
    assert (flows("--since", "2026-03-02"), flows("--since", "2026-03-02T12:00:01Z")) == (6, 0)


def test_a_limit_is_for_people_only(played: Played) -> None:
    one = played.simulate("--limit", "1", hooks=WITHOUT)
    assert one.out.count("after.password interrupted → completed") == 1
    assert "and more; --limit shows them, --json all" in one.err
    assert played.simulate("--limit", "0", hooks=WITHOUT).code == 1
    assert len(played.simulate("--limit", "1", "--json", hooks=WITHOUT).json["differing"]) == 4


def test_what_is_not_taken_into_account_is_said(played: Played) -> None:
    changed: JsonDict = {"selfservice": {"methods": {"password": {"config": {"min_password_length": 12}}}}}
    ran = played.simulate(**changed)
    assert "/selfservice/methods/password/config/min_password_length" in ran.err
    assert played.simulate("--json", **changed).json["unweighed"] == [
        "/selfservice/methods/password/config/min_password_length"
    ]


def test_where_a_browser_is_sent_afterwards_is_not_taken_into_account(played: Played) -> None:
    after = {"default_browser_return_url": "http://127.0.0.1:4455/elsewhere"}
    told = played.simulate("--json", selfservice={"flows": {"login": {"after": after}}}).json
    assert told["unweighed"] == ["/selfservice/flows/login/after/default_browser_return_url"]


def test_handlers_of_an_application(played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.py").write_text(
        "from limen.domain import Actions, Interrupt\n"
        "actions = Actions()\n"
        "@actions.after('login', id='mine', pure=True)\n"
        "def mine(context):\n"
        "    return Interrupt.flow('no', id=1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    told = played.simulate("--app", "shop:actions", "--json", "--flow", "login").json
    assert told["by_flow"]["login"]["ends"] == [{"recorded": "completed", "simulated": "interrupted", "count": 1}]


# --------------------------------------------------------------------------------------------------- personal data


def test_personal_data_is_shown_only_when_it_is_asked_for(played: Played) -> None:
    other = parse(
        "/risk",
        id="risk",
        body=uri("function(ctx) {who: ctx.identity.traits.email + '.', [ctx.identity.traits.email]: 1}"),
    )
    hooks = {**HOOKS, "login.after": [other, CRM]}
    assert played.simulate("--open", hooks=hooks).code == 2, "it would show nothing"
    for args in ((), ("--json",)):
        ran = played.simulate(*args, hooks=hooks)
        assert ran.code == 1
        assert "/who" in ran.out
        assert ADA not in ran.out + ran.err
    opened = played.simulate("--json", "--open", hooks=hooks).json["differing"]
    bodies = opened[0]["turns"][-1]["actions"][0]["bodies"]
    assert bodies["recorded"] == {"who": ADA}
    assert bodies["simulated"]["who"] == f"{ADA}."
