"""Given flows that actions stopped or changed, when the actions change, then what becomes of the flows is said.

What hangs on things that nobody recorded is unknown.
"""

from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain.errors import FlowExpired
from tests.simulation.house import foresee, last_turn, told
from tests.support.engine import ADA, PASSWORD, House, JsonDict, hook, identity, messages, open_house, parse, uri

NO = messages(("#/", 7, "no"))
RISK = parse("/risk", id="risk")
VERIFIED = {"hook": "require_verified_address"}
GRACE = "grace@example.org"


async def registered(house: House, email: str = ADA) -> Any:
    """A registration in two submissions: the second one when the first was interrupted."""
    flow = await house.start("registration")
    values = {"traits": {"email": email}, "password": PASSWORD}
    outcome = await house.engine.submit(flow.id, method="password", values=values)
    return outcome if outcome.completed else await house.engine.submit(flow.id, method="password", values=values)


# ---------------------------------------------------------------------------------------- an interruption that is gone


async def test_a_login_that_was_interrupted_and_is_not_any_more_completes() -> None:
    async with open_house({"login.after": [RISK]}) as house:
        await house.register()
        house.sink.script("/risk", NO)
        await house.sign_in()
        turn = await last_turn(house)
        assert (turn.recorded, turn.end, turn.outcome, turn.unknown) == ("interrupted", "completed", "differs", False)


async def test_the_turns_after_one_that_ends_otherwise_are_left_out() -> None:
    async with open_house({"registration.after": [RISK]}) as house:
        house.sink.script("/risk", [NO, Reply(204)])
        assert (await registered(house)).completed
        (flow,) = [one for one in await foresee(house) if one.flow == "registration"]
        assert [(turn.recorded, turn.end) for turn in flow.turns] == [
            ("opened", "opened"),
            ("interrupted", "completed"),
        ]
        assert flow.left_out == 1


async def test_a_registration_whose_address_was_taken_by_then_is_refused() -> None:
    async with open_house({"registration.after": [RISK]}) as house:
        flow = await house.start("registration")
        house.sink.script("/risk", [Reply(204), NO])
        await house.register()
        await house.engine.submit(flow.id, method="password", values={"traits": {"email": ADA}, "password": PASSWORD})
        interrupted = [one for one in await foresee(house) if one.id == flow.id]
        assert [turn.end for turn in interrupted[0].turns] == ["opened", "refused"]


async def test_a_registration_whose_address_was_taken_only_later_completes() -> None:
    async with open_house({"registration.after": [RISK]}) as house:
        house.sink.script("/risk", [NO, Reply(204)])
        flow = await house.start("registration")
        await house.engine.submit(flow.id, method="password", values={"traits": {"email": ADA}, "password": PASSWORD})
        await house.register()
        interrupted = [one for one in await foresee(house) if one.id == flow.id]
        assert [turn.end for turn in interrupted[0].turns] == ["opened", "completed"]


async def test_a_registration_that_was_refused_as_taken_stays_refused() -> None:
    async with open_house({"registration.after": [RISK]}) as house:
        await house.register()
        await house.register()
        turn = await last_turn(house, kind="registration")
        assert (turn.recorded, turn.end) == ("refused", "refused")


# ------------------------------------------------------------------------------------------------------ modifications

GIVES = parse("/gives", id="gives")
TOLD = uri("function(ctx) {traits: ctx.identity.traits, metadata: ctx.identity.metadata_public}")
FIRST = uri("function(ctx) {traits: ctx.identity.traits}")


async def test_a_changed_template_is_given_what_the_action_before_it_modified() -> None:
    async with open_house({"registration.after": [GIVES, parse("/next", id="next", body=FIRST)]}) as house:
        house.sink.script("/gives", identity(metadata_public={"number": 7}))
        await house.register()
        hooks = {"registration.after": [GIVES, parse("/next", id="next", body=TOLD)]}
        turn = await last_turn(house, hooks, kind="registration")
        assert told(turn) == {"gives": ("same", "modify"), "next": ("differs", "unknown")}
        assert turn.actions[1].changed == ("/metadata",)
        assert turn.actions[1].new["metadata"] == {"number": 7}
        assert turn.end == "unknown"


async def test_without_the_first_one_nobody_knows_what_the_second_would_be_given() -> None:
    async with open_house(
        {"registration.after": [GIVES, parse("/other", id="other"), parse("/next", id="next")]}
    ) as house:
        house.sink.script("/gives", identity(metadata_public={"number": 7}))
        house.sink.script("/other", identity(metadata_public={"number": 8}))
        await house.register()
        hooks = {"registration.after": [parse("/other", id="other"), parse("/next", id="next")]}
        turn = await last_turn(house, hooks, kind="registration")
        assert told(turn)["next"] == ("unknown", "unknown")
        assert turn.end == "unknown"


