"""Two sessions of one person set up second factors at the same time: the later one has to look at what there is now."""

import asyncio
from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import FlowOvertaken, Outcome, RequestRefused
from tests.support.engine import ADA, House, open_house, parse
from tests.support.factors import FACTORS, Authenticator, codes_of, names, press, prove, secret_of

SLOW = {f"settings.after.{name}": [parse("/slow")] for name in ("totp", "lookup_secret")}


async def sessions(house: House) -> list[str | None]:
    await house.register()
    return [(await house.sign_in()).session_token for _ in range(2)]


async def at_once(house: House, *calls: Any) -> tuple[Outcome, BaseException]:
    """What the one that went first came to, and the other one."""
    house.sink.script("/slow", Reply(204, delay=0.1))
    done = await asyncio.gather(*calls, return_exceptions=True)
    (kept,) = [one for one in done if isinstance(one, Outcome)]
    (late,) = [one for one in done if isinstance(one, BaseException)]
    assert kept.completed
    return kept, late


async def test_an_app_that_was_linked_is_not_replaced_unseen() -> None:
    async with open_house(SLOW, selfservice={"methods": FACTORS}) as house:
        tokens = await sessions(house)
        flows = [await house.start("settings", session_token=token) for token in tokens]
        apps = [Authenticator(secret_of(flow)) for flow in flows]
        now = house.clock.now()
        calls = [
            house.engine.submit(flow.id, method="totp", values={"totp_code": app.code(now)}, session_token=token)
            for flow, app, token in zip(flows, apps, tokens, strict=True)
        ]
        kept, late = await at_once(house, *calls)
        assert (type(late), len(house.log("CredentialChanged"))) == (FlowOvertaken, 1)
        first = [flow.id for flow in flows].index(kept.flow.id)
        house.clock.advance(60)
        counts = []
        for app in apps:
            token = (await house.sign_in()).session_token
            counts.append((await prove(house, token, totp_code=app.code(house.clock.now()))).completed)
        assert counts == [number == first for number in range(2)]
        fetched = house.engine.flow(flows[1 - first].id, session_token=tokens[first])
        assert names(await fetched) == ["lookup_secret_regenerate", "totp_unlink"], "it shows what there is now"


async def test_nor_are_backup_codes_that_were_confirmed() -> None:
    async with open_house(SLOW, selfservice={"methods": FACTORS}) as house:
        tokens = await sessions(house)
        flows = [await house.start("settings", session_token=token) for token in tokens]
        pairs = list(zip(flows, tokens, strict=True))
        codes = [codes_of(await press(house, flow, "lookup_secret_regenerate", token)) for flow, token in pairs]
        calls = [press(house, flow, "lookup_secret_confirm", token) for flow, token in pairs]
        kept, late = await at_once(house, *calls)
        assert (type(late), len(house.log("CredentialChanged"))) == (FlowOvertaken, 1)
        first = [flow.id for flow in flows].index(kept.flow.id)
        token = (await house.sign_in(ADA)).session_token
        assert (await prove(house, token, lookup_secret=codes[first][0])).completed


async def test_nor_does_a_session_of_one_factor_add_another_beside_one_that_is_just_set_up() -> None:
    async with open_house(SLOW, selfservice={"methods": FACTORS}) as house:
        tokens = await sessions(house)
        app, paper = [await house.start("settings", session_token=token) for token in tokens]
        await press(house, paper, "lookup_secret_regenerate", tokens[1])
        values = {"totp_code": Authenticator(secret_of(app)).code(house.clock.now())}
        kept, late = await at_once(
            house,
            house.engine.submit(app.id, method="totp", values=values, session_token=tokens[0]),
            press(house, paper, "lookup_secret_confirm", tokens[1]),
        )
        assert type(late) is FlowOvertaken
        left, token = (paper, tokens[1]) if kept.flow.id == app.id else (app, tokens[0])
        with pytest.raises(RequestRefused) as refused:
            await press(house, left, "totp_unlink", token)
        assert refused.value.id == "session_aal2_required"
