"""Asked: what a flow has asked an authenticator. It stands in the vault, and an answer that was judged uses it up."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from limen.adapters.methods.keys.key import Key, encode
from limen.adapters.methods.keys.party import CHALLENGE_BYTES, HANDLE_BYTES
from limen.domain.ports import Secrets


@dataclass(frozen=True, slots=True)
class Asked:
    """A challenge (§13.4.3), the user handle a new key is made under, and the credential ids that go with the question.

    `listed` are the keys that may answer, or, where a new one is asked for, those that are there already.
    """

    challenge: str = field(repr=False)
    handle: str = field(default="", repr=False)
    listed: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def draw(cls, secrets: Secrets, listed: Sequence[str] = ()) -> "Asked":
        """A new question."""
        return cls(encode(secrets.bytes(CHALLENGE_BYTES)), listed=tuple(listed))

    @classmethod
    def draw_new(cls, secrets: Secrets, keys: Sequence[Key] = ()) -> "Asked":
        """A new question for a new key. Somebody's keys have one user handle: so an authenticator makes no second."""
        handle = keys[0].handle if keys else encode(secrets.bytes(HANDLE_BYTES))
        return cls(encode(secrets.bytes(CHALLENGE_BYTES)), handle, tuple(key.id for key in keys))

    def again(self, secrets: Secrets) -> "Asked":
        """The same question with another challenge."""
        return replace(self, challenge=encode(secrets.bytes(CHALLENGE_BYTES)))

    def lists(self, key: Key) -> bool:
        """Whether this key may answer: where some are listed, no other may (§7.2 step 5)."""
        return not self.listed or key.id in self.listed

    def record(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, record: str | None) -> "Asked | None":
        """What was kept."""
        if record is None:
            return None
        known = json.loads(record)
        return cls(known["challenge"], known["handle"], tuple(known["listed"]))
