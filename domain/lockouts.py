"""Lockouts: looked at before a password or a code is tried, counted after, lifted by who has shown who they are.

So are the wrong codes of an address, which are counted without a lockout too.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from limen.domain.assurance import asks_second_factor
from limen.domain.code import DIGITS, LONG, LONG_DIGITS
from limen.domain.configuration import FlowKind
from limen.domain.decision import Decision
from limen.domain.errors import FlowBusy, StoreConflict
from limen.domain.identifier import normalize
from limen.domain.identity import Identity
from limen.domain.lockout import OPERATOR, Lockout
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
    """The lockouts under one configuration; where it has none, wrong codes alone are counted."""

    def __init__(self, tools: Tools, people: People) -> None:
        self.tools = tools
        self.people = people
        self.streams = people.streams
        self.settings = people.rules.configuration.settings.lockout

    @asynccontextmanager
    async def watched(self, submission: Submission, method: str) -> AsyncIterator[tuple[Refused | None, Submission]]:
        """Around the judging of a submission: the refusal of one that is not even tried, and what there is to try.

        In this process guesses at one identifier are judged and counted one after the other, so that none is tried too
        many; among several processes each may have one under way when the lockout begins.
        """
        identifier, address = self._identifier(submission, method), _address(submission, method)
        whose = identifier or address
        if whose is None:
            yield None, submission
            return
        id_ = lockout_id(self.people.keyring, self.people.reservation_id(whose))
        async with self.streams.turn(id_):
            lockout = await self.streams.load(Lockout, id_)
            until = lockout.locked(self.tools.clock.now())
            if identifier is not None and until is not None:
                yield await self._refusal(identifier, until, submission), submission
            elif address is not None and lockout.guessed_at:
                yield None, _without_code(submission)
            else:
                yield None, submission

    async def count(self, submission: Submission, method: str, verdict: Verdict) -> None:
        """Counts a wrong guess, before the answer is given: whoever goes away in between has had their try."""
        identifier, address = self._identifier(submission, method), _address(submission, method)
        wrong = isinstance(verdict, Exhausted) or (isinstance(verdict, Refused) and verdict.reason in WRONG)
        whose, flow_id = identifier or address, submission.flow.id
        if whose is None or not wrong:
            return
        for _ in range(ATTEMPTS):
            lockout, now = await counted(self.people, whose), self.tools.clock.now()
            if address is not None and lockout.guessed_at:
                return  # nothing was looked at
            if identifier is not None and self.settings is not None:
                lockout.miss(self.settings, now, flow_id, method)
            if address is not None:
                lockout.wrong_code(now, flow_id)
            try:
                await self.streams.append(Step(), lockout)
            except StoreConflict:
                continue
            return
        raise FlowBusy(flow_id)

    async def lift(self, work: Work, decision: Decision, at: datetime) -> None:
        """Part of the append in which somebody has signed in, registered, or recovered; or a code was right."""
        flow, keyring = work.flow, self.people.keyring
        theirs = decision.identity.reservations if self.settings is not None and flow.kind in LIFTING else ()
        shown = [one for _, one in decision.verified] if decision.method == "code" else []
        right = [self.people.reservation_id(normalize(one)) for one in shown]
        for reservation in dict.fromkeys((*theirs, *right)):
            lockout = await self.streams.load(Lockout, lockout_id(keyring, reservation))
            lifts = reservation in theirs and lockout.lift(at, flow.kind.value, flow.id)
            if (reservation in right and lockout.right_code(at, flow.id)) or lifts:
                work.add(lockout)

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

    async def _refusal(self, identifier: str, until: datetime, submission: Submission) -> Refused:
        """The same whether anybody holds the identifier or not; who does goes on the record alone."""
        holder = await self.people.holder(identifier, submission.flow)
        typed = submission.values.get("identifier")
        kept = {"identifier": typed} if isinstance(typed, str) else {}
        return Refused("locked", (locked(until),), kept, holder.id if holder else None)


def lockout_id(keyring: Keyring, reservation: UUID) -> UUID:
    """The stream of the failed logins of an identifier, by its reservation."""
    return keyring.derive("lockout", str(reservation))


async def counted(people: People, identifier: str) -> Lockout:
    """What was counted of an identifier."""
    reservation = people.reservation_id(normalize(identifier))
    return await people.streams.load(Lockout, lockout_id(people.keyring, reservation))


async def code_digits(people: People, address: str) -> int:
    """How many digits the next code for an address has: more than anybody can guess where it was tried too often."""
    return LONG_DIGITS if (await counted(people, address)).guessed_at else DIGITS


def _address(submission: Submission, method: str) -> str | None:
    """The address whose code of six digits is tried: the only guess that is counted wherever it is made."""
    values, sent = submission.values, submission.challenge
    if method != "code" or submission.flow.state != "sent_email" or asks_second_factor(submission.flow):
        return None
    if sent is None or sent["values"].get(LONG) or values.get("resend") or not values.get("code"):
        return None
    return normalize(sent["address"])


def _without_code(submission: Submission) -> Submission:
    """A code that was sent before there were too many guesses counts no more, right or wrong: another one is due."""
    code = submission.code
    return replace(submission, code=replace(code, digest="") if code is not None else None)


async def unlock(tools: Tools, streams: Streams, identity: Identity) -> int:
    """Lifts the lockouts of a person for an operator; says of how many identifiers. Raises `StoreConflict`."""
    for _ in range(ATTEMPTS):
        found = [await streams.load(Lockout, lockout_id(tools.keyring, one)) for one in identity.reservations]
        lockouts = [one for one in found if one.lift(tools.clock.now(), OPERATOR)]
        try:
            await streams.append(Step(), *lockouts)
        except StoreConflict:
            continue
        return len(lockouts)
    raise StoreConflict([identity.id])
