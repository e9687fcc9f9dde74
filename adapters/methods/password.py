"""`password`: signing in and registering with a secret that is only ever kept as an argon2id (or bcrypt) hash."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from limen.adapters.breaches import Breaches
from limen.adapters.hasher import BCRYPT_BYTES
from limen.adapters.methods.identifier_first import known_identifier
from limen.adapters.methods.profile import submitted_traits
from limen.adapters.password_policy import MAX_LENGTH, PasswordPolicy, forms, stable
from limen.domain.configuration import FlowKind
from limen.domain.errors import SubmissionInvalid
from limen.domain.identifier import normalize
from limen.domain.identity import Identity
from limen.domain.message import Message
from limen.domain.method import Accepted, Refused, Submission, Verdict
from limen.domain.ports import Hasher
from limen.domain.ui import messages, password_messages


class PasswordMethod:
    """The password of an identity."""

    name = "password"
    flows = frozenset({FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS})

    def __init__(self, config: Mapping[str, Any], hasher: Hasher, breaches: Breaches) -> None:
        self.hasher = hasher
        self.policy = PasswordPolicy(config, breaches)

    async def submit(self, submission: Submission) -> Verdict:
        """Judges a password by the kind of flow it was submitted to."""
        match submission.flow.kind:
            case FlowKind.LOGIN:
                return await self._login(submission)
            case FlowKind.REGISTRATION:
                return await self._register(submission)
            case _:
                return await self._change(submission)

    async def _login(self, submission: Submission) -> Verdict:
        """Unknown account, account without a password and wrong password look the same and take the same work."""
        values = submission.values
        identifier = values.get("identifier") or values.get("password_identifier") or known_identifier(submission)
        password = values.get("password") or ""
        missing = _missing(identifier=identifier, password=password)
        kept = {"identifier": identifier} if isinstance(identifier, str) else {}
        if missing:
            return Refused("missing", missing, kept)
        wrong = Refused("credentials", (messages.invalid_credentials(),), kept)
        if not isinstance(identifier, str) or not isinstance(password, str) or len(password) > MAX_LENGTH:
            await self.hasher.pretend("")
            return wrong
        people = submission.people
        identity = await people.holder(identifier, submission.flow)
        hashed = await people.credential(identity, self.name)
        if identity is not None and not self._identifies(submission, identity, identifier):
            hashed = None
        # whose identifier it is goes on the record alone: the answer is the same, and so is the work
        wrong = replace(wrong, identity_id=identity.id if identity else None)
        if identity is None or hashed is None:
            await self._pretend(password)
            return wrong
        if not await self._verify(password, hashed):
            return wrong
        return Accepted(identity=identity, authentication=self.name)

    def _identifies(self, submission: Submission, identity: Identity, identifier: str) -> bool:
        """An address that only recovers or verifies is no name to sign in with."""
        people = submission.people
        profile = people.profile(identity)
        schema = people.rules.schemas.get(profile.schema_id)
        return schema is not None and normalize(identifier) in schema.identifiers(profile.traits).get(self.name, ())

    async def _register(self, submission: Submission) -> Verdict:
        people, traits = submission.people, submitted_traits(submission)
        kept = {"traits": traits} if isinstance(traits, Mapping) else {}
        faults = people.rules.validator.faults(submission.schema_id, traits)
        if faults:
            return Refused("traits", tuple(faults), kept)
        profile = people.compose(traits, submission.now, schema_id=submission.schema_id)
        identifiers = people.rules.schemas[profile.schema_id].identifiers(profile.traits).get(self.name, [])
        hashed = await self._hashed(submission.values.get("password") or "", identifiers)
        if not isinstance(hashed, str):
            return replace(hashed, values=kept)
        return Accepted(profile=profile, credentials={self.name: hashed}, authentication=self.name, values=kept)

    async def _change(self, submission: Submission) -> Verdict:
        profile, people = submission.profile, submission.people
        assert profile is not None
        identifiers = people.rules.schemas[profile.schema_id].identifiers(profile.traits).get(self.name, [])
        password = submission.values.get("password") or ""
        if isinstance(password, str) and await self._in_force(submission, password):
            return Refused("password", (password_messages.unchanged(),))
        hashed = await self._hashed(password, identifiers)
        if not isinstance(hashed, str):
            return hashed
        return Accepted(credentials={self.name: hashed}, authentication=self.name)

    # -- new ones, and hashes

    async def _hashed(self, password: Any, identifiers: Sequence[str]) -> str | Refused:
        """The hash of a new password, or what stands against it: without an identifier nobody is found (Kratos)."""
        if not identifiers:
            return Refused("nameless", (messages.no_identifier(),))
        refused = await self.policy.faults(password, identifiers)
        if refused:
            return Refused("password", refused)
        try:
            return await self.hasher.hash(stable(password))
        except SubmissionInvalid:  # bcrypt looks at 72 bytes and no more
            length = len(stable(password).encode("utf-8", "surrogatepass"))
            return Refused("password", (password_messages.too_long(BCRYPT_BYTES, length, "bytes"),))

    async def _in_force(self, submission: Submission, password: str) -> bool:
        """Whether it is the password there is already. Asked in settings, of a fresh session (`Admission.fresh`)."""
        if submission.identity is None or not 0 < len(password) <= MAX_LENGTH:
            return False
        hashed = await submission.people.credential(submission.identity, self.name)
        return hashed is not None and await self._verify(password, hashed)

    async def _verify(self, password: str, hashed: str) -> bool:
        """Whether the password belongs to the hash, in its stable form or as typed."""
        for form in forms(password):
            if await self.hasher.verify(form, hashed):
                return True
        return False

    async def _pretend(self, password: str) -> None:
        """As much work as a wrong password takes."""
        for form in forms(password):
            await self.hasher.pretend(form)


def _missing(**fields: Any) -> tuple[Message, ...]:
    return tuple(messages.required(name, name) for name, value in fields.items() if not value)
