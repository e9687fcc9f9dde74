"""Given contexts on record, when other settings would have filled them otherwise, then it counts who looks there."""

import json
from collections.abc import Coroutine
from contextlib import nullcontext
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain.errors import ActionFailed
from limen.domain.ports import Step, VaultKey
from tests.simulation.house import all_same, foresee, last_turn, slow, store_of, told
from tests.support.engine import House, JsonDict, hook, ignore, messages, open_house, parse, uri

NO = messages(("#/", 7, "no"))
RISK = parse("/risk", id="risk")


def body(text: str) -> JsonDict:
    """An action of a template of its own."""
    return parse("/risk", id="risk", body=uri(text))


DRIFTS: dict[str, tuple[JsonDict, str]] = {
    "session lifespan": ({"session": {"lifespan": "1h"}}, "ctx.session.expires_at"),
    "header allowlist": ({"clients": {"web_hook": {"header_allowlist": ["Accept"]}}}, "ctx.request_headers"),
    "base url": ({"serve": {"public": {"base_url": "https://id.example.org/"}}}, "ctx.identity.schema_url"),
    "methods": ({"selfservice": {"methods": {"code": {"passwordless_enabled": False}}}}, "ctx.flow.ui.nodes"),
    "flow lifespan": ({"selfservice": {"flows": {"login": {"lifespan": "2h"}}}}, "ctx.flow.expires_at"),
}


@pytest.mark.parametrize("which", DRIFTS)
async def test_a_template_that_looks_where_the_context_drifted_is_unknown_and_another_is_not(which: str) -> None:
    sections, place = DRIFTS[which]
    looks, passes = body(f"function(ctx) {{at: {place}}}"), body("function(ctx) {who: ctx.identity.traits.email}")
    for action, answer in ((looks, ("unknown", "unknown")), (passes, ("same", "continue"))):
        async with open_house({"login.after": [action]}) as house:
            await house.register()
            await house.sign_in()
            turn = await last_turn(house, {"login.after": [action]}, **sections)
            assert told(turn) == {"risk": answer}
            assert turn.end == ("completed" if answer[0] == "same" else "unknown")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("{fixed: 1}", ("same", "continue")),
        ("function(ctx) error 'cancel'", ("none", "cancel")),
        ("function(ctx) if ctx.flow.type == 'api' then error 'cancel' else ctx", ("none", "cancel")),
        ("function(ctx) if ctx.session.expires_at == '' then {} else error 'cancel'", ("unknown", "unknown")),
        ("function(ctx) ctx.nothing.there", ("unknown", "unknown")),
        ("function(ctx) {keys: std.length(std.objectFields(ctx))}", ("same", "continue")),
        ("function(ctx) ctx", ("unknown", "unknown")),
        ("function(ctx) {all: std.toString(ctx.session)}", ("unknown", "unknown")),
        ("local f(x) = x.session; function(ctx) {id: f(ctx).id} // the end", ("same", "continue")),
    ],
)
async def test_templates_of_every_kind_are_held_against_a_drift(text: str, answer: tuple[str, str]) -> None:
    async with open_house({"login.after": [body(text)]}) as house:
        await house.register()
        with pytest.raises(ActionFailed) if "nothing" in text else nullcontext():
            await house.sign_in()
        turn = await last_turn(house, {"login.after": [body(text)]}, session={"lifespan": "1h"})
        assert told(turn) == {"risk": answer}


async def test_whether_an_address_is_sent_a_code_is_seen_by_what_is_told_of_it() -> None:
    later = hook("/later", id="risk", body=uri("function(ctx) {a: ctx.identity.verifiable_addresses}"))
    async with open_house({"registration.after": [later]}) as house:
        await house.register()
        off = {"selfservice": {"flows": {"verification": {"enabled": False}}}}
        turn = await last_turn(house, {"registration.after": [later]}, kind="registration", **off)
        assert told(turn) == {"risk": ("unknown", "unknown")}
        assert turn.end == "completed"


# ------------------------------------------------------------------------------------------------------ what is gone


