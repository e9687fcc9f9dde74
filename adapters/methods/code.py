"""`code`: six digits sent to an address. Recovers and verifies, and signs in and up where it is `passwordless`.

A code counts once, for the flow and the address it was sent for; another one replaces it; five wrong tries are
forgiven. After ten of an address, over all flows, it is sent longer codes (`limen.domain.lockout`). Whether anybody is
known under an address is not to be learnt from recovery and verification.
"""

from collections.abc import Mapping
from typing import Any

from limen.adapters.methods.identifier_first import known_identifier
from limen.adapters.methods.own_address import message, person_at, still_theirs
from limen.adapters.methods.profile import submitted_traits
from limen.adapters.methods.second_code import SecondCode
from limen.domain.assurance import asks_second_factor
from limen.domain.code import LONG, LONG_DIGITS, MAX_WRONG, SentCode, code_lifespan
from limen.domain.configuration import FlowKind
from limen.domain.identifier import normalize
from limen.domain.identity import Identity
from limen.domain.link import code_url
from limen.domain.lockouts import code_digits
from limen.domain.method import Accepted, Challenged, Exhausted, Refused, Replaced, Submission, Verdict
from limen.domain.ports import Secrets
from limen.domain.profile import Profile
from limen.domain.ui import messages

_TEMPLATES = {FlowKind.RECOVERY: "recovery_code", FlowKind.VERIFICATION: "verification_code"}


