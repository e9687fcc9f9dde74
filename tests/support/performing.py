"""Performing: every method in every flow it belongs to, as its person would go through it, from start to end.

A performance is prepared first (somebody registers, signs in, links an authenticator); what it gives back is the flow
itself, from its start to its success.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from limen.domain import Outcome
from tests.support.engine import ADA, House, JsonDict
from tests.support.factors import (
    FACTORS,
    Authenticator,
    codes_of,
    keep_codes,
    link_totp,
    press,
    prove,
    secret_of,
)

Flow = Callable[[], Awaitable[Outcome]]
Performance = Callable[[House], Awaitable[Flow]]

METHODS: JsonDict = {**FACTORS}
"""`selfservice.methods` with every method of this file on, beside those a house has anyway."""

PERFORMANCES: dict[tuple[str, str], Performance] = {}
"""By flow and method."""


def performs(kind: str, method: str) -> Callable[[Performance], Performance]:
    """Enters a performance."""

    def enter(performance: Performance) -> Performance:
        PERFORMANCES[kind, method] = performance
        return performance

    return enter


def sections(kind: str, method: str) -> dict[str, Any]:
    """The sections of a configuration that this method needs in this flow."""
    return {"selfservice": {"methods": METHODS}}


async def signed_in(house: House) -> str:
    """Somebody who registered and signed in by password: the token."""
    await house.register()
    token = (await house.sign_in()).session_token
    assert token is not None
    return token


# --------------------------------------------------------------------------------------------------------------- login


@performs("login", "password")
async def _(house: House) -> Flow:
    await house.register()
    return house.sign_in


@performs("login", "code")
async def _(house: House) -> Flow:
    await house.register()

    async def flow() -> Outcome:
        return await house.give_code(await house.ask_code("login"))

    return flow


@performs("login", "totp")
async def _(house: House) -> Flow:
    token = await signed_in(house)
    app = await link_totp(house, token)
    house.clock.advance(60)

    async def flow() -> Outcome:
        return await prove(house, token, refresh=True, totp_code=app.code(house.clock.now()))

    return flow


@performs("login", "lookup_secret")
async def _(house: House) -> Flow:
    token = await signed_in(house)
    codes = await keep_codes(house, token)

    async def flow() -> Outcome:
        return await prove(house, token, refresh=True, lookup_secret=codes[0])

    return flow


# -------------------------------------------------------------------------------------------------------- registration


@performs("registration", "password")
async def _(house: House) -> Flow:
    return house.register


@performs("registration", "code")
async def _(house: House) -> Flow:
    async def flow() -> Outcome:
        return await house.give_code(await house.ask_code("registration"))

    return flow


# ------------------------------------------------------------------------------------------- recovery and verification


def _by_code(kind: str) -> None:
    @performs(kind, "code")
    async def _(house: House) -> Flow:
        await house.register()

        async def flow() -> Outcome:
            return await house.give_code(await house.ask_code(kind))

        return flow


_by_code("recovery")
_by_code("verification")


# ------------------------------------------------------------------------------------------------------------ settings


async def submit(house: House, token: str, method: str, values: Mapping[str, Any]) -> Outcome:
    """A settings flow of one submission."""
    flow = await house.start("settings", session_token=token)
    return await house.engine.submit(flow.id, method=method, values=values, session_token=token)


@performs("settings", "password")
async def _(house: House) -> Flow:
    token = await signed_in(house)
    return lambda: submit(house, token, "password", {"password": "another battery staple"})


@performs("settings", "profile")
async def _(house: House) -> Flow:
    token = await signed_in(house)
    return lambda: submit(house, token, "profile", {"traits": {"email": ADA, "age": 36}})


@performs("settings", "totp")
async def _(house: House) -> Flow:
    token = await signed_in(house)

    async def flow() -> Outcome:
        shown = await house.start("settings", session_token=token)
        values = {"totp_code": Authenticator(secret_of(shown)).code(house.clock.now())}
        return await house.engine.submit(shown.id, method="totp", values=values, session_token=token)

    return flow


@performs("settings", "lookup_secret")
async def _(house: House) -> Flow:
    token = await signed_in(house)

    async def flow() -> Outcome:
        shown = await house.start("settings", session_token=token)
        assert codes_of(await press(house, shown, "lookup_secret_regenerate", token))
        return await press(house, shown, "lookup_secret_confirm", token)

    return flow