async def test_a_body_that_does_not_look_at_what_is_not_modified_any_more_is_known() -> None:
    fixed = parse("/next", id="next", body=uri("function(ctx) {who: ctx.identity.traits.email}"))
    async with open_house({"registration.after": [GIVES, fixed]}) as house:
        house.sink.script("/gives", identity(metadata_public={"number": 7}))
        await house.register()
        turn = await last_turn(house, {"registration.after": [fixed]}, kind="registration")
        assert told(turn) == {"next": ("same", "continue")}
        assert turn.end == "unknown", "whether the identity fits is not on record"


async def test_a_turned_order_of_modifications_is_not_guessed() -> None:
    other = parse("/other", id="other", body=uri("function(ctx) {m: ctx.identity.metadata_public}"))
    async with open_house({"registration.after": [GIVES, other]}) as house:
        house.sink.script("/gives", identity(metadata_public={"number": 7}))
        house.sink.script("/other", identity(metadata_public={"number": 8}))
        await house.register()
        turn = await last_turn(house, {"registration.after": [other, GIVES]}, kind="registration")
        assert told(turn)["other"] == ("differs", "unknown")
        assert turn.end == "unknown"


async def test_what_comes_after_a_modification_that_does_not_fit_is_not_reached() -> None:
    async with open_house({"registration.after": [GIVES]}) as house:
        house.sink.script("/gives", identity(traits={"email": ADA, "age": 3}))
        await house.register()
        hooks = {"registration.after": [GIVES, hook("/told", id="told"), RISK]}
        turn = await last_turn(house, hooks, kind="registration")
        assert (turn.recorded, turn.end) == ("refused", "refused")
        assert told(turn) == {"gives": ("same", "modify")}


async def test_a_modification_that_does_not_fit_and_is_gone_is_not_guessed() -> None:
    async with open_house({"registration.after": [GIVES]}) as house:
        house.sink.script("/gives", identity(traits={"email": ADA, "age": 3}))
        await house.register()
        turn = await last_turn(house, kind="registration")
        assert (turn.recorded, turn.end) == ("refused", "unknown")


# --------------------------------------------------------------------------------------------- after an unknown answer


@pytest.mark.parametrize("passed", [True, False])
async def test_what_a_stopped_flow_did_not_reach_differs_only_if_it_is_reached(passed: bool) -> None:
    async with open_house({"login.after": [RISK]}) as house:
        await house.register()
        house.sink.script("/risk", Reply(204) if passed else NO)
        await house.sign_in()
        hooks = {"login.after": [RISK, hook("/crm", id="crm")]}
        turn = await last_turn(house, hooks, session={"lifespan": "1h"})
        assert told(turn)["risk"] == ("unknown", "unknown")
        assert (turn.end, turn.differs, turn.unknown) == ("unknown", passed, True)


# -------------------------------------------------------------------------------------------------------- switched off


async def test_a_method_that_is_switched_off_takes_no_submission() -> None:
    async with open_house({"login.after": [RISK]}) as house:
        await house.register()
        await house.sign_in()
        turn = await last_turn(
            house, {"login.after": [RISK]}, selfservice={"methods": {"password": {"enabled": False}}}
        )
        assert (turn.end, turn.outcome) == ("dismissed", "differs")
        assert [one.id for one in turn.removed] == ["risk"]
        assert turn.why == "password is switched off"


async def test_a_flow_that_is_switched_off_does_not_begin() -> None:
    async with open_house() as house:
        await house.register()
        await house.sign_in()
        found = await foresee(house, selfservice={"flows": {"registration": {"enabled": False}}})
        registration, login = (next(one for one in found if one.flow == kind) for kind in ("registration", "login"))
        assert [(turn.end, turn.why) for turn in registration.turns] == [("refused", "registration is switched off")]
        assert registration.left_out == 1
        assert not (login.differs)
        assert not (login.unknown)


@pytest.mark.parametrize(("lifespan", "end"), [("10s", "expired"), ("11s", "completed")])
async def test_a_submission_after_a_shorter_time_is_too_late(lifespan: str, end: str) -> None:
    async with open_house() as house:
        await house.register()
        flow = await house.start("login")
        house.clock.advance(10)
        await house.engine.submit(flow.id, method="password", values={"identifier": ADA, "password": PASSWORD})
        turn = await last_turn(house, selfservice={"flows": {"login": {"lifespan": lifespan}}})
        assert turn.end == end


