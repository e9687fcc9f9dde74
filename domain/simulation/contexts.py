"""Contexts: the documents that a recorded turn's actions were given, found by how far the turn had come.

An action sees the identity as those before it have left it. So a kept document stands for every action at that stage
of the turn: after the same modifications, before the commit or with it. Its times are those that were recorded.
"""

from collections.abc import Mapping
from typing import Any

from limen.domain.simulation.records import Records
from limen.domain.simulation.turn import Turn
from limen.domain.work import SCHEDULED

Modifications = tuple[int, ...]


class Contexts:
    """The kept contexts of one turn, read when they are first asked for. `until` is the version of the next turn."""

    def __init__(self, records: Records, turn: Turn, until: int | None) -> None:
        self._records = records
        self._turn = turn
        self._until = until
        self._blocking: dict[Modifications, Mapping[str, Any]] | None = None
        self._commit: Mapping[str, Any] | None = None

    async def before_commit(self, modifications: Modifications | None) -> Mapping[str, Any] | None:
        """What an action before the commit is given after these modifications; None where it is not kept."""
        if modifications is None:
            return None
        return (await self._read()).get(modifications)

    async def with_commit(self, modifications: Modifications | None) -> Mapping[str, Any] | None:
        """What an action is given that the commit schedules; None where it is not kept."""
        await self._read()
        return self._commit if modifications == self._turn.modifications else None

    async def _read(self) -> dict[Modifications, Mapping[str, Any]]:
        if self._blocking is None:
            self._blocking = {}
            for name, document in (await self._records.contexts(self._turn.flow)).items():
                version = int(name.partition(".")[0])
                if version < self._turn.version or (self._until is not None and version >= self._until):
                    continue
                if name.endswith(SCHEDULED):
                    self._commit = document
                else:
                    self._blocking.setdefault(self._stage(version), document)
        return self._blocking

    def _stage(self, version: int) -> Modifications:
        turn = self._turn
        return tuple(index for index in turn.modifications if turn.acts[index].ended <= version)
