"""Catching up: what others appended while a decision was on its way, and whether it may be taken again on that."""

from limen.domain.assurance import SECOND_FACTORS
from limen.domain.configuration import FlowKind
from limen.domain.decision import Decision
from limen.domain.errors import FlowNotFound
from limen.domain.flow import Flow
from limen.domain.identifier import normalize
from limen.domain.identity import Identity
from limen.domain.last_way import Person, strands_meanwhile
from limen.domain.people import People
from limen.domain.profile import Profile
from limen.domain.profile_merge import merged
from limen.domain.session import Session
from limen.domain.throttle import held_back

LISTS = ("oidc", "webauthn", "passkey")
"""The credentials that are lists: several keys or accounts, kept as one."""


class Overtaken(Exception):
    """What the verdict rested on has changed since: a password, an address or a profile, a code, or the session."""


async def catch_up(people: People, flow: Flow, decision: Decision) -> None:
    """Takes up what others appended meanwhile. Raises `Overtaken` when the decision may not be taken again on it."""
    fresh = await people.identity(decision.identity.id)
    if fresh is None:
        raise FlowNotFound(flow.id, "the person it was of has been erased")
    if flow.kind is not FlowKind.VERIFICATION and people.profile(fresh).state != "active":
        raise Overtaken  # switched off meanwhile: the next try says so
    if _credentials_moved(flow, decision, fresh):
        raise Overtaken
    if (decision.spent or decision.used) and held_back(fresh, decision.method, decision.at):
        raise Overtaken  # others were guessing meanwhile: a right guess among too many counts no more
    if _given_up(people, decision, people.profile(fresh)):
        raise Overtaken  # whoever has the mailbox now must not get in by what was sent there
    if await _session_moved(people, decision):
        raise Overtaken
    _rebase(people, flow, decision, fresh)
    person = Person(fresh, people.profile(fresh))
    if flow.kind is FlowKind.SETTINGS and strands_meanwhile(people.rules, person, decision):
        raise Overtaken  # each of two changes left the way to sign in that the other one takes


def _credentials_moved(flow: Flow, decision: Decision, fresh: Identity) -> bool:
    """Whether a credential that the verdict rests on was replaced, removed or spent."""
    lists_written = {name for name in decision.credentials if name in LISTS}  # a provider linked at login
    rested_on = {decision.method, *lists_written}
    moved = max(max(fresh.replaced.get(name, 0), fresh.spent.get(name, 0)) for name in rested_on)
    lists = decision.method in LISTS and flow.kind is FlowKind.SETTINGS  # an entry added meanwhile would be lost
    factors = flow.kind is FlowKind.SETTINGS and not decision.credentials.keys().isdisjoint(SECOND_FACTORS)
    if factors and any(fresh.replaced.get(name, 0) > decision.identity.version for name in SECOND_FACTORS):
        return True  # two at once: the later one shows first what there is now
    return (flow.kind is FlowKind.LOGIN or lists) and moved > decision.identity.version


def _given_up(people: People, decision: Decision, theirs: Profile) -> bool:
    """Whether an address that was shown by a code or link is not any more for what it was for then.

    More than the method asks perhaps; where it counts all the same, the method says so when it is submitted again.
    Of the address of a change that waits, `dropped` speaks.
    """
    before = decision.previous
    if not decision.verified or decision.waiting is not None or before is None:
        return False
    if theirs.schema_id != before.schema_id:
        return True
    shown = {normalize(value) for _, value in decision.verified}
    lost = (people.roles(before) | _kept(before)) - (people.roles(theirs) | _kept(theirs))
    return any(value in shown for _, value in lost)


def _kept(profile: Profile) -> frozenset[tuple[str, str]]:
    """The addresses as they are kept; a schema that was changed since may make other roles of the same traits."""
    kinds = (("verifiable", profile.verifiable), ("recovery", profile.recovery))
    return frozenset((kind, normalize(one.value)) for kind, listed in kinds for one in listed)


async def _session_moved(people: People, decision: Decision) -> bool:
    """Whether the session of who submitted is over, or one that is to be refreshed is not as it was."""
    session = decision.session
    if session is None or session.version <= len(session.pending):
        return False  # one to be issued
    there = await people.streams.load(Session, session.id)
    return not there.active(decision.at) or (bool(session.pending) and there.version >= session.version)


def _rebase(people: People, flow: Flow, decision: Decision, fresh: Identity) -> None:
    """Puts the decision upon what is there now. A profile that both changed is nobody's to mix: `Overtaken`."""
    theirs, before = people.profile(fresh), decision.previous
    if decision.waiting is not None:
        profile: Profile | None = decision.waiting.upon(theirs)  # whether it still may, `dropped` says
    else:
        profile = merged(before, decision.profile, theirs) if before is not None else decision.profile
    if profile is None and flow.kind is FlowKind.LOGIN:
        profile = theirs  # no login fails for what its provider says anew: the next one brings it again
    if profile is None:
        raise Overtaken
    decision.identity, decision.profile, decision.previous = fresh, profile, theirs
