"""People who change their addresses: what they do in settings, and what comes of it."""

from typing import Any

from limen.domain import FlowView, Outcome
from tests.support.engine import ADA, House, JsonDict, person, uri

NEW = "countess@example.org"
BOB = "bob@example.org"
BACKUP = "backup@example.org"
RESCUE = "rescue@example.org"
VERIFY_NEW = {"hook": "verify_new_address"}
PROFILE = "settings.after.profile"
"""The only list in which the actions of addresses may stand."""
WORTH_NOTHING = {None: [4070006]}
TAKEN = {None: [4000007]}
"""What a verification shows whose code counts no more, and whose address is somebody else's."""


def two_addresses() -> JsonDict:
    """`identity` with a schema of two addresses that are verified, and a phone."""
    schema = person()
    properties = schema["properties"]["traits"]["properties"]
    properties["second"] = {"type": "string", "format": "email", "ory.sh/kratos": {"verification": {"via": "email"}}}
    properties["phone"] = {"type": "string", "format": "tel", "ory.sh/kratos": {"verification": {"via": "sms"}}}
    return {"schemas": [{"id": "person", "url": uri(schema)}]}


def own_backup() -> JsonDict:
    """`identity` with a schema of a second address that is verified, and neither signs in nor recovers."""
    schema = person()
    backup = {"type": "string", "format": "email", "ory.sh/kratos": {"verification": {"via": "email"}}}
    schema["properties"]["traits"]["properties"]["backup"] = backup
    return {"schemas": [{"id": "person", "url": uri(schema)}]}


def own_rescue(**kratos: Any) -> JsonDict:
    """`identity` with a schema of a second address, `rescue`, that recovers and that nothing verifies, or as said."""
    schema = person()
    rescue = {"type": "string", "ory.sh/kratos": kratos or {"recovery": {"via": "email"}}}
    schema["properties"]["traits"]["properties"]["rescue"] = rescue
    return {"schemas": [{"id": "person", "url": uri(schema)}]}


def notify(recipients: str | None = None) -> dict[str, Any]:
    """`notify_previous_addresses`."""
    entry: dict[str, Any] = {"hook": "notify_previous_addresses"}
    return entry | ({"config": {"recipients": recipients}} if recipients else {})


async def arrive(house: House, email: str = ADA, *, verified: bool = False, **traits: Any) -> str:
    """Registers (verifies) and signs in; the session's token."""
    await house.register(email, traits=traits)
    if verified:
        assert (await house.verify(email)).completed
    token = (await house.sign_in(email)).session_token
    assert token
    return token


async def change(house: House, token: str, email: str = NEW, type_: str = "api", **traits: Any) -> Outcome:
    """Changes one's address in settings, and other traits with it."""
    flow = await house.start("settings", type=type_, session_token=token)
    return await give(house, flow, token, email=email, **traits)


async def give(house: House, flow: FlowView, token: str, payload: Any = None, **traits: Any) -> Outcome:
    """Submits traits to a settings flow."""
    return await house.engine.submit(
        flow.id, method="profile", values={"traits": traits}, session_token=token, transient_payload=payload
    )


async def awaited(house: House, outcome: Outcome) -> FlowView:
    """The verification that a change waits for."""
    (step,) = outcome.continue_with
    assert step["action"] == "show_verification_ui"
    return await house.engine.flow(step["flow"]["id"])


async def traits(house: House, token: str | None) -> dict[str, Any]:
    """What the person of a session is."""
    session = await house.engine.session(token)
    assert session is not None
    return {name: value for name, value in session.identity.traits.plain().items() if value != {}}


async def addresses(house: House, token: str | None) -> dict[str, bool]:
    """The verifiable addresses of the person of a session: which are verified."""
    session = await house.engine.session(token)
    assert session is not None
    return {one.value: one.verified for one in session.identity.verifiable_addresses}


def refusals(house: House) -> list[str]:
    """Why methods were refused, in order."""
    return [entry.data["reason"] for entry in house.log("MethodRefused")]