async def forget(house: House, kind: str) -> None:
    """Deletes the vault's rows of a kind, of every stream, as retention does."""
    store = store_of(house)
    streams = {entry.stream for entry in house.log()}
    rows = [row for stream in streams for row in await store.vault_rows(stream, kind)]
    assert rows
    await store.append(Step(drop=[VaultKey(row.owner, row.kind, row.name) for row in rows]))


async def test_without_contexts_the_same_stays_the_same_and_the_rest_is_unknown() -> None:
    hooks = {"login.after": [RISK, hook("/crm", id="crm")]}
    async with open_house(hooks) as house:
        await house.register()
        await house.sign_in()
        await forget(house, "context")
        assert all_same(await foresee(house, hooks))
        turn = await last_turn(house, {"login.after": [hook("/crm", id="crm"), RISK]})
        assert told(turn) == {"crm": ("same", "continue"), "risk": ("same", "continue")}
        turn = await last_turn(house, {"login.after": [body("function(ctx) {a: 1}")]})
        assert told(turn) == {"risk": ("unknown", "unknown")}
        assert [one.id for one in turn.removed] == ["crm"]
        turn = await last_turn(house, hooks, session={"lifespan": "1h"})
        assert told(turn) == {"risk": ("unknown", "unknown"), "crm": ("unknown", "unknown")}


async def test_without_its_secrets_a_recorded_configuration_is_gone_and_the_plans_are_compared() -> None:
    hooks = {"login.before": [hook("/early", id="early")], "login.after": [RISK, {"hook": "revoke_active_sessions"}]}
    async with open_house(hooks) as house:
        await house.register()
        house.sink.script("/risk", NO)
        await house.sign_in()
        await forget(house, "secrets")
        found = [one for one in await foresee(house, hooks) if one.flow == "login"]
        assert not any(one.differs for one in found)
        assert found[0].unknown
        turn = next(one for one in await foresee(house, {"login.after": [RISK]}) if one.flow == "login").turns[0]
        assert ([one.id for one in turn.removed], turn.end) == (["early"], "opened")
        registration = next(one for one in await foresee(house, hooks) if one.flow == "registration")
        assert (registration.outcome, registration.unknown) == ("same", False)


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_flow_whose_process_died_on_the_way(phase: str) -> None:
    hooks = {f"login.{phase}": [RISK, hook("/crm", id="crm")]}
    async with open_house(hooks, worker=False) as house:
        await house.register()
        await dying(house, "ActionAnswered", house.sign_in())
        turn = await last_turn(house, hooks)
        assert (turn.recorded, turn.differs) == ("unfinished", False)
        elsewhere = parse("/elsewhere", id="risk")
        turn = await last_turn(house, {f"login.{phase}": [elsewhere, hook("/crm", id="crm")]})
        assert (turn.end, turn.actions[0].request, turn.actions[0].verdict) == ("unknown", "differs", "unknown")
        turn = await last_turn(house, {f"login.{phase}": [hook("/crm", id="crm")]})
        assert [one.id for one in turn.removed] == ["risk"]
        assert (turn.end, turn.unknown) == ("unknown", True)


@pytest.mark.parametrize("bare", [True, False])
async def test_an_answer_that_nobody_heard_is_not_given_to_the_same_request(bare: bool) -> None:
    risk = parse("/risk", id="risk")
    if bare:
        del risk["config"]["body"]
    hooks = {"login.after": [parse("/slow", id="slow"), risk]}
    async with open_house(hooks, worker=False) as house:
        house.sink.script("/slow", slow(house, 2, Reply(204)))
        await house.register()
        await dying(house, "ActionAnswered", house.sign_in(), after=1)
        turn = await last_turn(house, {**hooks, "login.before": [hook("/early", id="early")]})
        assert turn.slot.phase == "before"
        turn = await last_turn(house, hooks, settings={"actions": {"slow": {"timeout": "20s"}}})
        assert (turn.recorded, turn.end, turn.differs) == ("unfinished", "unknown", False)
        assert told(turn) == {"slow": ("same", "continue"), "risk": ("same", "unknown")}
        assert turn.actions[1].why == "it was asked, and its answer was never heard"


