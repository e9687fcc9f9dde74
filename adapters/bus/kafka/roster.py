"""Kafka roster: how the routers of a group find out, while they join it, whether they have the same handlers.

Kafka lets the members of a group share the partitions out among themselves: each says something about itself, one of
them gets to know it all and assigns. Here they say which handlers they have, and whoever has others than those at work
gets nothing, and is told why. So only those who are there count, and no clock and no place beside the group is needed.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from aiokafka.coordinator.assignors.roundrobin import (  # type: ignore[import-untyped]  # it comes without types
    RoundRobinPartitionAssignor,
)
from aiokafka.coordinator.protocol import (  # type: ignore[import-untyped]  # it comes without types
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

ROSTER_CHARACTERS: Final = 4000
"""The longest roster that is told as it is; of a longer one a digest is."""

_VERSION: Final = 0

log = logging.getLogger("limen.bus")


class KafkaRoster:
    """An assignor for aiokafka, of one member. `ruling` is the roster of those at work, once this member has joined."""

    name: Final = "limen"

    def __init__(self, group: str) -> None:
        self.ours = self.ruling = ""
        self._group = group
        self._at_work = False

    def begin(self, roster: str) -> None:
        """This member is about to join, with these handlers."""
        self.ours = roster if len(roster) <= ROSTER_CHARACTERS else hashlib.sha256(roster.encode()).hexdigest()
        self.ruling = ""
        self._at_work = False

    @property
    def agreed(self) -> bool:
        """Whether this member's handlers are those of the group."""
        return self.ruling == self.ours

    # -- what aiokafka asks

    def metadata(self, topics: Iterable[str]) -> Any:
        """What this member says about itself."""
        told = orjson.dumps({"handlers": self.ours, "at_work": self._at_work})
        return ConsumerProtocolMemberMetadata(_VERSION, list(topics), told)

    def assign(self, cluster: Any, members: Mapping[str, Any]) -> dict[str, Any]:
        """Shares the partitions out: among those who have the handlers that rule, evenly."""
        said = {member: _said(metadata.user_data) for member, metadata in members.items()}
        ruling = self._ruling(said)
        fitting = {member: metadata for member, metadata in members.items() if said[member][0] == ruling}
        shared = RoundRobinPartitionAssignor.assign(cluster, fitting)
        return {
            member: ConsumerProtocolMemberAssignment(
                _VERSION, shared[member].assignment if member in shared else [], ruling.encode()
            )
            for member in members
        }

    def on_assignment(self, assignment: Any) -> None:
        """What the group has decided."""
        self.ruling = bytes(assignment.user_data or b"").decode("utf-8", "replace")
        if self._at_work and not self.agreed:
            log.error("group '%s' has other handlers now: this router gets nothing until those stop", self._group)
        self._at_work = self.agreed

    def _ruling(self, said: Mapping[str, tuple[str, bool]]) -> str:
        """The handlers of those at work; where nobody is yet, or they differ, those of the member that assigns."""
        at_work = {handlers for handlers, works in said.values() if works}
        return self.ours if not at_work or self.ours in at_work else min(at_work)


def _said(told: bytes | None) -> tuple[str, bool]:
    """What a member said: its handlers, and whether it is at work. One that says it otherwise fits nobody."""
    try:
        read = orjson.loads(told or b"")
        return str(read["handlers"]), bool(read["at_work"])
    except (ValueError, TypeError, KeyError):
        return "?", False
