"""`webauthn`: security keys, as a second factor, or passwordless where `config.passwordless` says so. Browsers only.

WebAuthn Level 3: §7.1 (a new key), §7.2 (an answer). Passwordless, a name is given first and then its keys are asked;
a name that nobody has, or that has no key, is answered alike (§14.6.2), unless `security.account_enumeration.mitigate`
is false outright; Kratos says that it has none. So there is a way back from the question (Kratos has none).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from limen.adapters.methods.identifier_first import known_identifier
from limen.adapters.methods.keys.asked import Asked
from limen.adapters.methods.keys.decoy import imaginary
from limen.adapters.methods.keys.key import UNNAMED
from limen.adapters.methods.keys.party import webauthn_party
from limen.adapters.methods.keys.ring import Ring
from limen.adapters.methods.profile import submitted_traits
from limen.domain.abilities import Glance
from limen.domain.configuration import FlowKind
from limen.domain.flow import Flow
from limen.domain.identifier import normalize
from limen.domain.identity import Identity
from limen.domain.method import AWAY, Advanced, Refused, Submission, Verdict
from limen.domain.ports import Secrets
from limen.domain.ui import key_messages, messages
from limen.domain.ui.keys import ASKED, PREVIOUS

_FLOWS = frozenset({FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS})
_NAME = "webauthn_register_displayname"
_SAYS = {
    FlowKind.LOGIN: ("webauthn_login", "screen"),
    FlowKind.REGISTRATION: ("webauthn_register",),
    FlowKind.SETTINGS: ("webauthn_register", "webauthn_remove"),
}
"""The fields that say it all: the script sends a form without a button, and some buttons name no method (Kratos)."""


class WebauthnMethod:
    """The security keys of an identity."""

    name = "webauthn"
    flows = _FLOWS
    shows = _FLOWS

    def __init__(self, config: Mapping[str, Any], secrets: Secrets, base_url: str) -> None:
        self.secrets = secrets
        self.passwordless = bool(config.get("passwordless"))
        self.party = webauthn_party(config, base_url)
        self.ring = Ring(self.name, self.party, secrets, alone=self.passwordless)

    def implied(self, flow: Flow, values: Mapping[str, Any]) -> bool:
        """An answer, a key to be removed, and the way back from a question need no method."""
        return any(values.get(name) for name in _SAYS.get(flow.kind, ()))

    async def submit(self, submission: Submission) -> Verdict:
        """A name, or the answer of a key, at login; a new key in registration and settings, or one to be removed."""
        flow = submission.flow
        if flow.type != "browser":
            return Refused("missing", (messages.no_method(flow.kind),))
        match flow.kind:
            case FlowKind.LOGIN:
                return await self._login(submission)
            case FlowKind.REGISTRATION:
                return self._register(submission)
            case _:
                return await self._change(submission)

    # -- login

    async def _login(self, submission: Submission) -> Verdict:
        people, values = submission.people, submission.values
        if values.get("screen") == PREVIOUS and submission.kept.get(ASKED):
            return Advanced("back", values={ASKED: None})
        name, text = values.get("identifier") or known_identifier(submission), values.get("webauthn_login")
        if not _named(submission, name):
            return Refused("missing", (messages.required("identifier", "identifier"),))
        identity = submission.identity  # at a second factor, and who confirms that it is them
        if identity is None and not text:
            return await self._ask(submission, name)
        if not text:
            return Refused("missing", (messages.generic("the security key has not answered"),))
        kept = {} if identity else {"identifier": name, ASKED: True}
        identity = identity or await self._named(submission, name)
        verdict = self.ring.answered(submission, text, identity, await self.ring.sought(people, identity))
        return replace(verdict, values=kept)

    async def _ask(self, submission: Submission, name: str) -> Verdict:
        people, identity = submission.people, await self._named(submission, name)
        keys = self.ring.usable(await self.ring.sought(people, identity))
        if not keys and people.rules.configuration.mitigates_enumeration is False:  # told outright to tell
            kept = {"identifier": known_identifier(submission), ASKED: None}
            return Refused("unknown", (key_messages.no_key_by_name(),), kept, identity.id if identity else None)
        listed = [key.id for key in keys] or imaginary(people.keyring, normalize(name))
        asked = Asked.draw(self.secrets, listed)
        values = {"identifier": name, ASKED: True}
        return Advanced("asked", (key_messages.ask_key(),), values, asked.record(), AWAY)

    async def _named(self, submission: Submission, name: str) -> Identity | None:
        """Who has this name to sign in with by a security key; finding nobody takes as long."""
        people = submission.people
        identity = await people.holder(name, submission.flow)
        if identity is None:
            return None
        profile = people.profile(identity)
        schema = people.rules.schemas.get(profile.schema_id)
        named = schema.identifiers(profile.traits).get(self.name, ()) if schema else ()
        return identity if normalize(name) in named else None

    # -- registration and settings

    def _register(self, submission: Submission) -> Verdict:
        values = submission.values
        traits, called = submitted_traits(submission), values.get(_NAME)
        kept: dict[str, Any] = {"traits": traits} if isinstance(traits, Mapping) else {}
        called = called.strip() if isinstance(called, str) else ""
        kept |= {_NAME: called} if called else {}
        text = values.get("webauthn_register")
        if not text:
            return Refused("missing", (messages.required("webauthn_register", "webauthn_register"),), kept)
        return self.ring.registered(submission, text, called or UNNAMED, traits, kept, named=True)

    async def _change(self, submission: Submission) -> Verdict:
        values, keys = submission.values, await self.ring.keys(submission.people, submission.identity)
        if values.get("webauthn_remove"):
            return self.ring.removed(submission, values["webauthn_remove"], keys)
        if not values.get("webauthn_register"):
            return Refused("missing", (messages.no_method(FlowKind.SETTINGS),))
        called = values.get(_NAME)
        if not isinstance(called, str) or not called.strip():
            return Refused("missing", (messages.required(_NAME, _NAME),))
        return self.ring.made(submission, values["webauthn_register"], called.strip(), keys)

    # -- what the form shows

    async def prepare(self, glance: Glance) -> str | None:
        """What is asked from the start of the flow: not at a login that begins with a name."""
        flow = glance.flow
        if flow.type != "browser" or (flow.kind is FlowKind.REGISTRATION and not self.passwordless):
            return None
        keys = await self.ring.keys(glance.people, glance.identity)
        if flow.kind is not FlowKind.LOGIN:
            return Asked.draw_new(self.secrets, keys).record()
        confirmed = flow.refresh if self.passwordless else flow.requested_aal != "aal1"
        listed = [key.id for key in self.ring.usable(keys)]
        return Asked.draw(self.secrets, listed).record() if confirmed and listed else None

    async def show(self, glance: Glance) -> Mapping[str, Any]:
        """The options of the question, as the script takes them; in settings also the keys there are."""
        asked, people = Asked.of(glance.pending), glance.people
        if glance.flow.kind is FlowKind.LOGIN:
            return {"options": self.party.request(asked.challenge, asked.listed)} if asked else {}
        if glance.flow.kind is FlowKind.REGISTRATION:
            return {"options": self.ring.creation(asked, self.party.name)}
        identity, profile = glance.identity, glance.profile
        if identity is None or profile is None:
            return {}
        keys = await self.ring.keys(people, identity)
        name = people.rules.schemas[profile.schema_id].display_name(profile.traits)
        shown = self.ring.shown(people, identity, profile, keys)
        return {"options": self.ring.creation(asked, name), "keys": shown[::-1]}  # the newest first, as Kratos has them


def _named(submission: Submission, name: Any) -> bool:
    """Whether it is said who signs in. Whoever is known need not say it where the form has no name of theirs."""
    if isinstance(name, str) and name.strip():
        return True
    people, profile = submission.people, submission.profile
    return profile is not None and not people.rules.schemas[profile.schema_id].known_as(profile.traits)
