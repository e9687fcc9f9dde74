"""`passkey`: keys that say by themselves whose they are, for signing in and up, in browsers and apps.

WebAuthn Level 3: §7.1 (a new key), §7.2 (an answer); discoverable credentials, found by their credential id.
"""

import json
from collections.abc import Mapping
from typing import Any

from limen.adapters.methods.keys.answer import Unreadable, read
from limen.adapters.methods.keys.asked import Asked
from limen.adapters.methods.keys.key import UNNAMED
from limen.adapters.methods.keys.party import passkey_party
from limen.adapters.methods.keys.ring import Ring
from limen.adapters.methods.profile import submitted_traits
from limen.domain.abilities import Glance
from limen.domain.configuration import FlowKind
from limen.domain.flow import Flow
from limen.domain.identity_schema import IdentitySchema
from limen.domain.method import AWAY, Advanced, Refused, Submission, Verdict
from limen.domain.ports import Secrets
from limen.domain.ui import key_messages, messages

_FLOWS = frozenset({FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS})
_SAYS = {
    FlowKind.LOGIN: ("passkey_login",),
    FlowKind.REGISTRATION: ("passkey_register",),
    FlowKind.SETTINGS: ("passkey_settings_register", "passkey_remove"),
}
"""The fields that say it all: the script sends a form without a button, and a key's button names no method (Kratos)."""


class PasskeyMethod:
    """The passkeys of an identity."""

    name = "passkey"
    flows = _FLOWS
    shows = _FLOWS

    def __init__(self, config: Mapping[str, Any], secrets: Secrets, base_url: str) -> None:
        self.secrets = secrets
        self.party = passkey_party(config, base_url)
        self.ring = Ring(self.name, self.party, secrets, alone=True)

    def implied(self, flow: Flow, values: Mapping[str, Any]) -> bool:
        """An answer, and a key to be removed, need no method."""
        return any(values.get(name) for name in _SAYS.get(flow.kind, ()))

    async def submit(self, submission: Submission) -> Verdict:
        """An answer at login; a new key in registration; a new one, or one to be removed, in settings."""
        match submission.flow.kind:
            case FlowKind.LOGIN:
                return await self._login(submission)
            case FlowKind.REGISTRATION:
                return self._register(submission)
            case _:
                return await self._change(submission)

    async def _login(self, submission: Submission) -> Verdict:
        text, people = submission.values.get("passkey_login"), submission.people
        if not text:
            return Advanced("asked", error=AWAY)
        if submission.identity is not None:  # who confirms that it is them has no other's key
            keys = await self.ring.keys(people, submission.identity)
            return self.ring.answered(submission, text, submission.identity, keys)
        try:
            reservation = await people.key_reservation(read(text).id)
        except Unreadable:
            return Refused("unreadable", (key_messages.unreadable(),))
        if not reservation.version:
            again = (Asked.of(submission.pending) or Asked.draw(self.secrets)).again(self.secrets)
            return Refused("unknown_key", (key_messages.no_key(),), pending=again.record())
        identity = await people.identity(reservation.holder) if reservation.holder else None
        return self.ring.answered(submission, text, identity, await self.ring.keys(people, identity), by_key=True)

    def _register(self, submission: Submission) -> Verdict:
        traits = submitted_traits(submission)
        kept = {"traits": traits} if isinstance(traits, Mapping) else {}
        text = submission.values.get("passkey_register")
        if not text:
            return Refused("missing", (messages.no_method(FlowKind.REGISTRATION),), kept)
        return self.ring.registered(submission, text, UNNAMED, traits, kept)

    async def _change(self, submission: Submission) -> Verdict:
        values, keys = submission.values, await self.ring.keys(submission.people, submission.identity)
        if values.get("passkey_remove"):
            return self.ring.removed(submission, values["passkey_remove"], keys)
        if values.get("passkey_settings_register"):
            return self.ring.made(submission, values["passkey_settings_register"], UNNAMED, keys)
        return Refused("missing", (messages.no_method(FlowKind.SETTINGS),))

    # -- what the form shows

    async def prepare(self, glance: Glance) -> str | None:
        """What is asked from the start of the flow; nothing where a second factor is wanted."""
        flow = glance.flow
        keys = await self.ring.keys(glance.people, glance.identity)
        if flow.kind is not FlowKind.LOGIN:
            return Asked.draw_new(self.secrets, keys).record()
        if flow.requested_aal != "aal1":
            return None
        return Asked.draw(self.secrets, [key.id for key in keys] if flow.refresh else ()).record()

    async def show(self, glance: Glance) -> Mapping[str, Any]:
        """The options of the question, as the script takes them; in settings also the keys there are."""
        asked, people = Asked.of(glance.pending), glance.people
        if glance.flow.kind is FlowKind.LOGIN:
            return {"options": self.party.request(asked.challenge, asked.listed)} if asked else {}
        if glance.flow.kind is FlowKind.REGISTRATION:
            schema = IdentitySchema.of(people.rules.schemas[people.rules.schema_of(glance.flow)])
            return {"options": self._new(asked, schema)} if asked else {}
        identity, profile = glance.identity, glance.profile
        if identity is None or profile is None:
            return {}
        keys = await self.ring.keys(people, identity)
        name = people.rules.schemas[profile.schema_id].display_name(profile.traits)
        options = self.ring.creation(asked, name)
        return {"options": options, "keys": self.ring.shown(people, identity, profile, keys)}

    def _new(self, asked: Asked, schema: IdentitySchema) -> str:
        """In registration the script puts in what the key is called by, from the field that says so."""
        options = self.party.creation(asked.challenge, asked.handle, self.party.name)
        data = {"credentialOptions": options, "displayNameFieldName": schema.display_name_field}
        return json.dumps(data, separators=(",", ":"))
