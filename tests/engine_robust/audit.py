"""Looking through a whole log: no stream forked, no append half there, nothing said in one place and not in another."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any
from uuid import UUID

from limen.adapters.store import LogStore
from limen.domain.delivery import Delivery
from limen.domain.engine import Engine
from limen.domain.event import DomainEvent
from limen.domain.flow import Flow
from limen.domain.people import People
from limen.domain.profile import Profile
from limen.domain.reservation import Reservation


@dataclass(frozen=True)
class WholeLog:
    """Every event of a store, in order."""

    events: Sequence[tuple[int, DomainEvent]]

    @cached_property
    def _streams(self) -> dict[UUID, list[Any]]:
        streams: dict[UUID, list[Any]] = {}
        for _, event in self.events:
            streams.setdefault(event.originator_id, []).append(event)
        return streams

    def of(self, *types: str) -> list[Any]:
        """The events of these types."""
        return [event for _, event in self.events if type(event).__name__ in types]

    def stream(self, id: UUID) -> list[Any]:
        """The events of a stream."""
        return self._streams.get(id, [])

    def flow(self, id: UUID) -> Flow:
        """A flow as it stands."""
        return Flow.replay(id, self.stream(id))

    def deliveries(self) -> list[Delivery]:
        """Every delivery as it stands."""
        ids = [one.originator_id for one in self.of("DeliveryScheduled")]
        return [Delivery.replay(one, self.stream(one)) for one in ids]


async def audit(source: Engine | LogStore) -> WholeLog:
    """Reads the log and checks it; the log, for more to be asked of it."""
    store: Any = source.streams.store if isinstance(source, Engine) else source
    log = WholeLog(await store.log(limit=1_000_000))
    check_streams(log)
    check_completions(log)
    check_nothing_stands_alone(log)
    check_reservations(log)
    await check_vault(log, store)
    if isinstance(source, Engine):
        await check_profiles(log, source)
    return log


def check_streams(log: WholeLog) -> None:
    """Positions rise; each stream counts from 1 without a gap, and what it says can be folded."""
    positions = [position for position, _ in log.events]
    assert positions == sorted(set(positions))
    versions: dict[UUID, int] = {}
    for _, event in log.events:
        assert event.originator_version == versions.get(event.originator_id, 0) + 1, event
        versions[event.originator_id] = event.originator_version


def check_completions(log: WholeLog) -> None:
    """What a flow's completion names is there."""
    kinds = {one.originator_id: one.kind for one in log.of("FlowInitiated")}
    issued = {one.originator_id: one for one in log.of("SessionIssued")}
    opened = {one.session_id for one in log.of("SessionOpened")}
    registered = {one.flow_id: one for one in log.of("IdentityRegistered")}
    held = {(one.originator_id, one.identity_id) for one in log.of("IdentifierReserved")}
    for done in log.of("FlowCompleted"):
        kind = kinds[done.originator_id]
        if kind == "registration":
            identity = registered[done.originator_id]
            assert identity.originator_id == done.identity_id
            assert identity.reservations
            assert {(one, done.identity_id) for one in identity.reservations} <= held
        if kind in ("login", "recovery"):
            assert done.session_id is not None
        if done.session_id is not None:
            assert issued[done.session_id].identity_id == done.identity_id
            assert done.session_id in opened


