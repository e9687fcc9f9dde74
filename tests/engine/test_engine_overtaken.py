"""What a submission rested on changes while its actions are asked: it is not stored, and its user is asked again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from limen.domain import Actions, FlowBusy, FlowOvertaken, Outcome, RequestRefused
from tests.support.addresses import (
    NEW,
    PROFILE,
    VERIFY_NEW,
    addresses,
    arrive,
    awaited,
    change,
    give,
    notify,
    own_backup,
    traits,
)
from tests.support.engine import ADA, House, JsonDict, identity, open_house, parse, shown
from tests.support.links import ask_link, follow, link_of
from tests.support.provider import abroad


@dataclass
class Pause:
    """An action that is asked, and does not answer until something else has happened. Only the first one waits."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _: object) -> None:
        if not self.asked.is_set():
            self.asked.set()
            await self.answered.wait()

    @asynccontextmanager
    async def around(self, submission: Awaitable[Outcome]) -> AsyncIterator["asyncio.Future[Outcome]"]:
        """What is done within happens while the action of that submission is asked."""
        task = asyncio.ensure_future(submission)
        await self.asked.wait()
        try:
            yield task
        finally:
            self.answered.set()
            await asyncio.wait([task])


def pausing(kind: str, method: str | None = None) -> tuple[Actions, Pause]:
    actions, pause = Actions(), Pause()
    actions.after(kind, method=method, when="before_commit", id="slow")(pause)
    return actions, pause


# ------------------------------------------------------------------------------------------------------- the profile


@pytest.mark.parametrize("hooks", [[], [notify("all")]])
async def test_a_change_of_name_undoes_no_change_of_address(hooks: list[JsonDict]) -> None:
    """Nor does a session get past the question for a fresh one by being slow."""
    actions, pause = pausing("settings", "profile")
    async with open_house({PROFILE: hooks}, actions=actions) as house:
        stale = await arrive(house, verified=True)
        house.clock.advance(3601)
        fresh = (await house.sign_in()).session_token
        assert fresh
        flow = await house.start("settings", session_token=stale)
        async with pause.around(give(house, flow, stale, email=ADA, age=36)) as slow:
            assert (await change(house, fresh)).completed
        with pytest.raises(FlowOvertaken):
            slow.result()
        assert await traits(house, fresh) == {"email": NEW}
        assert await addresses(house, fresh) == {NEW: False}
        assert ((await house.sign_in(NEW)).completed, (await house.sign_in(ADA)).completed) == (True, False)
        with pytest.raises(RequestRefused) as refused:
            await give(house, flow, stale, email=ADA, age=36)
        assert refused.value.id == "session_refresh_required"
        assert (await give(house, flow, stale, email=NEW, age=36)).completed
        assert await traits(house, fresh) == {"email": NEW, "age": 36}


async def test_an_address_that_was_given_up_does_not_come_back_unverified() -> None:
    actions, pause = pausing("settings", "profile")
    async with open_house({PROFILE: [VERIFY_NEW]}, actions=actions) as house:
        token = await arrive(house, verified=True)
        flow = await house.start("settings", session_token=token)
        async with pause.around(give(house, flow, token, email=ADA, age=36)) as slow:
            verification = await awaited(house, await change(house, token))
            assert (await house.give_code(verification)).completed
        assert isinstance(slow.exception(), FlowOvertaken)
        assert (await traits(house, token), await addresses(house, token)) == ({"email": NEW}, {NEW: True})
        again = await awaited(house, await give(house, flow, token, email=ADA, age=36))
        assert again.kind == "verification", "the address is new again, so the change waits for it"


async def test_other_parts_of_a_profile_are_each_their_own() -> None:
    """What an action writes of the metadata stands beside an address that is changed meanwhile."""
    actions, pause = pausing("settings", "password")
    async with open_house({"settings.after.password": [parse("/mark")]}, actions=actions) as house:
        house.sink.script("/mark", identity(metadata_public={"strong": True}))
        token = await arrive(house)
        flow = await house.start("settings", session_token=token)
        values = {"password": "another horse battery"}
        setting = house.engine.submit(flow.id, method="password", values=values, session_token=token)
        async with pause.around(setting) as slow:
            assert (await change(house, token)).completed
        assert slow.result().completed
        found = (await house.sign_in(NEW, "another horse battery")).identity
        assert found is not None
        assert (found.traits.email, found.metadata_public.plain()) == (NEW, {"strong": True})


