"""Ring: the keys of one person and one method: found, added, taken off, and what settings say of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from limen.adapters.methods.keys.answer import CounterWentBack, Unreadable, Wrong, read, verify, verify_new
from limen.adapters.methods.keys.asked import Asked
from limen.adapters.methods.keys.decoy import nobodys_key
from limen.adapters.methods.keys.key import Key, read_keys, write_keys
from limen.adapters.methods.keys.party import Party
from limen.domain.first_factors import first_factors
from limen.domain.identity import Identity
from limen.domain.key_mode import key_held
from limen.domain.method import LOWER_COUNTER, Accepted, Refused, Submission
from limen.domain.people import People
from limen.domain.ports import Secrets
from limen.domain.profile import Profile
from limen.domain.ui import key_messages


@dataclass(frozen=True, slots=True)
class Ring:
    """What one method does with keys. `alone`: whether its keys sign in by themselves; others are second factors."""

    method: str
    party: Party
    secrets: Secrets = field(repr=False)
    alone: bool

    @property
    def aal(self) -> str:
        """What a session shows by one of these keys."""
        return "aal1" if self.alone else "aal2"

    async def keys(self, people: People, identity: Identity | None) -> tuple[Key, ...]:
        """Every key of somebody, in the order in which they were added."""
        if identity is None or self.method not in identity.credentials:
            return ()
        return await self.sought(people, identity)

    async def sought(self, people: People, identity: Identity | None) -> tuple[Key, ...]:
        """The same for who asks by a name: nobody, and who has none, take the same read of the vault."""
        return read_keys(await people.credential(identity, self.method))

    def usable(self, keys: Sequence[Key]) -> tuple[Key, ...]:
        """Those that count here: a second factor signs in nobody by itself, whatever the configuration says now."""
        return tuple(key for key in keys if key.passwordless is self.alone)

    # -- judging

    def answered(
        self, submission: Submission, text: Any, identity: Identity | None, keys: Sequence[Key], *, by_key: bool = False
    ) -> Accepted | Refused:
        """Judges an answer of one of these keys (§7.2). What was judged has used its challenge up.

        `identity` None: nobody is known there; it takes the same work. `by_key`: the key alone said who it is.
        """
        asked = Asked.of(submission.pending)
        try:
            answer = read(text)
        except Unreadable:
            return Refused("unreadable", (key_messages.unreadable(),))
        whose = identity.id if identity else None
        if asked is None:
            asked = Asked.draw(self.secrets)
            return Refused("wrong_answer", (key_messages.wrong_key(),), identity_id=whose, pending=asked.record())
        usable = self.usable(keys)
        known = next((key for key in usable if key.id == answer.id and asked.lists(key)), None)
        try:
            used = verify(answer, self.party, asked.challenge, known or nobodys_key(answer.id), handle_needed=by_key)
            if known is None or identity is None:
                raise Wrong
        except Wrong as wrong:
            reason = LOWER_COUNTER if isinstance(wrong, CounterWentBack) and known and identity else "wrong_answer"
            again = asked.again(self.secrets).record()
            return Refused(reason, (key_messages.wrong_key(),), identity_id=whose, pending=again)
        after = [used if key.id == used.id else key for key in keys]
        spent = {self.method: write_keys(after)} if used != known else {}
        return Accepted(identity=identity, spent=spent, authentication=self.method, aal=self.aal)

    def made(self, submission: Submission, text: Any, name: str, keys: Sequence[Key] = ()) -> Accepted | Refused:
        """Judges a new key (§7.1) and puts it beside those there are."""
        asked = Asked.of(submission.pending)
        try:
            answer = read(text)
        except Unreadable:
            return Refused("unreadable", (key_messages.unreadable(),))
        if asked is None:
            asked = Asked.draw_new(self.secrets, keys)
            return Refused("wrong_answer", (key_messages.wrong_key(),), pending=asked.record())
        try:
            key = verify_new(
                answer, self.party, asked.challenge, handle=asked.handle, name=name, passwordless=self.alone
            )
            if any(one.id == key.id for one in keys):
                raise Wrong
        except Wrong:
            again = asked.again(self.secrets).record()
            return Refused("wrong_answer", (key_messages.wrong_key(),), pending=again)
        return self._with(submission.people, [*keys, replace(key, added_at=submission.now.isoformat())])

    def registered(
        self,
        submission: Submission,
        text: Any,
        name: str,
        traits: Any,
        kept: Mapping[str, Any],
        *,
        named: bool = False,
    ) -> Accepted | Refused:
        """Judges a registration: the traits first, then the key. `named`: they must say what to sign in with."""
        people, schema_id = submission.people, submission.schema_id
        faults = people.rules.validator.faults(schema_id, traits)
        if faults:
            return Refused("traits", tuple(faults), kept)
        profile = people.compose(traits, submission.now, schema_id=schema_id)
        if named and not people.rules.schemas[schema_id].identifiers(profile.traits).get(self.method):
            return Refused("missing", (key_messages.nameless(),), kept)
        verdict = self.made(submission, text, name)
        if isinstance(verdict, Refused):
            return replace(verdict, values=kept)
        return replace(verdict, profile=profile, proven=False, aal="aal1", values=kept)

    def creation(self, asked: Asked | None, name: str) -> str:
        """The options for a new key, as JSON; empty where none is asked for. `name` is whose it will be."""
        if asked is None:
            return ""
        options = self.party.creation(asked.challenge, asked.handle, name or self.party.name, asked.listed)
        return json.dumps(options, separators=(",", ":"))

    def _with(self, people: People, keys: Sequence[Key], *, proven: bool = True) -> Accepted:
        held = tuple(key_held(people.key_id(key.id), alone=key.passwordless) for key in keys)
        credentials, held_by = {self.method: write_keys(keys)}, {self.method: held}
        return Accepted(credentials=credentials, held=held_by, authentication=self.method, aal=self.aal, proven=proven)

    # -- settings

    def removed(self, submission: Submission, hex_id: Any, keys: Sequence[Key]) -> Accepted | Refused:
        """Takes a key off, unless it is the last way to sign in."""
        found = next((key for key in keys if key.hex == hex_id), None)
        if found is None or submission.identity is None or submission.profile is None:
            return Refused("unknown_key", (key_messages.unknown_key(),))
        if self._last(submission.people, submission.identity, submission.profile, found, keys):
            return Refused("last_way", (key_messages.last_way(f"{self.method}_remove"),))
        left = [key for key in keys if key is not found]
        if not left:
            return Accepted(removed=(self.method,), authentication=self.method)
        return self._with(submission.people, left, proven=False)

    def shown(
        self, people: People, identity: Identity, profile: Profile, keys: Sequence[Key]
    ) -> list[Mapping[str, Any]]:
        """What settings show of each key."""
        return [key.shown(last=self._last(people, identity, profile, key, keys)) for key in keys]

    def _last(self, people: People, identity: Identity, profile: Profile, key: Key, keys: Sequence[Key]) -> bool:
        usable = self.usable(keys)
        if not self.alone or key not in usable or len(usable) > 1:
            return False
        rules = people.rules
        schema = rules.schemas[profile.schema_id]
        return not first_factors(rules.configuration, identity, profile, schema, without=(self.method,))
