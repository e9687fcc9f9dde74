"""`after logout`: told once of each session that its owner ended, scheduled with its end; it belongs to no flow."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from limen.adapters.bus import ActionRouter, MemoryBus, Message
from limen.adapters.search import Terms, search
from limen.adapters.sink import Reply
from limen.adapters.views import open_views
from limen.domain import ActionContext, Actions, Request
from limen.domain.events import DeliveryScheduled
from tests.engine_robust.audit import audit
from tests.support.cli import invoked
from tests.support.engine import ADA, SINK, House, JsonDict, hook, ignore, open_house

CONTEXT = {"identity", "session", "request_cookies", "request_headers", "request_method", "request_url"}


def logout(*hooks: JsonDict) -> JsonDict:
    """limen's own settings with these triggers."""
    return {"triggers": {"logout": {"hooks": list(hooks)}}}


async def token_of(house: House) -> str:
    """Somebody registered and signed in."""
    await house.register()
    token = (await house.sign_in()).session_token
    assert token is not None
    return token


async def test_a_logout_is_told_with_the_session_and_whose_it_was() -> None:
    async with open_house(settings=logout(hook("/out", id="bye"))) as house:
        token = await token_of(house)
        request = Request(url="http://127.0.0.1:4433/logout", headers={"User-Agent": "a browser"})
        session = await house.engine.session(token)
        assert session is not None
        assert await house.engine.logout(token, request=request)
        assert await house.engine.session(token) is None
        await house.sink.wait(1)
        ctx = house.sent("/out")
        assert set(ctx) == CONTEXT
        assert (ctx["session"]["id"], ctx["session"]["active"]) == (session.id, False)
        assert (ctx["identity"]["traits"]["email"], ctx["session"]["identity"]) == (ADA, ctx["identity"])
        assert ctx["request_headers"] == {"User-Agent": ["a browser"]}
        assert token not in house.sink.received[0].body.decode()


async def test_once_a_session_and_never_for_what_is_no_logout() -> None:
    """Not twice, not for a wrong token, nor where an action or an erasure ends the session."""
    hooks = {"login.after": [{"hook": "revoke_active_sessions"}]}
    async with open_house(hooks, settings=logout(hook("/out"))) as house:
        await token_of(house)
        token = (await house.sign_in()).session_token
        assert len(house.log("SessionRevoked")) == 1
        answers = await asyncio.gather(*(house.engine.logout(token) for _ in range(8)))
        assert sorted(answers) == [False] * 7 + [True]
        assert not await house.engine.logout(token)
        assert not await house.engine.logout("nonesuch")
        assert not await house.engine.logout(None)
        again = await house.sign_in()
        await house.engine.erase(str(again.flow.identity_id))
        await asyncio.sleep(0.05)
        assert house.called() == ["/out"]


async def test_without_a_template_it_says_the_session() -> None:
    async with open_house(settings=logout({"hook": "web_hook", "config": {"url": f"{SINK}/out"}})) as house:
        token = await token_of(house)
        session: Any = await house.engine.session(token)
        await house.engine.logout(token)
        await house.sink.wait(1)
        payload = house.sent("/out")
        assert payload["type"] == "logout"
        assert payload["data"] == {"session_id": session.id, "identity_id": session.identity.id}


async def test_it_is_sent_again_under_the_same_id_until_it_arrives() -> None:
    settings = logout(hook("/out", id="bye")) | {"worker": {"retry": {"initial": "5ms", "maximum": "10ms"}}}
    async with open_house(settings=settings) as house:
        house.sink.script("/out", [Reply(500), Reply(503), Reply(200)])
        await house.engine.logout(await token_of(house))
        while len(house.sink.received) < 3:
            house.clock.advance(1)
            await asyncio.sleep(0.01)
        await house.until("DeliveryDelivered", 2)
        assert len({one.header("Ory-Webhook-Trigger-ID") for one in house.sink.received}) == 1
        (scheduled,) = [one.data for one in house.log("DeliveryScheduled") if one.data["action"] == "bye"]
        assert (scheduled["flow_id"], scheduled["phase"], scheduled["method"]) == (None, "logout", None)
        assert (scheduled["rule"], scheduled["source"]) == ("default", "limen.yml#/triggers/logout/hooks/0")
        await audit(house.engine)


async def test_what_is_of_no_flow_stands_in_every_list(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    async with open_house(settings=logout(ignore("/out", id="bye")), store=store, bus=MemoryBus()) as house:
        await house.engine.logout(await token_of(house))
        await house.until("DeliveryDelivered", 2)
    (one,) = invoked("delivery", "list", "--store", store, "--action", "bye", "--json").json
    assert (one["flow"], one["state"], one["attempts"]) == (None, "delivered", 1)
    listed = invoked("delivery", "list", "--store", store)
    assert "bye" in listed.out
    shown = invoked("delivery", "show", one["id"], "--store", store)
    assert "bye · web_hook · logout" in shown.out
    with open_views(store) as views:
        assert list(search(views, Terms(action="bye"))) == []
    assert [one["action"] for one in invoked("actions", "stats", "--store", store, "--json").json] == ["bye"]


async def test_on_the_bus_it_has_a_phase_and_no_flow() -> None:
    bus, told = MemoryBus(), list[Message]()
    router = ActionRouter(bus, group="crm")

    @router.on(DeliveryScheduled)
    async def note(event: DeliveryScheduled, message: Message) -> None:
        if event.flow_id is None:
            told.append(message)

    with pytest.raises(ValueError, match="SessionRevoked"):
        router.after("logout")
    async with open_house(settings=logout(hook("/out", id="bye")), bus=bus) as house, router:
        await house.engine.logout(await token_of(house))
        await house.until("DeliveryDelivered", 2)
        for _ in range(200):
            if told:
                break
            await asyncio.sleep(0.01)
        (message,) = told
        assert (message.flow, message.phase, message.method) == (None, "logout", None)


async def test_a_handler_is_told_and_its_key_is_the_persons() -> None:
    actions, told = Actions(), list[str]()

    @actions.after("logout")
    async def note(context: ActionContext) -> None:
        told.append(context.session.id)

    async with open_house(actions=actions) as house:
        token = await token_of(house)
        session: Any = await house.engine.session(token)
        await house.engine.logout(token)
        await house.until("DeliveryDelivered", 2)
        assert told == [session.id]