async def test_a_login_does_not_fail_for_what_its_provider_says_anew() -> None:
    """The change that the person made holds; the next login brings what the provider says once more."""
    actions, pause = pausing("login", "oidc")
    async with abroad(provider={"update_identity_on_login": "automatic"}, actions=actions) as there:
        token = (await there.register()).session_token
        assert token
        there.idp.people["s-ada"] = {**there.idp.people["s-ada"], "given_name": "Augusta"}
        async with pause.around(there.go("login")) as slow:
            assert (await change(there.house, token)).completed
        outcome = slow.result()
        assert outcome.completed
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == {"email": NEW, "name": {}}
        assert await addresses(there.house, outcome.session_token) == {NEW: False}
        there.idp.people["s-ada"] = {**there.idp.people["s-ada"], "email": NEW}
        later = (await there.go("login")).identity
        assert later is not None
        assert later.traits.plain() == {"email": NEW, "name": {"first": "Augusta"}}


# ---------------------------------------------------------------------------------------- the address of a code or link


async def by_code(house: House, kind: str) -> Callable[[], Awaitable[Outcome]]:
    flow = await house.ask_code(kind)
    code = house.code
    return lambda: house.give_code(flow, code)


async def by_link(house: House, kind: str) -> Callable[[], Awaitable[Outcome]]:
    await ask_link(house, kind)
    link = link_of(house)
    return lambda: follow(house, link)


@pytest.mark.parametrize("kind", ["login", "recovery", "verification"])
async def test_a_code_counts_no_more_once_its_address_is_given_up(kind: str) -> None:
    actions, pause = pausing(kind, "code" if kind == "login" else None)
    async with open_house(actions=actions) as house:
        token = await arrive(house)
        attempt = await by_code(house, kind)
        issued = len(house.log("SessionIssued"))
        async with pause.around(attempt()) as slow:
            assert (await change(house, token)).completed
        assert isinstance(slow.exception(), FlowOvertaken)
        assert len(house.log("SessionIssued")) == issued
        assert (await attempt()).state == "sent_email", "the code is not one of theirs any more"


@pytest.mark.parametrize("kind", ["recovery", "verification"])
async def test_a_link_counts_no_more_once_its_address_is_given_up(kind: str) -> None:
    actions, pause = pausing(kind)
    flows = {kind: {"use": "link"}}
    async with open_house(
        actions=actions, selfservice={"methods": {"link": {"enabled": True}}, "flows": flows}
    ) as house:
        token = await arrive(house)
        attempt = await by_link(house, kind)
        issued = len(house.log("SessionIssued"))
        async with pause.around(attempt()) as slow:
            assert (await change(house, token)).completed
        assert isinstance(slow.exception(), FlowOvertaken)
        assert len(house.log("SessionIssued")) == issued
        assert not (await attempt()).completed


async def test_nor_as_a_second_factor() -> None:
    actions, pause = pausing("login", "code")
    second = {"methods": {"code": {"passwordless_enabled": False, "mfa_enabled": True}}}
    async with open_house(actions=actions, selfservice=second) as house:
        token = await arrive(house)
        own = (await house.sign_in()).session_token
        assert own
        pause.asked.set()
        shown_by_owner = await house.start("login", aal="aal2", session_token=own)
        assert (await house.give_code(shown_by_owner, session_token=own)).completed
        pause.asked.clear()
        flow = await house.start("login", aal="aal2", session_token=token)
        code = house.code
        async with pause.around(house.give_code(flow, code, session_token=token)) as slow:
            assert (await change(house, own)).completed
        assert isinstance(slow.exception(), FlowOvertaken)
        with pytest.raises(RequestRefused) as refused:
            await house.engine.session(token)
        assert refused.value.id == "session_aal2_required"
        assert (await house.give_code(flow, code, session_token=token)).state == "sent_email"


async def test_a_code_counts_all_the_same_where_another_address_changed() -> None:
    actions, pause = pausing("login", "code")
    async with open_house(actions=actions, identity=own_backup()) as house:
        token = await arrive(house, backup="one@example.org")
        attempt = await by_code(house, "login")
        async with pause.around(attempt()) as slow:
            assert (await change(house, token, ADA, backup="two@example.org")).completed
        outcome = slow.result()
        assert outcome.identity is not None
        assert (outcome.completed, outcome.identity.traits.backup) == (True, "two@example.org")


# ------------------------------------------------------------------------------------------------------ what is said


async def test_who_is_overtaken_is_told_what_happened_and_what_to_do() -> None:
    actions, pause = pausing("settings", "profile")
    async with open_house(actions=actions) as house:
        token = await arrive(house)
        flow = await house.start("settings", session_token=token)
        async with pause.around(give(house, flow, token, email=ADA, age=36)) as slow:
            assert (await change(house, token, ADA, age=35)).completed
        error: Any = slow.exception()
        assert (type(error), error.id, isinstance(error, FlowBusy)) == (FlowOvertaken, "self_service_flow_busy", True)
        assert "changed by another meanwhile" in str(error)
        assert "submit again" in str(error)
        assert "busy" not in str(error)
        assert (await house.engine.flow(flow.id)).state == "show_form"
        assert house.log("FlowReleased")[-1].data["reason"] == "overtaken"
        done = await give(house, flow, token, email=ADA, age=36)
        assert (done.completed, shown(done)) == (True, {None: [1050001]})
