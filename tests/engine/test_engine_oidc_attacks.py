"""What somebody may try with a provider's answer, and what it comes to."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from limen.adapters.demo.provider import new_key
from limen.adapters.methods.oidc import flow_of_state
from limen.domain.errors import FlowBusy, FlowFinished, RequestRefused
from limen.domain.testing import FixedClock
from tests.support.engine import ADA, NOON, JsonDict, hook, parse, shown
from tests.support.provider import CALLBACK, SECRET, Abroad, abroad, query


def altered(url: str, **fields: str | None) -> str:
    """The address with these fields in place of its own; None takes one out."""
    there = {**query(url), **fields}
    return f"{url.partition('?')[0]}?{urlencode({name: value for name, value in there.items() if value is not None})}"


async def stays_out(there: Abroad, flow: Any, url: str, **options: Any) -> str:
    """The answer is refused and nothing is appended; the id of the refusal."""
    size = there.house.size
    with pytest.raises(RequestRefused) as told:
        await there.back(flow, url, **options)
    assert there.house.size == size
    return told.value.id


# -- who answers, and to what (RFC 9700 §4)


async def test_a_state_counts_once() -> None:
    async with abroad() as there:
        await there.register()
        flow, url = await there.leave("login")
        back = await there.visit(url)
        assert (await there.back(flow, back)).completed
        with pytest.raises(FlowFinished):
            await there.back(flow, back)
        there.idp.error = "access_denied"
        flow, url = await there.leave("login")
        back = await there.visit(url)
        await there.back(flow, back)
        assert await stays_out(there, flow, back) == "oidc_state_mismatch"


async def test_the_state_of_another_flow_or_of_an_earlier_trip_counts_for_nothing() -> None:
    async with abroad() as there:
        await there.register()
        mine, url = await there.leave("login")
        there.idp.visitor = "s-bob"
        theirs, other = await there.leave("login")
        back, foreign = await there.visit(url), await there.visit(other)
        assert await stays_out(there, mine, foreign) == "oidc_state_mismatch"
        for state in ("", "x", f"{mine.id.hex}.", None):
            assert state is None or await stays_out(there, mine, altered(back, state=state)) == "oidc_state_mismatch"
        _, later = await there.leave("login", flow=mine)
        assert await stays_out(there, mine, back) == "oidc_state_mismatch"
        there.idp.visitor = "s-ada"
        assert (await there.back(mine, await there.visit(later))).completed
        assert (await there.back(theirs, foreign)).completed, "who was really away has lost nothing"


async def test_a_state_says_which_flow_it_is_of() -> None:
    async with abroad() as there:
        flow, url = await there.leave("login")
        assert flow_of_state(query(url)["state"]) == flow.id
        for text in ("", ".", "x.y", "0" * 32, "g" * 32 + ".x", str(flow.id)):
            assert flow_of_state(text) is None


async def test_an_answer_of_another_provider_is_refused() -> None:
    """Mix-up: the browser was sent to one provider, and another one's answer is passed off as its (RFC 9207)."""
    async with abroad() as there:
        await there.register()
        flow, url = await there.leave("login")
        back = await there.visit(url)
        for wrong in (
            back.replace("/callback/idp", "/callback/other"),
            altered(back, iss=there.other.issuer),
            altered(back, iss=None),
        ):
            assert await stays_out(there, flow, wrong) == "oidc_provider_mismatch"
        assert (await there.back(flow, back)).completed


async def test_a_code_of_another_browser_is_no_use_for_want_of_its_verifier() -> None:
    """Code injection: a code that somebody else was given does not count here (RFC 7636 §1)."""
    async with abroad() as there:
        await there.register()
        _, theirs = await there.leave("login")
        stolen = query(await there.visit(theirs))["code"]
        flow, url = await there.leave("login")
        refused = await there.back(flow, altered(await there.visit(url), code=stolen))
        assert (refused.state, shown(refused)) == ("choose_method", {None: [4000001]})


async def test_a_code_of_another_browser_is_no_use_without_pkce_either() -> None:
    """There the nonce of the ID token gives it away (RFC 9700 §4.5.3.2)."""
    async with abroad(provider={"pkce": "never"}) as there:
        await there.register()
        _, theirs = await there.leave("login")
        stolen = query(await there.visit(theirs))["code"]
        flow, url = await there.leave("login")
        refused = await there.back(flow, altered(await there.visit(url), code=stolen))
        assert (refused.state, shown(refused)) == ("choose_method", {None: [4000001]})


# -- ID tokens (OpenID Connect Core 1.0 §3.1.3.7)

AT = int(NOON.timestamp())