class CodeMethod:
    """One-time codes."""

    name = "code"
    flows = frozenset({FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.RECOVERY, FlowKind.VERIFICATION})

    def __init__(self, config: Mapping[str, Any], secrets: Secrets) -> None:
        self.secrets = secrets
        self.lifespan = code_lifespan(config)
        self.most_wrong = int(config.get("max_submissions", MAX_WRONG))
        self.falls_back = config.get("missing_credential_fallback_enabled") is True
        self.second = SecondCode(secrets, self.lifespan, self.most_wrong)

    async def prompt(self, submission: Submission) -> Challenged | None:
        """The code of a second factor, sent when the login starts."""
        return await self.second.prompt(submission)

    async def submit(self, submission: Submission) -> Verdict:
        """A code, when one was sent and one is given; else the address that one is wanted for."""
        if asks_second_factor(submission.flow):
            return await self.second.submit(submission)
        code = submission.values.get("code")
        if submission.flow.state == "sent_email" and not self._wants_another(submission, code):
            return await self._check(submission, code)
        match submission.flow.kind:
            case FlowKind.LOGIN:
                return await self._send_login(submission)
            case FlowKind.REGISTRATION:
                return await self._send_registration(submission)
            case _:
                return await self._send_to_address(submission)

    def _wants_another(self, submission: Submission, code: Any) -> bool:
        """Whether another code is asked for. In recovery `email` is that button, whatever else was typed (Kratos)."""
        values, recovers = submission.values, submission.flow.kind is FlowKind.RECOVERY
        return bool(values.get("resend") or (values.get("email") and (recovers or not code)))

    # -- sending

    async def _send_login(self, submission: Submission) -> Verdict:
        resent = submission.flow.state == "sent_email"
        known = submission.kept.get("identifier") if resent else known_identifier(submission)
        identifier = submission.values.get("identifier") or known
        if not isinstance(identifier, str) or not identifier:
            return Refused("missing", (messages.required("identifier", "identifier"),), {"identifier": ""})
        address = normalize(identifier)
        identity = await submission.people.holder(address, submission.flow)
        profile = submission.people.profile(identity) if identity else None
        if identity is None or profile is None or not self._signs_in(submission, profile, address):
            if submission.people.rules.configuration.hides_accounts:
                return await self._challenge(
                    submission, address, "login_code", known=False, values={"identifier": identifier}
                )
            whose = identity.id if identity else None
            return Refused("unknown", (messages.no_code_user(),), {"identifier": identifier}, whose)
        return await self._challenge(
            submission, address, "login_code", identity=identity, values={"identifier": identifier}
        )

    def _signs_in(self, submission: Submission, profile: Profile, address: str) -> bool:
        schema = submission.people.rules.schemas[profile.schema_id]
        if any(value == address for value, _ in schema.identifiers(profile.traits).get(self.name, ())):
            return True
        return self.falls_back and any(one.value == address for one in profile.verifiable)

    async def _send_registration(self, submission: Submission) -> Verdict:
        people = submission.people
        traits = submission.values.get("traits")
        if traits is None:
            sent = submission.flow.state == "sent_email"
            traits = _traits_sent(submission) if sent else submitted_traits(submission)
        kept = {"traits": traits} if isinstance(traits, Mapping) else {}
        faults = people.rules.validator.faults(submission.schema_id, traits)
        if faults:
            return Refused("traits", tuple(faults), kept)
        profile = people.compose(traits, submission.now, schema_id=submission.schema_id)
        addresses = people.rules.schemas[profile.schema_id].identifiers(profile.traits).get(self.name, [])
        if not addresses:
            return Refused("missing", (messages.required("email", "traits.email"),), kept)
        address, via = addresses[0]
        return await self._challenge(submission, address, "registration_code", via=via, values=kept)

    async def _send_to_address(self, submission: Submission) -> Verdict:
        """Recovery and verification: the same answer whoever it is, and a code in the mail only for those known."""
        typed = submission.values.get("email") or ""
        if not isinstance(typed, str) or not typed:
            return Refused("missing", (messages.required("email", "email"),), {"email": ""})
        address = normalize(typed)
        identity = await person_at(submission, address)
        if isinstance(identity, Refused):
            return identity
        return await self._challenge(
            submission,
            address,
            _TEMPLATES[submission.flow.kind],
            known=identity is not None,
            identity=identity,
            values={"email": typed},
        )

    async def _challenge(
        self,
        submission: Submission,
        address: str,
        template: str,
        *,
        known: bool = True,
        via: str = "email",
        identity: Identity | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> Challenged:
        digits = await code_digits(submission.people, address)
        code, long = self.secrets.digits(digits), {LONG: True} if digits == LONG_DIGITS else {}
        flow, configuration = submission.flow, submission.people.rules.configuration
        link = code_url(configuration, flow.id, code) if flow.kind is FlowKind.VERIFICATION else None
        return Challenged(
            address=address,
            via=via,
            code=code,
            lifespan=self.lifespan,
            identity=identity,
            mail=message(submission, template, address, known=known, code=code, link=link),
            resent=flow.state == "sent_email",
            values={**(values or {}), **long},
        )

    # -- checking

    async def _check(self, submission: Submission, code: Any) -> Verdict:
        flow, sent = submission.flow, submission.code
        if not isinstance(code, str) or not code.strip():
            return Refused("missing", (messages.required("code", "code"),))
        people = submission.people
        if flow.kind is FlowKind.REGISTRATION and self._changed(submission):
            return Refused("traits_changed", (messages.traits_changed(),))
        if sent is None or not sent.is_right(people.keyring, flow.id, code, submission.now):
            return self._late(submission, sent, code) or self._wrong(submission)
        if flow.kind is FlowKind.REGISTRATION:
            return self._registered(submission, sent.address, sent.via)
        identity = await people.identity(sent.identity_id) if sent.identity_id else None
        if identity is None or not self._still_theirs(submission, identity, sent.address):
            return self._wrong(submission)
        recovers = flow.kind is FlowKind.RECOVERY
        return Accepted(
            identity=identity,
            authentication="code_recovery" if recovers else self.name,
            verified=((sent.via, sent.address),),
        )

    def _still_theirs(self, submission: Submission, identity: Identity, address: str) -> bool:
        """A code that went to an address counts no more once its owner has given the address up."""
        if submission.flow.kind is FlowKind.LOGIN:
            return self._signs_in(submission, submission.people.profile(identity), address)
        return still_theirs(submission, identity, address)

    def _late(self, submission: Submission, sent: SentCode | None, code: str) -> Verdict | None:
        """A code of recovery or verification that would be right and is too old: a new flow says so (Kratos)."""
        flow, keyring = submission.flow, submission.people.keyring
        if flow.kind not in _TEMPLATES or sent is None or not sent.is_late(keyring, flow.id, code, submission.now):
            return None
        said = (messages.flow_expired(flow.kind, sent.expires_at),)
        return Replaced("wrong_code", said, ends=flow.wrong_codes >= self.most_wrong, identity_id=sent.identity_id)

    def _wrong(self, submission: Submission) -> Verdict:
        """As many wrong tries as `max_submissions` are forgiven, by default five; the next ends the flow (Kratos)."""
        whose = submission.code.identity_id if submission.code else None
        if submission.flow.wrong_codes >= self.most_wrong:
            return Exhausted((messages.generic("too many wrong codes; start over"),), whose)
        return Refused("wrong_code", (messages.code_invalid(submission.flow.kind),), identity_id=whose)

    def _changed(self, submission: Submission) -> bool:
        """Whether other traits come with the code than it was sent for. Those left out stay as they were (Kratos)."""
        given, schema = submission.values.get("traits"), submission.people.rules.schemas[submission.schema_id]
        return given is not None and not _agree(given, schema.with_defaults(_traits_sent(submission)))

    def _registered(self, submission: Submission, address: str, via: str) -> Verdict:
        """The traits are those the code was sent for."""
        traits, people, schema_id = _traits_sent(submission), submission.people, submission.schema_id
        profile = people.compose(traits, submission.now, schema_id=schema_id, verified=[(via, address)])
        return Accepted(
            profile=profile,
            credentials={self.name: address},
            authentication=self.name,
            verified=((via, address),),
            values={"traits": traits},
        )


def _agree(given: Any, sent: Any) -> bool:
    if isinstance(given, Mapping) and isinstance(sent, Mapping):
        return all(name in sent and _agree(value, sent[name]) for name, value in given.items())
    return bool(given == sent)


def _traits_sent(submission: Submission) -> Mapping[str, Any]:
    """The traits that the last code was sent for: never ones that were refused since."""
    traits: Mapping[str, Any] = submission.challenge["values"].get("traits", {}) if submission.challenge else {}
    return traits
