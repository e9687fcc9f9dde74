"""Second factors as their owner has them: an authenticator app with a clock of its own, and codes on paper."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyotp

from limen.domain import FlowView, Outcome
from limen.domain.document import Document
from tests.support.engine import House

FACTORS: dict[str, Any] = {
    "totp": {"enabled": True, "config": {"issuer": "Example"}},
    "lookup_secret": {"enabled": True},
}
"""`selfservice.methods` with both of them on."""


@dataclass(frozen=True)
class Authenticator:
    """An app that took a secret over."""

    secret: str

    def code(self, at: datetime) -> str:
        """The digits it shows at that time."""
        return str(pyotp.TOTP(self.secret).at(int(at.timestamp())))

    def wrong(self, at: datetime, n: int = 1) -> str:
        """Digits that it shows neither then nor within ten minutes."""
        right = {pyotp.TOTP(self.secret).at(int(at.timestamp()) + 30 * step) for step in range(-20, 21)}
        return next(
            code for add in range(n, 10**6) if (code := str((int(self.code(at)) + add) % 10**6).zfill(6)) not in right
        )


def node(shown: Outcome | FlowView, name: str) -> Document:
    """The node of that name or id."""
    flow = shown.flow if isinstance(shown, Outcome) else shown
    found = [one for one in flow.ui.nodes or () if name in (one.attributes.name, one.attributes.id)]
    assert found, f"there is no node '{name}'"
    return Document(found[0])


def names(shown: Outcome | FlowView) -> list[str]:
    """The nodes of second factors, in order; a button called `method` by its value."""
    flow = shown.flow if isinstance(shown, Outcome) else shown
    theirs = [one.attributes for one in flow.ui.nodes or () if one.group in FACTORS]
    return [f"method={one.value}" if one.name == "method" else one.name or one.id for one in theirs]


def secret_of(shown: Outcome | FlowView) -> str:
    """The secret that settings show in writing."""
    return str(node(shown, "totp_secret_key").attributes.text.context.secret)


def codes_of(shown: Outcome | FlowView) -> list[str]:
    """The backup codes that settings show and that still count."""
    listed = node(shown, "lookup_secret_codes").attributes.text.context.secrets
    return [one.context.secret for one in listed if one.id == 1050009]


async def press(house: House, flow: FlowView, button: str, token: str | None) -> Outcome:
    """A button of the settings: `totp_unlink`, `lookup_secret_regenerate` …"""
    method = "totp" if button.startswith("totp") else "lookup_secret"
    return await house.engine.submit(flow.id, method=method, values={button: True}, session_token=token)


async def link_totp(house: House, token: str | None) -> Authenticator:
    """Links an authenticator app; the step of the code given is spent."""
    flow = await house.start("settings", session_token=token)
    app = Authenticator(secret_of(flow))
    values = {"totp_code": app.code(house.clock.now())}
    assert (await house.engine.submit(flow.id, method="totp", values=values, session_token=token)).completed
    return app


async def keep_codes(house: House, token: str | None) -> list[str]:
    """Makes backup codes and confirms them."""
    flow = await house.start("settings", session_token=token)
    codes = codes_of(await press(house, flow, "lookup_secret_regenerate", token))
    assert (await press(house, flow, "lookup_secret_confirm", token)).completed
    return codes


async def prove(
    house: House, token: str | None, flow: FlowView | None = None, *, refresh: bool = False, **values: Any
) -> Outcome:
    """A second factor at login: `totp_code=…` or `lookup_secret=…`."""
    flow = flow or await house.start("login", aal="aal2", refresh=refresh, session_token=token)
    method = "totp" if "totp_code" in values else "lookup_secret"
    return await house.engine.submit(flow.id, method=method, values=values, session_token=token)