async def test_a_code_that_would_not_have_been_sent_is_not_said_to_be_the_same() -> None:
    async with open_house() as house:
        await house.register()
        await house.ask_code("login")
        found = await foresee(house, selfservice={"methods": {"code": {"passwordless_enabled": False}}})
        login = next(one for one in found if one.flow == "login")
        assert login.outcome == "differs"


async def test_a_submission_that_was_too_late_may_have_been_taken_in_a_longer_time() -> None:
    async with open_house(selfservice={"flows": {"login": {"lifespan": "10s"}}}) as house:
        await house.register()
        flow = await house.start("login")
        house.clock.advance(10)
        with pytest.raises(FlowExpired):
            await house.engine.submit(flow.id, method="password", values={"identifier": ADA, "password": PASSWORD})
        turn = await last_turn(house, selfservice={"flows": {"login": {"lifespan": "10s"}}})
        assert (turn.recorded, turn.end) == ("opened", "opened")
        turn = await last_turn(house, selfservice={"flows": {"login": {"lifespan": "20s"}}})
        assert (turn.recorded, turn.end) == ("expired", "unknown")


async def test_a_method_that_was_off_and_is_on_may_have_taken_what_was_dismissed() -> None:
    off = {"methods": {"code": {"passwordless_enabled": False}}}
    async with open_house(selfservice=off) as house:
        await house.register()
        await house.ask_code("login")
        assert not (await foresee(house, selfservice=off))[-1].unknown
        turn = await last_turn(house)
        assert (turn.recorded, turn.end) == ("dismissed", "unknown")


async def test_a_refused_password_after_a_shorter_time_is_not_said_to_be_the_same() -> None:
    async with open_house() as house:
        await house.register()
        flow = await house.start("login")
        house.clock.advance(10)
        await house.engine.submit(flow.id, method="password", values={"identifier": ADA, "password": "wrong"})
        found = await foresee(house, selfservice={"flows": {"login": {"lifespan": "10s"}}})
        assert next(one for one in found if one.flow == "login").outcome == "differs"


# ------------------------------------------------------------------------------------------------ a verified address


async def test_an_address_that_must_be_verified_is_judged_as_it_was_then() -> None:
    async with open_house() as house:
        await house.register()
        await house.sign_in()
        await house.verify()
        await house.sign_in()
        hooks = {"login.after": [VERIFIED]}
        early, late = [one.turns[-1] for one in await foresee(house, hooks) if one.flow == "login"]
        assert (early.end, early.outcome) == ("interrupted", "differs")
        assert (late.end, late.differs) == ("completed", True)


async def test_the_code_of_the_login_itself_verifies_its_address() -> None:
    async with open_house() as house:
        await house.register()
        await house.give_code(await house.ask_code("login"))
        turn = await last_turn(house, {"login.after": [VERIFIED]})
        assert (turn.end, turn.actions[0].verdict) == ("completed", "continue")


async def test_an_address_that_need_not_be_verified_any_more_lets_people_in() -> None:
    async with open_house({"login.after": [VERIFIED]}) as house:
        await house.register()
        await house.sign_in()
        await house.verify()
        await house.sign_in()
        found = [one for one in await foresee(house) if one.flow == "login"]
        assert sorted(one.turns[-1].recorded for one in found) == ["completed", "interrupted"]
        assert [one.turns[-1].end for one in found] == ["completed", "completed"]
        assert all(one.differs for one in found)


async def test_whose_address_it_was_is_not_known_of_people_who_were_erased() -> None:
    async with open_house({"login.after": [RISK]}) as house:
        outcome = await house.register()
        await house.sign_in()
        assert outcome.identity is not None
        await house.engine.erase(outcome.identity.id)
        turn = await last_turn(house, {"login.after": [VERIFIED, RISK]})
        assert (turn.end, turn.actions[0].verdict) == ("unknown", "unknown")


async def test_what_is_left_of_people_who_were_erased_is_compared_all_the_same() -> None:
    hooks: dict[str, list[JsonDict]] = {"registration.after": [RISK], "login.after": [RISK, hook("/crm", id="crm")]}
    async with open_house(hooks) as house:
        outcome = await house.register()
        await house.sign_in()
        assert outcome.identity is not None
        await house.engine.erase(outcome.identity.id)
        assert not any(one.differs or one.unknown for one in await foresee(house, hooks))
        turn = await last_turn(house, {"login.after": [parse("/risk", id="risk", body=TOLD)]})
        assert [one.id for one in turn.removed] == ["crm"]
        assert turn.end == "unknown"