async def dying(house: House, named: str, doing: Coroutine[Any, Any, Any], after: int = 0) -> None:
    """Does something, in a process that ends right before an event of a type is appended, the first one or a later."""
    store, left = store_of(house), [None] * after
    append = store.append

    async def until_then(step: Step) -> None:
        if any(type(event).__name__ == named for event in step.events):
            if not left:
                raise SystemExit
            left.pop()
        await append(step)

    store.append = until_then  # type: ignore[method-assign]  # the process ends there
    with pytest.raises(SystemExit):
        await doing
    store.append = append  # type: ignore[method-assign]  # and another one begins


# ------------------------------------------------------------------------------------- flows that nobody asked for


async def test_flows_that_others_started_are_the_same_under_the_same_configuration() -> None:
    hooks = {"recovery.after": [RISK], "registration.after": [{"hook": "session"}, ignore("/told", id="told")]}
    async with open_house(hooks) as house:
        await house.register()
        await house.give_code(await house.ask_code("recovery"))
        flow = await house.ask_code("recovery")
        for _ in range(20):
            outcome = await house.give_code(flow, "000000")
            if outcome.error:
                break
        assert outcome.error == "too_many_attempts"
        found = await foresee(house, hooks)
        assert {one.flow for one in found} == {"registration", "verification", "recovery", "settings"}
        assert sum(one.flow == "recovery" for one in found) == 3
        assert all_same(found)


@pytest.mark.parametrize("given", [True, False])
async def test_a_flow_that_another_one_started_is_not_begun_where_it_is_switched_off(given: bool) -> None:
    off: JsonDict = {"flows": {"verification": {"enabled": False}}}
    async with open_house() as house:
        outcome = await house.register()
        (id_,) = {entry.stream for entry in house.log("FlowInitiated")} - {outcome.flow.id}
        if given:
            await house.engine.submit(id_, method="code", values={"code": house.code})
        turn = await last_turn(house, kind="verification", selfservice=off)
        assert (turn.slot.phase, turn.recorded, turn.end) == ("before", "opened", "refused")
    async with open_house(selfservice=off) as house:
        await house.register()
        assert len(house.log("FlowInitiated")) == 1


async def test_a_verification_that_an_interrupted_login_began_had_no_actions_before_it() -> None:
    hooks = {"login.after": [{"hook": "require_verified_address"}], "verification.before": [RISK]}
    async with open_house(hooks) as house:
        await house.register()
        await house.sign_in()
        assert all_same(await foresee(house, hooks))


# ---------------------------------------------------------------------------------------------------------- live


async def test_only_the_named_action_is_asked_and_its_answer_counts() -> None:
    old, new = body("function(ctx) {v: 1}"), body("function(ctx) {v: 2}")
    crm = {**hook("/crm", id="crm")}
    async with open_house({"login.after": [old]}) as house:
        await house.register()
        await house.sign_in()
        calls = len(house.sink.received)
        house.sink.script("/risk", NO)
        turn = await last_turn(house, {"login.after": [new, crm]}, live=["risk"])
        assert (turn.end, turn.outcome) == ("interrupted", "differs")
        (one,) = turn.actions
        assert (one.request, one.changed, one.verdict, one.by) == ("differs", ("/v",), "interrupt", "live")
        (request,) = house.sink.received[calls:]
        assert request.header("Limen-Simulation") == "true"
        assert json.loads(request.body) == {"v": 2}


async def test_one_that_is_named_and_has_its_recorded_answer_is_not_asked() -> None:
    async with open_house({"login.after": [RISK]}) as house:
        await house.register()
        await house.sign_in()
        calls = len(house.sink.received)
        turn = await last_turn(house, {"login.after": [hook("/new", id="new"), RISK]}, live=["risk"])
        assert len(house.sink.received) == calls
        assert told(turn)["new"] == ("new", "unknown")


async def test_a_target_that_cannot_be_reached_is_a_failure_when_it_is_asked() -> None:
    async with open_house({"login.after": [RISK]}) as house:
        await house.register()
        await house.sign_in()
        gone = parse("/risk", id="risk", url="http://127.0.0.1:1/")
        turn = await last_turn(house, {"login.after": [gone]}, live=["risk"])
        assert (turn.end, turn.actions[0].verdict, turn.actions[0].by) == ("released", "fail", "live")