LIES: tuple[JsonDict, ...] = (
    {"iss": "https://elsewhere.example"},
    {"iss": None},
    {"aud": "another"},
    {"aud": None},
    {"aud": []},
    {"aud": ["cid", "another"]},
    {"aud": ["cid", "another"], "azp": "another"},
    {"azp": "another"},
    {"nonce": "another"},
    {"nonce": None},
    {"exp": AT - 61},
    {"exp": None},
    {"iat": AT + 61},
    {"nbf": AT + 61},
    {"sub": None},
    {"sub": 7},
    {"sub": ""},
)


async def test_an_id_token_that_says_something_wrong_counts_for_nothing() -> None:
    async with abroad() as there:
        await there.register()
        for there.idp.lies in LIES:
            refused = await there.go("login")
            assert (refused.state, shown(refused)) == ("choose_method", {None: [4000001]}), there.idp.lies
            assert refused.session is None


async def test_an_id_token_that_is_right_in_every_way_counts() -> None:
    async with abroad() as there:
        await there.register()
        there.idp.lies = {"aud": ["cid", "another"], "azp": "cid", "exp": AT - 59, "iat": AT + 59}
        assert (await there.go("login")).completed


async def test_an_id_token_that_nobody_signed_counts_for_nothing() -> None:
    async with abroad() as there:
        await there.register()
        there.idp.unsigned = True
        assert shown(await there.go("login")) == {None: [4000001]}


async def test_an_id_token_signed_by_the_secret_we_share_counts_for_nothing() -> None:
    """Everybody who has the client's secret could make one; and the public key could be taken for a secret."""
    from joserfc import jwt
    from joserfc.jwk import OctKey

    async with abroad() as there:
        await there.register()
        key = OctKey.import_key(SECRET)

        def sign(claims: Any) -> str:
            return jwt.encode({"alg": "HS256", "kid": there.idp.key.kid}, dict(claims), key, algorithms=["HS256"])

        there.idp.sign = sign  # type: ignore[method-assign]  # another way to sign, for this provider alone
        assert shown(await there.go("login")) == {None: [4000001]}


async def test_keys_may_be_changed_and_a_stranger_s_key_is_none_of_them() -> None:
    async with abroad() as there:
        await there.register()
        there.idp.key = new_key("2")
        there.house.clock.advance(11)
        assert (await there.go("login")).completed, "asked for the keys once more"
        published = there.idp.key
        sign, there.idp.key = there.idp.sign, new_key("2")
        forged: list[str] = []

        def forge(claims: Any) -> str:
            forged.append(sign(claims))
            there.idp.key = published
            return forged[-1]

        there.idp.sign = forge  # type: ignore[method-assign]  # signs with a key of the same id that is not published
        assert shown(await there.go("login")) == {None: [4000001]}
        assert forged


async def test_a_token_with_an_unknown_key_does_not_make_us_ask_and_ask() -> None:
    async with abroad() as there:
        await there.register()
        for _ in range(3):
            token = there.idp.sign(there.idp.claims("s-ada", None)).split(".")
            token[0] = "eyJhbGciOiJFUzI1NiIsImtpZCI6Im5vbmUifQ"  # {"alg":"ES256","kid":"none"}
            flow = await there.house.start("login")
            values = {"provider": "idp", "id_token": ".".join(token)}
            await there.house.engine.submit(flow.id, method="oidc", values=values)
        assert len(there.idp.sink.of("/keys")) == 1


# -- sessions


async def test_nobody_gets_a_session_that_was_there_before() -> None:
    """Session fixation: what the browser brings is no session, and the one it gets is a new one."""
    async with abroad() as there:
        first = await there.register()
        planted = first.session_token
        await there.house.engine.logout(planted)
        flow, url = await there.leave("login")
        outcome = await there.back(flow, await there.visit(url), session_token=planted)
        assert outcome.completed
        assert outcome.session_token != planted
        assert await there.house.engine.session(planted) is None


async def test_a_callback_links_nothing_to_somebody_else_s_session() -> None:
    async with abroad() as there:
        ada, bob = await there.register("s-ada"), await there.register("s-bob")
        there.other.visitor = "s-bob"
        flow, url = await there.leave("settings", values={"link": "other"}, session_token=bob.session_token)
        back = await there.visit(url)
        assert await stays_out(there, flow, back, session_token=ada.session_token) == "security_identity_mismatch"
        assert await stays_out(there, flow, back) == "session_inactive"


async def test_one_answer_signs_up_one_account_however_often_it_comes() -> None:
    async with abroad({"registration.after": [parse("/slow"), {"hook": "session"}]}) as there:
        flow, url = await there.leave("registration")
        back = await there.visit(url)
        done = await asyncio.gather(*(there.back(flow, back) for _ in range(4)), return_exceptions=True)
        completed = [one for one in done if not isinstance(one, Exception)]
        assert [isinstance(one, FlowBusy) for one in done if isinstance(one, Exception)] == [True] * 3
        assert (len(completed), len(there.house.log("IdentityRegistered"))) == (1, 1)