def check_nothing_stands_alone(log: WholeLog) -> None:
    """And the other way round: what belongs to an append is there only with the rest of it."""
    named: dict[UUID, UUID] = {}
    naming = ("FlowOpened", "FlowOpenedChallenged", "ChallengeSent", "FlowCompleted", "MethodRefused", "FlowFailed")
    for event in log.of(*naming):
        named |= dict.fromkeys(event.deliveries, event.originator_id)
    scheduled = {one.originator_id: one.flow_id for one in log.of("DeliveryScheduled") if one.phase != "logout"}
    assert scheduled == named, "each delivery is scheduled with the event that names it"
    left = {(one.identity_id, one.timestamp) for one in log.of("DeliveryScheduled") if one.phase == "logout"}
    assert left <= {(one.originator_id, one.timestamp) for one in log.of("SessionsClosed")}
    completed = {one.originator_id: one for one in log.of("FlowCompleted")}
    changes = ("CredentialChanged", "CredentialRemoved", "CredentialUsed")
    for event in log.of("IdentityRegistered", "TraitsChanged", "SessionOpened", *changes):
        assert completed[event.flow_id].identity_id == event.originator_id
    for event in log.of("SessionIssued", "SessionRefreshed", "SessionStrengthened"):
        assert completed[event.flow_id].session_id == event.originator_id
    started = {flow for one in log.of("FlowCompleted") for flow in one.started}
    begun = {one.originator_id for one in log.of("FlowInitiated") if one.started_by in completed}
    assert started <= begun
    assert started <= {one.originator_id for one in log.of("FlowOpenedChallenged")}


def check_reservations(log: WholeLog) -> None:
    """An identifier has one holder at a time, and is given up by who holds it."""
    turns = sorted(log.of("IdentifierReserved", "IdentifierReleased"), key=lambda one: str(one.originator_id))
    for _, listed in groupby(turns, key=lambda one: one.originator_id):
        holder = None
        for turn in listed:
            if type(turn).__name__ == "IdentifierReserved":
                assert holder is None, turn
                holder = turn.identity_id
            else:
                assert holder == turn.identity_id, turn
                holder = None


async def check_profiles(log: WholeLog, engine: Engine) -> None:
    """A profile is of one piece each time it is written, and what it takes is its person's.

    Of who was erased there is nothing to be read. A schema that was changed since would call for other addresses than
    were kept: of nobody who is audited it was. A store alone has no key to open a profile with.
    """
    people = (await engine.current()).people
    for one in log.of("IdentityRegistered"):
        identity = await people.identity(one.originator_id)
        if identity is None:
            continue
        for event in log.stream(identity.id):
            if type(event).__name__ in ("IdentityRegistered", "TraitsChanged"):
                check_profile(people, Profile.of(people.keyring.unseal(event.profile)), event)
        assert set(identity.reservations) == set(people.reservations(people.profile(identity))), identity.id
        for id_ in identity.every_reservation:
            assert (await people.streams.load(Reservation, id_)).holder == identity.id


def check_profile(people: People, profile: Profile, event: DomainEvent) -> None:
    """Its addresses are those that its traits call for; they fit its schema; the event names what they take."""
    schema = people.rules.schemas[profile.schema_id]
    assert profile.traits == schema.with_defaults(profile.traits), event
    assert not people.faults(profile), event
    for kept, wanted in ((profile.verifiable, schema.verifiable), (profile.recovery, schema.recovery)):
        assert [(address.value, address.via) for address in kept] == list(wanted(profile.traits)), event
    assert set(getattr(event, "reservations", ())) == set(people.reservations(profile)), event


async def check_vault(log: WholeLog, store: LogStore) -> None:
    """The keys, hashes and payloads that live beside the log are there, unless the person was erased."""
    gone = {one.originator_id for one in log.of("IdentityErased")}
    ended = {one.originator_id for one in log.of("SessionRevoked")}
    for one in log.of("IdentityRegistered"):
        assert (await store.vault(one.originator_id, "key") is None) == (one.originator_id in gone)
    for one in log.of("SessionIssued"):
        if one.identity_id not in gone and one.originator_id not in ended:
            assert await store.vault(one.originator_id, "token") is not None
    for delivery in log.deliveries():
        unsent = getattr(log.stream(delivery.id)[-1], "reason", None) == "template"
        with_another = gone and await store.vault(delivery.owner, "key") is None  # whose identifier was typed there too
        if delivery.identity_id not in gone and not unsent and not with_another:
            assert await store.vault(delivery.owner, "payload", str(delivery.id)) is not None
