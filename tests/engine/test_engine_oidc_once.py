"""A code is exchanged once, and what it brought is not lost; and what else must hold of what a provider says."""

import asyncio
import json
from pathlib import Path

import pytest

from limen.adapters.methods.oidc.exchange import Exchange
from limen.adapters.sink import Reply
from limen.domain import Request
from limen.domain.errors import FlowBusy, RequestRefused
from limen.domain.testing import FixedClock
from tests.support.engine import ADA, NOON, open_house, shown, uri
from tests.support.provider import LyingProvider, abroad, landing, providers, query


async def test_of_two_processes_that_get_the_same_callback_one_exchanges_the_code(tmp_path: Path) -> None:
    """A reload, or a load balancer's retry: the other one is told that it is busy, and spends nothing."""
    clock, store = FixedClock(NOON), f"sqlite:///{tmp_path}/limen.db"
    async with LyingProvider(clock) as idp:
        listed = {"providers": providers(idp.issuer, claims_source="userinfo")}
        section = {"methods": {"oidc": {"enabled": True, "config": listed}}}
        async with (
            open_house(store=store, clock=clock, selfservice=section) as one,
            open_house(store=store, clock=clock, selfservice=section) as two,
        ):
            flow = await one.start("registration")
            away = await one.engine.submit(flow.id, method=None, values={"provider": "idp"})
            back = Request(method="GET", url=await landing(away.redirect_browser_to or ""))
            told = json.dumps(idp.told("s-ada")).encode()
            idp.sink.script("/userinfo", Reply(200, told, delay=1.0))
            first = asyncio.ensure_future(one.engine.resume(flow.id, request=back))
            await asyncio.sleep(0.5)
            assert len(idp.sink.of("/userinfo")) == 1, "it is being asked"
            with pytest.raises(FlowBusy):
                await two.engine.resume(flow.id, request=back)
            assert (await first).completed
            assert len(idp.sink.of("/token")) == 1


async def test_a_session_that_grew_old_on_the_way_is_refused_before_the_code_is_spent() -> None:
    async with abroad(flows={"settings": {"privileged_session_max_age": "60s"}}) as there:
        token = (await there.register()).session_token
        flow, url = await there.leave("settings", values={"link": "other"}, session_token=token)
        there.house.clock.advance(61)
        back, size = await there.visit(url), there.house.size
        with pytest.raises(RequestRefused) as told:
            await there.back(flow, back, session_token=token)
        assert (told.value.id, there.other.sink.of("/token")) == ("session_refresh_required", [])
        assert there.house.size == size
        again = await there.house.start("login", refresh=True, session_token=token)
        there.house.clock.advance(1)
        assert (await there.go("login", flow=again, session_token=token)).completed
        assert (await there.back(flow, back, session_token=token)).completed


async def test_a_provider_that_fails_leaves_the_flow_with_its_user() -> None:
    async with abroad() as there:
        there.idp.sink.script("/token", Reply(500))
        flow, url = await there.leave("registration")
        refused = await there.back(flow, await there.visit(url))
        assert (refused.state, shown(refused)) == ("choose_method", {None: [4000001]})


async def test_an_error_on_the_way_back_leaves_the_flow_with_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    async with abroad() as there:
        flow, url = await there.leave("registration")
        back = await there.visit(url)

        async def refuses(*_: object, **__: object) -> None:
            raise RequestRefused("refused", "not now")

        with monkeypatch.context() as patched:
            patched.setattr(Exchange, "claims", refuses)
            with pytest.raises(RequestRefused, match="not now"):
                await there.back(flow, back)
        assert (await there.house.engine.flow(flow.id)).state == "choose_method"
        assert (await there.back(flow, back)).completed


async def test_the_fields_of_the_callback_do_without_its_address() -> None:
    async with abroad() as there:
        flow, url = await there.leave("registration")
        brought = query(await there.visit(url))
        with pytest.raises(RequestRefused, match="state"):
            await there.house.engine.resume(flow.id, query={**brought, "state": "another"})
        assert (await there.house.engine.resume(flow.id, query=brought)).completed


async def test_one_provider_is_linked_once_whichever_form_it_comes_from() -> None:
    async with abroad() as there:
        await there.house.register(ADA)
        token = (await there.house.sign_in(ADA)).session_token
        trips = [await there.leave("settings", values={"link": "idp"}, session_token=token) for _ in range(2)]
        backs = []
        for there.idp.visitor, (flow, url) in zip(("s-fay", "s-bob"), trips, strict=True):
            backs.append((flow, await there.visit(url)))
        assert (await there.back(*backs[0], session_token=token)).completed
        refused = await there.back(*backs[1], session_token=token)
        assert (refused.state, shown(refused)) == ("show_form", {None: [4000001]})


async def test_what_a_provider_says_is_taken_over_as_far_as_it_fits() -> None:
    """An address does not move, and an age that the schema does not take is left out; the rest is news."""
    mapper = """
      local c = std.extVar('claims');
      { identity: {
        traits: { email: c.email, name: { first: c.given_name }, [if 'age' in c then 'age']: c.age },
        metadata_public: { from: c.given_name }, metadata_admin: { sub: c.sub },
      } }
    """
    async with abroad(provider={"update_identity_on_login": "automatic", "mapper_url": uri(mapper)}) as there:
        await there.register()
        there.idp.people["s-ada"] = {"email": "ada@new.example", "given_name": "Augusta", "age": 3}
        there.idp.lies = {"age": 3}
        outcome = await there.go("login")
        assert outcome.identity is not None
        assert outcome.identity.traits.plain() == {"email": ADA, "name": {"first": "Augusta"}}
        assert outcome.identity.metadata_public.plain() == {"from": "Augusta"}


async def test_what_an_endpoint_says_of_itself_is_asked_again_after_an_hour() -> None:
    async with abroad() as there:
        described = "/.well-known/openid-configuration"
        for advance, asked in ((0, 1), (3599, 1), (2, 2)):
            there.house.clock.advance(advance)
            await there.leave("login")
            assert len(there.idp.sink.of(described)) == asked


async def test_a_mapper_is_not_given_what_is_about_the_token() -> None:
    said = "local c = std.extVar('claims'); { identity: { traits: { email: c.email }, metadata_public: c } }"
    async with abroad(provider={"mapper_url": uri(said)}) as there:
        about = dict.fromkeys(("at_hash", "c_hash", "s_hash", "sid"), "of-the-token")
        there.idp.lies = about
        identity = (await there.register()).identity
        assert identity is not None
        assert "of-the-token" not in json.dumps(identity.metadata_public.plain())