async def test_two_who_come_with_the_same_account_at_once_are_one_person() -> None:
    """It is the account that is one: each time the provider tells another address of it."""
    async with abroad() as there:
        sign, numbers = there.idp.sign, count()
        there.idp.sign = lambda claims: sign({**claims, "email": f"a{next(numbers)}@b.c"})  # type: ignore[method-assign]
        trips = [await there.leave("registration") for _ in range(3)]
        backs = [(flow, await there.visit(url)) for flow, url in trips]
        await asyncio.gather(*(there.back(flow, url) for flow, url in backs), return_exceptions=True)
        assert len(there.house.log("IdentityRegistered")) == 1


# -- what is left lying about


async def test_nothing_secret_is_written_down_anywhere(tmp_path: Path) -> None:
    store = tmp_path / "limen.db"
    slots = {f"{kind}.after": [hook(f"/{kind}")] for kind in ("login", "registration", "settings")}
    async with abroad(slots, store=f"sqlite:///{store}") as there:
        tokens: list[str] = []
        sign = there.idp.sign

        def keep(claims: Any) -> str:
            tokens.append(sign(claims))
            return tokens[-1]

        there.idp.sign = keep  # type: ignore[method-assign]  # to know what it signed
        await there.register()
        there.idp.error = "access_denied"
        refused = await there.go("login")
        token = (await there.go("login")).session_token
        flow = await there.house.start(
            "login", query={"return_session_token_exchange_code": "true"}, return_to="http://127.0.0.1:4455/native"
        )
        native = await there.go("login", flow=flow)
        posted = [query("?" + one.body.decode()) for one in there.idp.sink.of("/token")]
        sent = [value for url in there.visited for name, value in query(url).items() if name in ("state", "nonce")]
        secrets = [SECRET, token, native.return_code, flow.body.session_token_exchange_code, *tokens, *sent]
        secrets += [form[name] for form in posted for name in ("code", "code_verifier")]
        told = "".join([repr(refused), repr(native), repr(there.house.engine.tools), str(there.house.log())])
        told += "".join(one.body.decode() for one in there.house.sink.received)
    raw = _bytes(tmp_path)
    assert len(secrets) > 15
    for secret in map(str, secrets):
        assert secret.encode() not in raw
        assert secret not in told


def _bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_an_action_is_not_given_what_the_callback_brought_as_a_secret() -> None:
    slots = {"registration.before": [hook("/before")], "registration.after": [parse("/parse")]}
    async with abroad(slots) as there:
        assert (await there.go("login")).completed
        for path in ("/before", "/parse"):
            url = there.house.sent(path)["request_url"]
            assert url.partition("?")[0] == f"{CALLBACK}/idp"
            assert query(url) == {"code": "***", "state": "***", "iss": there.idp.issuer}
        flow, url = await there.leave("registration")
        there.idp.visitor = "s-bob"
        back = await there.visit(url)
        await there.back(flow, back.replace("code=", "authCode="))  # DingTalk's name for it
        assert query(there.house.sent("/parse")["request_url"])["authCode"] == "***"


# -- crashes


async def test_a_process_that_dies_between_the_answer_and_the_append_leaves_nothing_half_done() -> None:
    clock = FixedClock(NOON)
    async with abroad({"registration.after": [parse("/parse")]}, clock=clock) as there:
        flow, url = await there.leave("registration")
        back = await there.visit(url)

        store: Any = there.house.engine.streams.store
        append: Callable[..., Any] = store.append
        steps: list[Any] = []

        async def dies(step: Any) -> None:
            steps.append(step)
            if len(steps) > 1:  # the first one is the flow's, before the provider is asked
                raise asyncio.CancelledError
            await append(step)

        store.append = dies
        with pytest.raises(asyncio.CancelledError):
            await there.back(flow, back)
        store.append = append
        assert there.house.log("IdentityRegistered") == []
        with pytest.raises(FlowBusy):
            await there.back(flow, back)
        clock.advance(121)
        refused = await there.back(flow, back)
        assert shown(refused) == {None: [4000001]}, "its code is spent: plainly refused"
        assert (await there.go("registration", flow=flow)).completed


async def test_a_process_that_dies_while_actions_run_costs_no_second_trip() -> None:
    async with abroad({"registration.after": [parse("/parse")]}) as there:
        from limen.adapters.sink import Reply

        there.house.sink.script("/parse", Reply(fault="hang"))
        flow, url = await there.leave("registration")
        back = await there.visit(url)
        task = asyncio.ensure_future(there.back(flow, back))
        await there.house.sink.wait(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        there.house.sink.script("/parse", Reply())
        outcome = await there.back(flow, back)
        assert (outcome.completed, len(there.visited)) == (True, 1)
        assert outcome.identity is not None
        assert outcome.identity.traits.email == ADA
