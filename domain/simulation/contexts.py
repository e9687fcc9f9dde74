"""Contexts: the documents that a recorded turn's actions were given, found by how far the turn had come.

An action sees the identity as those before it have left it. So a kept document stands for every action at that stage
of the turn: after the same modifications, before the commit or with it. Its times are those that were recorded.
"""

from collections.abc import Mapping
from typing import Any

from limen.domain.configuration import FlowKind
from limen.domain.simulation.records import Records
from limen.domain.simulation.turn import Act, Turn
from limen.domain.work import SCHEDULED

CHANGE = "profile"
"""The method whose change may have waited for a verification."""
Modifications = tuple[int, ...]
Context = Mapping[str, Any]


class Contexts:
    """The kept contexts of one turn, read when they are first asked for. `until` is the version of the next turn."""

    def __init__(self, records: Records, turn: Turn, until: int | None) -> None:
        self._records = records
        self._turn = turn
        self._until = until
        self._blocking: dict[Modifications, Mapping[str, Any]] | None = None
        self._commit: dict[str, Mapping[str, Any]] = {}
        self._own: dict[str, Mapping[str, Any]] = {}

    async def before_commit(self, modifications: Modifications | None, act: Act | None = None) -> Context | None:
        """What an action before the commit is given after these modifications; None where it is not kept.

        For an action in the place of a recorded one, `act`, its very document: the times in it are its own.
        """
        if modifications is None:
            return None
        found = (await self._read()).get(modifications)
        own = self._own.get(act.context) if act is not None and act.context and act.after == modifications else None
        return own if own is not None else found

    async def with_commit(self, modifications: Modifications | None, of: str | None = None) -> Mapping[str, Any] | None:
        """What an action is given that the commit schedules; None where it is not kept.

        `of` is the method of its list: a change of settings that a verification makes true has a context of its own.
        """
        await self._read()
        waited = self._turn.slot.flow is FlowKind.VERIFICATION and of == CHANGE
        return self._commit.get(CHANGE if waited else "") if modifications == self._turn.modifications else None

    async def _read(self) -> dict[Modifications, Mapping[str, Any]]:
        if self._blocking is None:
            self._blocking = {}
            for name, document in (await self._records.contexts(self._turn.flow)).items():
                version = int(name.partition(".")[0])
                if version < self._turn.version or (self._until is not None and version >= self._until):
                    continue
                if name.endswith(SCHEDULED):
                    self._commit[CHANGE if name.endswith(f".{CHANGE}{SCHEDULED}") else ""] = document
                else:
                    self._own[name] = document
                    self._blocking.setdefault(self._stage(version), document)
        return self._blocking

    def _stage(self, version: int) -> Modifications:
        turn = self._turn
        return tuple(index for index in turn.modifications if turn.acts[index].ended <= version)
