"""The ports: all that the domain asks of the world. Adapters implement them; the domain imports none.

Nothing here does I/O. Times are aware UTC datetimes, durations are seconds (float) unless a name says otherwise.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from limen.domain.event import DomainEvent
from limen.domain.message import Message
from limen.domain.sealed import Sealed


class Clock(Protocol):
    """Time. The only place that knows it."""

    def now(self) -> datetime:
        """The present, UTC, to the microsecond."""

    async def sleep(self, seconds: float) -> None:
        """Returns when `now()` has moved on by `seconds`."""


class Ids(Protocol):
    """Random identifiers."""

    def new(self) -> UUID:
        """A UUID of version 4."""


class Secrets(Protocol):
    """Randomness that nobody can guess."""

    def bytes(self, count: int) -> bytes:
        """`count` random bytes."""

    def digits(self, count: int) -> str:
        """A code of `count` decimal digits."""


# ---------------------------------------------------------------------------------------------------------- the store


@dataclass(frozen=True, slots=True, weakref_slot=True)
class VaultRow:
    """One row of the vault, the mutable tables beside the log.

    Addressed by (`owner`, `kind`, `name`). `value` is ciphertext. `subject` names the identity (or the reservation
    of an identifier) that the row belongs to besides its owner, so that erasing finds it. After `expires_at` it may go.
    """

    owner: UUID
    kind: str
    name: str
    value: bytes
    subject: UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VaultKey:
    """Where a vault row stands. An empty `kind` or `name` in a deletion means all of them."""

    owner: UUID
    kind: str = ""
    name: str = ""


@dataclass(slots=True)
class Step:
    """Everything one step decides. Written in ONE transaction, or not at all.

    `events` of any number of streams; vault rows to `put` (insert or replace), to `bind` (set `subject` of every row
    of that owner) and to `drop`; deliveries that become `due` at a time, and those that are `done` (no longer due).
    `unique` rows are inserted only where there is none yet.
    """

    events: list[DomainEvent] = field(default_factory=list)
    put: list[VaultRow] = field(default_factory=list)
    unique: list[VaultRow] = field(default_factory=list)
    bind: list[tuple[UUID, UUID]] = field(default_factory=list)
    drop: list[VaultKey] = field(default_factory=list)
    due: list[tuple[UUID, datetime]] = field(default_factory=list)
    done: list[UUID] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.put or self.unique or self.bind or self.drop or self.due or self.done)


class Store(Protocol):
    """The log and the vault beside it."""

    async def append(self, step: Step) -> None:
        """Writes the step durably. Raises `StoreConflict` when a stream has moved on; then nothing was written."""

    async def events(self, stream: UUID, after: int = 0) -> Sequence[DomainEvent]:
        """The events of a stream with a version above `after`, in order."""

    async def vault(self, owner: UUID, kind: str, name: str = "") -> VaultRow | None:
        """One vault row."""

    async def vault_rows(self, owner: UUID, kind: str = "") -> Sequence[VaultRow]:
        """All vault rows of an owner, of one kind or of any."""

    async def due(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Deliveries whose time has come, the longest waiting first."""

    async def next_due(self) -> datetime | None:
        """When the next delivery becomes due, or None."""

    async def sweep(self, now: datetime) -> int:
        """Deletes the vault rows whose time is over; says how many."""

    async def forget(self, subjects: Sequence[UUID]) -> int:
        """Deletes, for good, every vault row owned by or bound to these; says how many."""

    def close(self) -> None:
        """Ends what it started. Appends under way are finished first."""


