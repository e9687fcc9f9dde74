"""Records: what a simulation looks at, read from a store that is only read."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.adapters.keyring import Keys
from limen.adapters.rules import recall, rules_of
from limen.adapters.store import LogStore
from limen.domain.delivery import Delivery, DeliveryScheduled
from limen.domain.errors import Erased
from limen.domain.event import DomainEvent
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.people import People
from limen.domain.ports import Ids
from limen.domain.profile import Profile
from limen.domain.reservation import Reservation
from limen.domain.rules import Rules
from limen.domain.simulation.records import Sent
from limen.domain.simulation.turn import Place, Turn
from limen.domain.streams import Streams


class StoreRecords:
    """Implements the `Records` port. `hooks` are the names of handlers that are at hand, and where they may stand."""

    def __init__(self, store: LogStore, keys: Keys, ids: Ids, hooks: Mapping[str, Sequence[str]]) -> None:
        self._store = store
        self._keys = keys
        self._ids = ids
        self._hooks = hooks

    async def rules(self, configuration: UUID) -> Rules | None:
        """A configuration that flows are pinned to; None where it is gone."""
        found = await recall(self._store, self._keys, configuration, self._hooks)
        return rules_of(configuration, found) if found is not None else None

    async def contexts(self, flow: UUID) -> Mapping[str, Mapping[str, Any]]:
        """The contexts that are kept of a flow, by name."""
        if not await self._keys.load(flow):
            return {}
        rows = await self._store.vault_rows(flow, "context")
        try:
            return {row.name: json.loads(self._keys.decrypt(flow, row.value)) for row in rows}
        except Erased:
            return {}

    async def digest(self, flow: UUID, data: bytes) -> str | None:
        """The keyed digest of a body under a flow's key."""
        try:
            return self._keys.digest(flow, data)
        except Erased:
            return None

    async def sent(self, turn: Turn) -> Mapping[Place, Sent]:
        """The deliveries a turn scheduled, messages to people left out."""
        found: dict[Place, Sent] = {}
        for id_ in turn.deliveries:
            events = await self._store.events(id_)
            if not events or not isinstance(events[0], DeliveryScheduled) or events[0].channel == "message":
                continue
            scheduled = events[0]
            place = (scheduled.hook, scheduled.action, scheduled.position)
            delivery = Delivery.replay(id_, events)
            found[place] = Sent(place, scheduled.request_digest, delivery.state, delivery.attempts)
        return found

    async def verified(self, turn: Turn) -> bool | None:
        """Whether some address of whoever a login is about was verified when it was accepted."""
        if turn.identity is None or not await self._keys.load(turn.identity):
            return None
        limit = self._position(turn.flow, turn.version)
        events = self._before(turn.identity, limit)
        if not events:
            return None
        identity = Identity.replay(turn.identity, events)
        if identity.erased:
            return None
        profile = identity.confirm(Profile.of(self._keys.unseal(identity.profile)))
        shown = await self._shown(turn)
        return any(one.verified or (one.via, one.value) == shown for one in profile.verifiable)

    async def _shown(self, turn: Turn) -> tuple[str, str] | None:
        """The address that the code of this very login went to."""
        if turn.slot.method != "code" or not await self._keys.load(turn.flow):
            return None
        events = [one for one in await self._store.events(turn.flow) if one.originator_version <= turn.version]
        challenge = Flow.replay(turn.flow, events).challenge
        if challenge is None:
            return None
        opened = self._keys.unseal(challenge)
        return opened["via"], opened["address"]

    async def taken(self, rules: Rules, turn: Turn, identity: Mapping[str, Any]) -> bool | None:
        """Whether an identifier of this identity was somebody else's when the turn ended."""
        if identity["schema_id"] not in rules.schemas:
            return None
        people = People(Streams(self._store), self._keys, self._ids, rules)
        profile = Profile(identity["schema_id"], identity["traits"], external_id=identity.get("external_id"))
        reservations = people.reservations(people.addressed(profile, datetime.fromtimestamp(0).astimezone()))
        limit = self._position(turn.flow, turn.end_version or turn.version)
        for id_ in reservations:
            holder = Reservation.replay(id_, self._before(id_, limit)).holder
            if holder is not None and str(holder) != identity["id"]:
                return True
        return False

    # -- by position in the log: one clock's tick may hold many events

    def _position(self, stream: UUID, version: int) -> int:
        rows = self._store.application.vault.stream_log(stream)
        return next((row[0] for row in rows if row[2] == version), 0)

    def _before(self, stream: UUID, position: int) -> list[DomainEvent]:
        event = self._store.application.event_mapper.event
        return [event(*row[1:]) for row in self._store.application.vault.stream_log(stream) if row[0] < position]
