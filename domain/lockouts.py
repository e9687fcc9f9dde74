"""Lockouts: looked at before a password or a code is tried, counted after, lifted by who has shown who they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from limen.domain.assurance import asks_second_factor
from limen.domain.configuration import FlowKind
from limen.domain.errors import FlowBusy, StoreConflict
from limen.domain.flow import Flow
from limen.domain.identifier import normalize
from limen.domain.identity import Identity
from limen.domain.lockout import Lockout
from limen.domain.method import Exhausted, Refused, Submission, Verdict
from limen.domain.people import People
from limen.domain.ports import Keyring, Step
from limen.domain.streams import ATTEMPTS, Streams
from limen.domain.tools import Tools
from limen.domain.ui.lockout_messages import locked
from limen.domain.work import Work

GUESSED = ("password", "code")
"""The first factors that somebody else can guess at."""
LIFTING = (FlowKind.LOGIN, FlowKind.REGISTRATION, FlowKind.RECOVERY)
"""The flows that lift the lockouts of whoever completes them."""
WRONG = frozenset({"credentials", "wrong_code"})
"""The reasons of a refusal that say that a guess was wrong."""


class Lockouts:
    """The lockouts under one configuration; each method does nothing where it has none."""

    def __init__(self, tools: Tools, people: People) -> None:
        self.tools = tools
        self.people = people
        self.streams = people.streams
        self.settings = people.rules.configuration.settings.lockout

    @asynccontextmanager
    async def watched(self, submission: Submission, method: str) -> AsyncIterator[Refused | None]:
        """Around the judging of a submission: the refusal of one that is not even tried.

        In this process guesses at one identifier are judged and counted one after the other, so that none is tried too
        many; among several processes each may have one under way when the lockout begins.
        """
        identifier = self._identifier(submission, method)
        if identifier is None:
            yield None
            return
        reservation = self.people.reservation_id(identifier)
        async with self.streams.turn(lockout_id(self.people.keyring, reservation)):
            lockout = await self._of(reservation)
            until = lockout.locked(self.tools.clock.now())
            yield await self._refusal(identifier, until, submission) if until is not None else None

    async def count(self, submission: Submission, method: str, verdict: Verdict) -> None:
        """Counts a wrong guess, before the answer is given: whoever goes away in between has had their try."""
        identifier = self._identifier(submission, method)
        wrong = isinstance(verdict, Exhausted) or (isinstance(verdict, Refused) and verdict.reason in WRONG)
        if identifier is None or self.settings is None or not wrong:
            return
        for _ in range(ATTEMPTS):
            lockout = await self._of(self.people.reservation_id(identifier))
            lockout.miss(self.settings, self.tools.clock.now(), submission.flow.id, method)
            try:
                await self.streams.append(Step(), lockout)
            except StoreConflict:
                continue
            return
        raise FlowBusy(submission.flow.id)

    async def lift(self, work: Work, identity: Identity, at: datetime) -> None:
        """Part of the append in which somebody has signed in, registered, or recovered their account."""
        flow = work.flow
        if self.settings is None or flow.kind not in LIFTING:
            return
        work.add(*await lifted(self.streams, self.people.keyring, identity, at, flow.kind.value, flow))

    # -- whose

    def _identifier(self, submission: Submission, method: str) -> str | None:
        """The identifier that is tried; None where nothing is counted. A code is of the address it was sent to."""
        if self.settings is None or submission.flow.kind is not FlowKind.LOGIN or method not in GUESSED:
            return None
        if asks_second_factor(submission.flow):
            return None  # whose count is another one: `limen.domain.throttle`
        values, sent = submission.values, submission.challenge
        typed = values.get("identifier") or values.get("password_identifier") or submission.kept.get("identifier")
        if method == "code" and submission.flow.state == "sent_email" and sent is not None:
            typed = sent["address"]
        return normalize(typed) if isinstance(typed, str) and typed else None

    async def _of(self, reservation: UUID) -> Lockout:
        return await self.streams.load(Lockout, lockout_id(self.people.keyring, reservation))

    async def _refusal(self, identifier: str, until: datetime, submission: Submission) -> Refused:
        """The same whether anybody holds the identifier or not; who does goes on the record alone."""
        holder = await self.people.holder(identifier)
        typed = submission.values.get("identifier")
        kept = {"identifier": typed} if isinstance(typed, str) else {}
        return Refused("locked", (locked(until),), kept, holder.id if holder else None)


def lockout_id(keyring: Keyring, reservation: UUID) -> UUID:
    """The stream of the failed logins of an identifier, by its reservation."""
    return keyring.derive("lockout", str(reservation))


async def lifted(
    streams: Streams, keyring: Keyring, identity: Identity, at: datetime, reason: str, flow: Flow | None = None
) -> list[Lockout]:
    """The lockouts of all identifiers of a person, lifted; to be appended. Those that count nothing are left out."""
    found = [await streams.load(Lockout, lockout_id(keyring, one)) for one in identity.reservations]
    return [one for one in found if one.lift(at, reason, flow.id if flow is not None else None)]


async def unlock(tools: Tools, streams: Streams, identity: Identity) -> int:
    """Lifts the lockouts of a person for an operator; says of how many identifiers. Raises `StoreConflict`."""
    for _ in range(ATTEMPTS):
        lockouts = await lifted(streams, tools.keyring, identity, tools.clock.now(), "operator")
        try:
            await streams.append(Step(), *lockouts)
        except StoreConflict:
            continue
        return len(lockouts)
    raise StoreConflict([identity.id])
