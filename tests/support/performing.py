"""Performing: every method in every flow it belongs to, as its person would go through it, from start to end.

A performance is prepared first (somebody registers, signs in, links an authenticator); what it gives back is the flow
itself, from its start to its success.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from limen.domain import Outcome
from tests.support.authenticator import Authenticator as Key
from tests.support.engine import ADA, PASSWORD, House, JsonDict
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
from tests.support.journeys import journey, provider_section, there
from tests.support.keys import ALONE, PASSKEY, SECOND, Keyring
from tests.support.links import ask_link, follow, link_of

Flow = Callable[[], Awaitable[Outcome]]
Performance = Callable[[House], Awaitable[Flow]]

METHODS: JsonDict = {**FACTORS, "webauthn": SECOND, "passkey": PASSKEY, "link": {"enabled": True}}
"""`selfservice.methods` with every method of this file on, beside those a house has anyway."""

SECOND_CODE: JsonDict = {"code": {"passwordless_enabled": False, "mfa_enabled": True}}
OWN: Mapping[tuple[str, str], JsonDict] = {
    ("registration", "webauthn"): {"methods": METHODS | {"webauthn": ALONE}},
    ("login", "second_code"): {"methods": METHODS | SECOND_CODE},
    ("login", "identifier_first"): {"flows": {"login": {"style": "identifier_first"}}},
    ("registration", "profile_first"): {
        "flows": {"registration": {"enable_legacy_one_step": False, "style": "profile_first"}}
    },
}
"""What a performance needs of `selfservice` besides, by flow and method."""

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
    flows = {kind: {"use": "link"}} if method == "link" else {}
    methods = METHODS | {"oidc": provider_section()} if method == "oidc" else METHODS
    return {"selfservice": {"methods": methods, "flows": flows, **OWN.get((kind, method), {})}}


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


@performs("login", "second_code")
async def _(house: House) -> Flow:
    """`code` as a second factor."""
    token = await signed_in(house)

    async def flow() -> Outcome:
        asked = await house.start("login", aal="aal2", refresh=True, session_token=token)
        return await house.give_code(asked, session_token=token)

    return flow


@performs("login", "identifier_first")
async def _(house: House) -> Flow:
    """A login in two steps, by password."""
    await house.register()

    async def flow() -> Outcome:
        asked = await house.start("login")
        await house.engine.submit(asked.id, method="identifier_first", values={"identifier": ADA})
        return await house.engine.submit(asked.id, method="password", values={"password": PASSWORD})

    return flow


@performs("login", "webauthn")
async def _(house: House) -> Flow:
    person, key = await Keyring(house).by_password(), Key()
    assert (await person.add_key(key)).completed
    return lambda: person.prove(key, refresh=True)


@performs("login", "passkey")
async def _(house: House) -> Flow:
    key = await Keyring(house).register()
    return lambda: Keyring(house).sign_in(key)


@performs("login", "oidc")
async def _(house: House) -> Flow:
    person = await journey(house)
    async with there(person):
        await person.register()

    async def flow() -> Outcome:
        async with there(person):
            return await person.go("login")

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


@performs("registration", "profile_first")
async def _(house: House) -> Flow:
    """In two steps, by a code."""

    async def flow() -> Outcome:
        asked = await house.start("registration")
        await house.engine.submit(asked.id, method="profile", values={"traits": {"email": ADA}})
        await house.engine.submit(asked.id, method="code", values={})
        return await house.give_code(asked)

    return flow


@performs("registration", "webauthn")
async def _(house: House) -> Flow:
    return lambda: Keyring(house).try_register_key(Key())


@performs("registration", "passkey")
async def _(house: House) -> Flow:
    return lambda: Keyring(house).try_register(Key())


@performs("registration", "oidc")
async def _(house: House) -> Flow:
    person = await journey(house)

    async def flow() -> Outcome:
        async with there(person):
            return await person.go("registration")

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


def _by_link(kind: str) -> None:
    @performs(kind, "link")
    async def _(house: House) -> Flow:
        await house.register()

        async def flow() -> Outcome:
            await ask_link(house, kind)
            return await follow(house, link_of(house))

        return flow


_by_link("recovery")
_by_link("verification")


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


@performs("settings", "webauthn")
async def _(house: House) -> Flow:
    person = await Keyring(house).by_password()
    return lambda: person.add_key(Key())


@performs("settings", "passkey")
async def _(house: House) -> Flow:
    person = await Keyring(house).by_password()
    return lambda: person.add(Key())


@performs("settings", "oidc")
async def _(house: House) -> Flow:
    token, person = await signed_in(house), await journey(house)
    person.idp.visitor = "s-bob"

    async def flow() -> Outcome:
        async with there(person):
            return await person.go("settings", session_token=token, values={"link": "idp"})

    return flow
