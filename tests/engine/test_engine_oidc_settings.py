"""Providers in settings: linked, unlinked, and the last way in that stays."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from limen.domain import Outcome
from limen.domain.errors import FlowBusy, RequestRefused
from tests.support.engine import ADA, JsonDict, hook, messages, open_house, parse, shown
from tests.support.provider import Abroad, abroad, buttons, methods_of, providers

SLOTS: dict[str, list[JsonDict]] = {
    "settings.before": [hook("/settings/before")],
    "settings.after.oidc": [parse("/settings/parse"), hook("/settings/plain")],
    "registration.after": [{"hook": "session"}],
}
NO_CODE = {"code": {"enabled": True, "passwordless_enabled": False}}


async def signed_up(there: Abroad) -> str:
    """Ada, with a password; her token."""
    token = (await there.house.register(ADA)).session_token
    assert token is not None
    return token


async def press(there: Abroad, token: str | None, **values: Any) -> Outcome:
    flow = await there.house.start("settings", session_token=token)
    return await there.house.engine.submit(flow.id, method=None, values=values, session_token=token)


async def test_a_provider_is_linked_and_then_signs_in() -> None:
    async with abroad(SLOTS) as there:
        token = await signed_up(there)
        flow = await there.house.start("settings", session_token=token)
        assert buttons(flow) == [("link", "idp", 1050002), ("link", "other", 1050002)]
        linked = await there.go("settings", flow=flow, values={"link": "idp"}, session_token=token)
        assert (linked.completed, linked.flow.id) == (True, flow.id)
        assert buttons(linked) == [("unlink", "idp", 1050003), ("link", "other", 1050002)]
        assert there.house.called() == ["/settings/before", "/settings/parse", "/settings/plain"]
        ctx = there.house.sent("/settings/parse")
        assert (ctx["request_method"], ctx["flow"]["active"]) == ("GET", "oidc")
        shown_ = await there.house.engine.session(token)
        assert shown_ is not None
        factors = [(one.method, one.provider) for one in shown_.authentication_methods]
        assert factors == [("password", None), ("oidc", "idp")]
        assert methods_of(await there.go("login")) == [("oidc", "idp")]


async def test_an_unlinked_provider_signs_in_no_more_and_may_be_somebody_else_s() -> None:
    async with abroad(SLOTS) as there:
        token = await signed_up(there)
        await there.go("settings", values={"link": "idp"}, session_token=token)
        await there.go("settings", values={"link": "other"}, session_token=token)
        unlinked = await press(there, token, unlink="idp")
        assert unlinked.completed
        assert buttons(unlinked) == [("unlink", "other", 1050003), ("link", "idp", 1050002)]
        there.idp.people["s-ada"] = {"email": "new@example.org"}
        new = await there.go("login")
        assert (new.completed, new.flow.kind) == (True, "registration")


async def test_who_is_sent_away_to_link_and_does_not_come_back_goes_on_with_the_form() -> None:
    """As recorded: `active` is there once they are back."""
    async with abroad(SLOTS) as there:
        token = (await there.register()).session_token
        flow, _ = await there.leave("settings", values={"link": "other"}, session_token=token)
        values = {"unlink": "idp"}
        unlinked = await there.house.engine.submit(flow.id, method=None, values=values, session_token=token)
        assert (unlinked.completed, unlinked.flow.body.active) == (True, None)
        assert there.house.sent("/settings/parse")["flow"].get("active") is None


async def test_what_is_somebody_else_s_cannot_be_linked() -> None:
    async with abroad(SLOTS) as there:
        await there.register("s-bob")
        token = await signed_up(there)
        flow, url = await there.leave("settings", values={"link": "idp"}, session_token=token)
        refused = await there.back(flow, await there.visit(url), session_token=token)
        assert (refused.state, shown(refused)) == ("show_form", {None: [4000007]})
        assert "/settings/parse" not in there.house.called()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"link": "nobody"}, 4000001),
        ({"unlink": "idp"}, 4000001),
        ({"link": "idp", "unlink": "other"}, 4000001),
        ({"method": "oidc"}, 4010004),
    ],
)
async def test_what_makes_no_sense_is_told_on_the_form(values: JsonDict, said: int) -> None:
    async with abroad() as there:
        token = (await there.register()).session_token
        await press(there, token, unlink="idp")
        refused = await press(there, token, **values)
        assert (refused.state, shown(refused)) == ("show_form", {None: [said]})


async def test_what_is_linked_is_not_linked_again() -> None:
    async with abroad() as there:
        token = (await there.register()).session_token
        assert shown(await press(there, token, link="idp")) == {None: [4000001]}


async def test_the_last_way_to_sign_in_stays() -> None:
    async with abroad(methods=NO_CODE) as there:
        token = (await there.register()).session_token
        assert buttons(await there.house.start("settings", session_token=token)) == [("link", "other", 1050002)]
        refused = await press(there, token, unlink="idp")
        assert (refused.state, shown(refused)) == ("show_form", {None: [4000001]})
        await there.go("settings", values={"link": "other"}, session_token=token)
        assert (await press(there, token, unlink="idp")).completed
        assert shown(await press(there, token, unlink="other")) == {None: [4000001]}


async def test_a_provider_that_is_gone_is_no_way_to_sign_in(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'limen.db'}"
    async with abroad(methods=NO_CODE, store=store) as there:
        token = (await there.register()).session_token
        await there.go("settings", values={"link": "other"}, session_token=token)
    oidc = {"enabled": True, "config": {"providers": providers("http://127.0.0.1:1")}}
    async with open_house(store=store, selfservice={"methods": {"oidc": oidc, **NO_CODE}}) as house:
        flow = await house.start("settings", session_token=token)
        assert buttons(flow) == [], "the one that is left cannot be given up, and is not offered to be"
        refused = await house.engine.submit(flow.id, method=None, values={"unlink": "idp"}, session_token=token)
        assert shown(refused) == {None: [4000001]}


async def test_where_a_code_signs_in_every_provider_may_go() -> None:
    async with abroad() as there:
        token = (await there.register()).session_token
        assert (await press(there, token, unlink="idp")).completed


async def test_linking_and_unlinking_take_a_fresh_session() -> None:
    async with abroad() as there:
        token = (await there.register()).session_token
        there.house.clock.advance(3601)
        for values in ({"link": "other"}, {"unlink": "idp"}):
            with pytest.raises(RequestRefused) as told:
                await press(there, token, **values)
            assert told.value.id == "session_refresh_required"


async def test_a_refusing_action_leaves_what_is_linked_as_it_was() -> None:
    async with abroad(SLOTS) as there:
        token = (await there.register()).session_token
        there.house.sink.script("/settings/parse", messages(("#/", 77, "no")))
        assert shown(await press(there, token, unlink="idp")) == {None: [77]}
        refused = await there.go("settings", values={"link": "other"}, session_token=token)
        assert (refused.state, shown(refused)) == ("show_form", {None: [77]})
        flow = await there.house.start("settings", session_token=token)
        assert buttons(flow) == [("unlink", "idp", 1050003), ("link", "other", 1050002)]


async def test_two_that_link_at_once_both_stand_or_one_is_told() -> None:
    async with abroad() as there:
        token = await signed_up_without(there)
        first, one = await there.leave("settings", values={"link": "idp"}, session_token=token)
        second, two = await there.leave("settings", values={"link": "other"}, session_token=token)
        backs = [(first, await there.visit(one)), (second, await there.visit(two))]
        trips = [there.back(flow, url, session_token=token) for flow, url in backs]
        came = await asyncio.gather(*trips, return_exceptions=True)
        for (flow, url), one_of_them in zip(backs, came, strict=True):
            if isinstance(one_of_them, FlowBusy):  # told, and nothing was lost: the same callback counts
                assert (await there.back(flow, url, session_token=token)).completed
            else:
                assert isinstance(one_of_them, Outcome)
                assert one_of_them.completed
        flow = await there.house.start("settings", session_token=token)
        assert [(name, id_) for name, id_, _ in buttons(flow)] == [("unlink", "idp"), ("unlink", "other")]


async def signed_up_without(there: Abroad) -> str | None:
    """Ada, signed in by her password."""
    await there.house.register(ADA)
    return (await there.house.sign_in(ADA)).session_token
