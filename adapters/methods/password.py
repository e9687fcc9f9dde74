"""`password`: signing in and registering with a secret that is only ever kept as an argon2id (or bcrypt) hash.

Source of the policy: Kratos' password method, and NIST SP 800-63B §5.1.1.2 (a minimum length, no composition rules).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from limen.domain.configuration import FlowKind
from limen.domain.identifier import normalize
from limen.domain.identity import Identity
from limen.domain.message import Message
from limen.domain.method import Accepted, Refused, Submission, Verdict
from limen.domain.ports import Hasher
from limen.domain.ui import messages

MAX_LENGTH = 4096
"""Characters a password may have: far beyond anything typed, short of what would keep a hasher busy."""


class PasswordMethod:
    """The password of an identity."""

    name = "password"
    flows = frozenset({FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.SETTINGS})

    def __init__(self, config: Mapping[str, Any], hasher: Hasher) -> None:
        self.hasher = hasher
        self.minimum = int(config.get("min_password_length", 8))
        self.similarity = bool(config.get("identifier_similarity_check_enabled", True))

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
        identifier = values.get("identifier") or values.get("password_identifier") or ""
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
        identity = await people.holder(identifier)
        hashed = await people.credential(identity, self.name) if identity else None
        if identity is not None and not self._identifies(submission, identity, identifier):
            hashed = None
        # whose identifier it is goes on the record alone: the answer is the same, and so is the work
        wrong = replace(wrong, identity_id=identity.id if identity else None)
        if identity is None or hashed is None:
            await self.hasher.pretend(password)
            return wrong
        if not await self.hasher.verify(password, hashed):
            return wrong
        return Accepted(identity=identity, authentication=self.name)

    def _identifies(self, submission: Submission, identity: Identity, identifier: str) -> bool:
        """An address that only recovers or verifies is no name to sign in with."""
        people = submission.people
        profile = people.profile(identity)
        schema = people.rules.schemas.get(profile.schema_id)
        return schema is not None and normalize(identifier) in schema.identifiers(profile.traits).get(self.name, ())

    async def _register(self, submission: Submission) -> Verdict:
        people, traits = submission.people, submission.values.get("traits", {})
        kept = {"traits": traits} if isinstance(traits, Mapping) else {}
        faults = people.rules.validator.faults(people.rules.default_schema, traits)
        if faults:
            return Refused("traits", tuple(faults), kept)
        profile = people.compose(traits, submission.now)
        identifiers = people.rules.schemas[profile.schema_id].identifiers(profile.traits).get(self.name, [])
        password = submission.values.get("password") or ""
        refused = self._policy(password, identifiers)
        if refused:
            return Refused("password", refused, kept)
        hashed = await self.hasher.hash(password)
        return Accepted(profile=profile, credentials={self.name: hashed}, authentication=self.name, values=kept)

    async def _change(self, submission: Submission) -> Verdict:
        profile, people = submission.profile, submission.people
        assert profile is not None
        identifiers = people.rules.schemas[profile.schema_id].identifiers(profile.traits).get(self.name, [])
        password = submission.values.get("password") or ""
        refused = self._policy(password, identifiers)
        if refused:
            return Refused("password", refused)
        return Accepted(credentials={self.name: await self.hasher.hash(password)}, authentication=self.name)

    def _policy(self, password: Any, identifiers: Sequence[str]) -> tuple[Message, ...]:
        """What stands against a new password; empty when nothing does."""
        if not isinstance(password, str):
            return (messages.wrong_type(["string"], _type_name(password), "password"),)
        if not password:
            return (messages.required("password", "password"),)
        if len(password) < self.minimum:
            return (messages.password_too_short(self.minimum, len(password)),)
        if len(password) > MAX_LENGTH:
            return (messages.password_too_long(MAX_LENGTH, len(password)),)
        if self.similarity and any(_similar(password, identifier) for identifier in identifiers):
            return (messages.password_too_similar(),)
        return ()


def _missing(**fields: Any) -> tuple[Message, ...]:
    return tuple(messages.required(name, name) for name, value in fields.items() if not value)


def _similar(password: str, identifier: str) -> bool:
    """Too much of the one is in the other: Kratos' rule (edit distance below 5, or half of it in common)."""
    one, other = password.lower(), identifier.lower()
    if one == other:
        return True
    if len(one) > 256:  # beyond this no identifier is as long, and comparing costs quadratic time
        return False
    if _distance(one, other, 5) < 5:
        return True
    common = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    return common.size / len(one) > 0.5


def _distance(one: str, other: str, limit: int) -> int:
    """The Levenshtein distance of two short texts, or at least `limit` when their lengths differ by that much."""
    if abs(len(one) - len(other)) >= limit:
        return limit
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (left != right))
    return row[-1]


def _type_name(value: Any) -> str:
    return {bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}.get(type(value), "null")
