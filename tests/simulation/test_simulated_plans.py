"""Given flows on record, when their lists of actions change, then it is said which run, and in which order."""

import sqlite3
from pathlib import Path

import pytest

from limen.adapters import open_simulation
from limen.adapters.bus import MemoryBus
from limen.domain.errors import ActionFailed
from tests.simulation.house import all_same, foresee, last_turn, settled, told
from tests.support.bus import new_topic, until
from tests.support.engine import configuration, hook, ignore, messages, open_house, parse

RISK, CRM = parse("/risk", id="risk"), hook("/crm", id="crm")


async def test_the_same_configuration_changes_nothing() -> None:
    hooks = {
        "login.before": [parse("/early")],
        "login.after": [RISK, CRM, ignore("/told")],
        "registration.after": [{"hook": "session"}, parse("/known"), hook("/later")],
        "verification.after": [hook("/verified")],
        "recovery.after": [parse("/recovered"), {"hook": "revoke_active_sessions"}],
        "settings.before": [parse("/opened")],
    }
    async with open_house(hooks) as house:
        await house.register()
        await house.sign_in()
        house.sink.script("/risk", messages(("#/", 7, "no")))
        await house.sign_in()
        await house.give_code(await house.ask_code("login"))
        await house.verify()
        await house.give_code(await house.ask_code("recovery"))
        await house.until("DeliveryDelivered", 4)
        found = await foresee(house, hooks)
        assert {one.flow for one in found} == {"login", "registration", "verification", "recovery", "settings"}
        assert all_same(found)
        ends = [turn.end for one in found for turn in one.turns if turn.slot.phase == "after"]
        assert sorted(ends) == ["completed"] * 4 + ["interrupted"] * 2


async def test_nothing_is_written_to_any_table_and_nothing_is_published(tmp_path: Path) -> None:
    file, bus = tmp_path / "limen.db", MemoryBus(f"memory:{new_topic()}")
    settings = {"bus": {"url": bus.url}}
    async with open_house({"login.after": [RISK, CRM]}, store=f"sqlite:///{file}", settings=settings) as house:
        await house.register()
        await house.sign_in()
        await settled(house)
        await until(lambda: bus.state.count == house.size)
    before, published = contents(file), bus.state.count
    other = configuration({"login.after": [CRM]})
    async with open_simulation(other, f"sqlite:///{file}", settings=settings) as simulation:
        assert [flow.differs async for flow in simulation.flows() if flow.flow == "login"] == [True]
    assert contents(file) == before
    assert bus.state.count == published


def contents(file: Path) -> dict[str, list[str]]:
    """Every row of every table."""
    with sqlite3.connect(file) as opened:
        names = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: opened.execute(f'SELECT * FROM "{name}"') for name in names}
        return {name: sorted(map(repr, found)) for name, found in rows.items()}


@pytest.mark.parametrize("moved", ["login.after.password", "login.after"])
async def test_an_action_in_another_list_with_the_same_words_is_the_same_action(moved: str) -> None:
    other = {"login.after.password": "login.after", "login.after": "login.after.password"}[moved]
    async with open_house({other: [hook("/crm"), parse("/risk")]}) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {moved: [hook("/crm"), parse("/risk")]})
        assert (turn.outcome, turn.differs, turn.unknown) == ("same", False, False)
        assert turn.rule == ("method" if moved == "login.after.password" else "default")


async def test_a_turned_order_is_said() -> None:
    async with open_house({"login.after": [RISK, CRM]}) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [CRM, RISK]})
        assert (turn.outcome, turn.differs) == ("same", True)
        assert [(one.ref.id, one.moved, one.request, one.verdict) for one in turn.actions] == [
            ("crm", False, "same", "continue"),
            ("risk", True, "same", "continue"),
        ]


async def test_a_removed_action_is_said() -> None:
    async with open_house({"login.after": [RISK, CRM]}) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [CRM]})
        assert (turn.outcome, turn.differs, turn.unknown) == ("same", True, False)
        assert [one.id for one in turn.removed] == ["risk"]
        assert turn.ran == ("risk", "crm")


async def test_an_added_action_asks_what_nobody_has_answered() -> None:
    async with open_house({"login.after": [RISK]}) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [RISK, CRM]})
        assert (turn.end, turn.differs, turn.unknown) == ("unknown", True, True)
        assert told(turn) == {"risk": ("same", "continue"), "crm": ("new", "unknown")}
        assert turn.actions[1].added


async def test_what_comes_after_an_unknown_answer_runs_only_perhaps() -> None:
    async with open_house({"login.after": [RISK]}) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [CRM, RISK]})
        assert [(one.ref.id, one.sure) for one in turn.actions] == [("crm", True), ("risk", False)]
        assert turn.end == "unknown"


async def test_an_action_by_another_name_asks_the_same() -> None:
    async with open_house({"login.after": [RISK]}) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [parse("/risk", id="danger")]})
        assert turn.outcome == "same"
        assert [one.id for one in turn.removed] == ["risk"]
        (one,) = turn.actions
        assert (one.ref.id, one.added, one.verdict, one.by) == ("danger", True, "continue", "recorded")


async def test_a_method_s_list_that_appears_takes_the_place_of_the_default_one() -> None:
    async with open_house({"login.after": [RISK]}) as house:
        await house.register()
        await house.sign_in()
        await house.give_code(await house.ask_code("login"))
        found = await foresee(
            house, {"login.after": [RISK], "login.after.password": [{"hook": "revoke_active_sessions"}]}
        )
        password, code = [one.turns[-1] for one in found if one.flow == "login"]
        assert ([one.id for one in password.removed], password.rule) == (["risk"], "method")
        assert (code.differs, code.rule) == (False, "default")


async def test_what_a_flow_did_not_reach_is_not_said_to_have_run() -> None:
    async with open_house({"login.after": [RISK, CRM]}) as house:
        await house.register()
        house.sink.script("/risk", messages(("#/", 7, "no")))
        await house.sign_in()
        turn = await last_turn(house, {"login.after": [RISK]})
        assert (turn.end, turn.differs, turn.ran, turn.removed) == ("interrupted", False, ("risk",), ())


async def test_an_early_action_that_stopped_flows_and_is_gone_lets_them_open() -> None:
    async with open_house({"login.before": [parse("/early")]}) as house:
        from limen.domain.errors import FlowRejected

        house.sink.script("/early", messages(("#/", 7, "no")))
        with pytest.raises(FlowRejected):
            await house.start("login")
        from limen.adapters.sink import Reply

        house.sink.script("/early", Reply(404))
        with pytest.raises(ActionFailed):
            await house.start("login")
        assert [one.turns[0].recorded for one in await foresee(house)] == ["rejected", "failed"]
        assert [one.turns[0].end for one in await foresee(house)] == ["opened", "opened"]