class Keyring(Protocol):
    """Seals and opens personal data and vault values; owns the keys. Keys themselves are vault rows."""

    def create(self, owner: UUID, subject: UUID | None = None) -> VaultRow:
        """A new data key for `owner`, as the row to put in the same step."""

    def ready(self, owner: UUID) -> bool:
        """Whether the key of `owner` is at hand, so that `seal` and `unseal` work without a read."""

    async def load(self, owner: UUID) -> bool:
        """Fetches the key of `owner` from the vault; False when it was erased."""

    def forget(self, owner: UUID) -> None:
        """Drops the key from memory."""

    def seal(self, owner: UUID, value: Any) -> Sealed:
        """Encrypts a JSON value under the key of `owner`."""

    def unseal(self, sealed: Sealed) -> Any:
        """The JSON value again. Raises `Erased` when there is no such key any more."""

    def encrypt(self, owner: UUID, plain: bytes) -> bytes:
        """A vault value under the key of `owner`."""

    def decrypt(self, owner: UUID, value: bytes) -> bytes:
        """A vault value in clear. Raises `Erased`."""

    def digest(self, owner: UUID, data: bytes) -> str:
        """Keyed digest (HMAC-SHA256, hex) under the key of `owner`: proves equality to who has the key."""

    def derive(self, *parts: str) -> UUID:
        """A UUID of version 5's form from the pepper and `parts`: a name nobody without the vault can test."""


# -------------------------------------------------------------------------------------------- actions that call out


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """An HTTP request ready to be sent, now or by a worker later. Holds secrets: only ever stored sealed.

    `trigger_id` stays the same across retries (`Ory-Webhook-Trigger-ID`, `webhook-id`). `credentials` names, in lower
    case, the headers that go to the first origin only, never along with a redirect to another. `signing_secrets` sign
    each attempt (Standard Webhooks), all of them side by side.
    """

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes | None = field(repr=False)
    trigger_id: UUID
    credentials: tuple[str, ...] = ()
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the last answer after redirects. `retry_after` in seconds, where the target asked for it."""

    status: int
    body: bytes
    content_type: str = ""
    retry_after: float | None = None


class CallFailed(Exception):
    """No usable answer. `reason` is `upstream`, `timeout`, `address` (refused by the address guard) or `too_large`."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(detail)


class Caller(Protocol):
    """Sends prepared requests over HTTP."""

    async def call(self, request: PreparedRequest, *, request_id: UUID, timeout: float, sent_at: datetime) -> Answer:
        """One attempt, redirects included, within `timeout` seconds. Raises `CallFailed`."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a hook over the bus asks. `trigger_id` stays the same across retries; `headers` are of one attempt."""

    subject: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    trigger_id: UUID


class Asker(Protocol):
    """Asks a service on the bus, and brings its reply."""

    async def ask(self, question: Question, *, timeout: float) -> Answer:
        """One attempt, within `timeout` seconds. Raises `CallFailed`: `upstream` where nobody answers, `timeout`."""


# ------------------------------------------------------------------------------------------------------------ people


class Schemas(Protocol):
    """Validates traits against an identity schema."""

    def faults(self, schema_id: str, traits: Any) -> Sequence[Message]:
        """Kratos' validation messages, each with the node it belongs to (`traits.email`); empty when valid."""


class Hasher(Protocol):
    """Hashes and verifies passwords. Runs off the event loop: hashing is slow on purpose."""

    async def hash(self, password: str) -> str:
        """A PHC string (argon2id) or bcrypt hash."""

    async def verify(self, password: str, hashed: str) -> bool:
        """Whether the password belongs to the hash; the same work whatever the answer."""

    async def pretend(self, password: str) -> None:
        """The work of a verification for nobody: unknown accounts take as long as known ones."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to a person; `code` and `link` are in the text. `template` is its kind (`recovery_code_valid` …).

    `withheld`: nobody gets it, and answering takes the same work whoever was asked for.
    """

    to: str = field(repr=False)
    subject: str
    body: str = field(repr=False)
    template: str
    code: str | None = field(default=None, repr=False)
    link: str | None = field(default=None, repr=False)
    withheld: bool = False


class Courier(Protocol):
    """Takes messages to people."""

    local: bool
    """True when sending is a matter of this process alone: then it happens before the step returns."""

    async def send(self, mail: Mail, *, id: UUID) -> None:
        """Hands the message over. The same `id` comes again when an earlier try may have failed. Raises on failure."""


class Log(Protocol):
    """The log read only, for audit tools."""

    def events(self, after: int = 0, kind: str | None = None, type: str | None = None) -> Any:
        """Recorded events above a position, in order."""

    def follow(self, after: int = 0) -> AsyncIterator[Any]:
        """Recorded events as they come."""
