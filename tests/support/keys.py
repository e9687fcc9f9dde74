"""Security keys and passkeys as their owner has them: made in registration and settings, asked at login."""

from collections.abc import Mapping
from typing import Any

from limen.domain import FlowView, Outcome
from tests.support.authenticator import RP, Authenticator, options_of
from tests.support.engine import ADA, PASSWORD, House, JsonDict

PASSKEY: JsonDict = {"enabled": True, "config": {"rp": RP}}
SECOND: JsonDict = {"enabled": True, "config": {"passwordless": False, "rp": RP}}
ALONE: JsonDict = {"enabled": True, "config": {"passwordless": True, "rp": RP}}
SIGNS_IN: JsonDict = {
    f"registration.after.{method}": [{"hook": "session"}] for method in ("password", "passkey", "webauthn")
}
NO_CODE: JsonDict = {"enabled": True, "passwordless_enabled": False}


def methods(**on: JsonDict) -> JsonDict:
    """The section `selfservice` with these methods on, beside those a house has; `code` signs nobody in."""
    return {"methods": {"code": NO_CODE, **on}}


class Keyring:
    """What one person does with keys, in a house."""

    def __init__(self, house: House, email: str = ADA, type: str = "browser") -> None:
        self.house, self.email, self.type = house, email, type
        self.token: str | None = None

    async def start(self, kind: str, **options: Any) -> FlowView:
        return await self.house.start(kind, **{"type": self.type, "session_token": self.token, **options})

    async def submit(self, flow: FlowView | Outcome, method: str, values: Mapping[str, Any], **options: Any) -> Outcome:
        shown = flow.flow if isinstance(flow, Outcome) else flow
        given = {"session_token": self.token, **options}
        outcome = await self.house.engine.submit(shown.id, method=method, values=values, **given)
        if outcome.session_token:
            self.token = outcome.session_token
        return outcome

    async def by_password(self, *, registered: bool = False) -> "Keyring":
        """Registered and signed in by password."""
        if not registered:
            await self.house.register(self.email)
        self.token = (await self.house.sign_in(self.email, PASSWORD)).session_token
        return self

    async def sign_out(self) -> None:
        await self.house.engine.logout(self.token)
        self.token = None

    # -- passkeys

    async def register(self, key: Authenticator | None = None, flow: FlowView | None = None) -> Authenticator:
        """A registration by passkey, from start to end."""
        key = key or Authenticator()
        assert (await self.try_register(key, flow)).completed
        return key

    async def try_register(self, key: Authenticator, flow: FlowView | None = None) -> Outcome:
        flow = flow or await self.start("registration")
        answer = key.create(options_of(flow, "passkey_create_data"))
        return await self.submit(flow, "passkey", {"traits": {"email": self.email}, "passkey_register": answer})

    async def sign_in(self, key: Authenticator, flow: FlowView | Outcome | None = None, **options: Any) -> Outcome:
        """A login by passkey."""
        flow = flow or await self.start("login", **options)
        answer = key.get(options_of(flow, "passkey_challenge"))
        return await self.submit(flow, "passkey", {"passkey_login": answer})

    async def add(self, key: Authenticator, flow: FlowView | Outcome | None = None) -> Outcome:
        """A passkey is added in settings."""
        flow = flow or await self.start("settings")
        answer = key.create(options_of(flow, "passkey_create_data"))
        return await self.submit(flow, "passkey", {"passkey_settings_register": answer})

    async def remove(self, key: Authenticator, method: str = "passkey") -> Outcome:
        return await self.submit(await self.start("settings"), method, {f"{method}_remove": key.id.hex()})

    # -- security keys

    async def add_key(
        self, key: Authenticator, name: str = "blue key", flow: FlowView | Outcome | None = None
    ) -> Outcome:
        """A security key is added in settings."""
        flow = flow or await self.start("settings")
        answer = key.create(options_of(flow, "webauthn_register_trigger"))
        return await self.submit(flow, "webauthn", {"webauthn_register": answer, "webauthn_register_displayname": name})

    async def prove(
        self, key: Authenticator, flow: FlowView | Outcome | None = None, *, refresh: bool = False
    ) -> Outcome:
        """A security key as a second factor."""
        flow = flow or await self.start("login", aal="aal2", refresh=refresh)
        return await self.answer(key, flow)

    async def answer(self, key: Authenticator, flow: FlowView | Outcome, email: str | None = None) -> Outcome:
        answer = key.get(options_of(flow, "webauthn_login_trigger"))
        return await self.submit(flow, "webauthn", {"identifier": email or self.email, "webauthn_login": answer})

    async def try_register_key(self, key: Authenticator, flow: FlowView | None = None) -> Outcome:
        """A registration by a security key."""
        flow = flow or await self.start("registration")
        values = {"traits": {"email": self.email}, "webauthn_register_displayname": "blue key"}
        answer = key.create(options_of(flow, "webauthn_register_trigger"))
        return await self.submit(flow, "webauthn", {**values, "webauthn_register": answer})

    async def name(self, email: str | None = None, flow: FlowView | None = None) -> Outcome:
        """The name is given, and its keys are asked."""
        flow = flow or await self.start("login")
        return await self.submit(flow, "webauthn", {"identifier": email or self.email})
