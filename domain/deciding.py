"""Deciding: what an accepted submission is about to bring about: who it is, what they become, and their session."""

from dataclasses import replace

from limen.domain.configuration import FlowKind
from limen.domain.decision import Decision
from limen.domain.desk import Desk
from limen.domain.flow import Flow
from limen.domain.identity import Identity
from limen.domain.linking import Linkable, added
from limen.domain.method import Accepted, Submission
from limen.domain.people import People
from limen.domain.request import Request
from limen.domain.sessions import SignedIn


class Deciding:
    """Makes decisions under one configuration."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def decision(self, verdict: Accepted, submission: Submission, signed_in: SignedIn | None) -> Decision:
        """The decision, before any action has had its say."""
        people, flow = self.desk.people, submission.flow
        identity, previous, key = verdict.identity, None, None
        if flow.kind is FlowKind.SETTINGS and signed_in is not None:
            identity, previous = signed_in.identity, signed_in.profile
        if identity is None:
            identity = Identity(self.desk.services.tools.ids.new())
            key = self.desk.services.tools.keyring.create(identity.id)
        elif previous is None:
            previous = people.profile(identity)
        profile, waiting = verdict.profile or previous, submission.waiting
        assert profile is not None
        if waiting is not None and (waiting.via, waiting.address) in verdict.verified:
            profile = waiting.upon(profile)
        else:
            waiting = None
        return Decision(
            at=submission.now,
            method=submission.flow.method or verdict.authentication.partition("_")[0],
            identity=identity,
            profile=profile,
            previous=previous,
            credentials=verdict.credentials,
            held=verdict.held,
            provider=verdict.provider,
            authentication=verdict.authentication,
            aal=verdict.aal,
            verified=verdict.verified,
            removed=verdict.removed,
            spent=verdict.spent,
            used=verdict.used,
            proven=verdict.proven,
            session=signed_in.session if signed_in and flow.kind is FlowKind.SETTINGS else None,
            devices=list(signed_in.devices) if signed_in else [],
            key=key,
            waiting=waiting,
        )

    def sign_in(
        self, flow: Flow, decision: Decision, signs_in: bool, request: Request, signed_in: SignedIn | None
    ) -> None:
        """The session that the commit will issue: always after login and recovery, after registration on request."""
        again = flow.kind is FlowKind.LOGIN and (flow.refresh or flow.requested_aal != "aal1")
        if again and signed_in is not None and signed_in.identity.id == decision.identity.id:
            self.desk.sessions.refresh(decision, flow, request, signed_in)
        elif flow.kind in (FlowKind.LOGIN, FlowKind.RECOVERY) or (flow.kind is FlowKind.REGISTRATION and signs_in):
            self.desk.sessions.issue(decision, flow, request)


async def linked(people: People, verdict: Accepted, link: Linkable) -> Accepted:
    """The verdict on a proven account, with the account at the provider added to it."""
    assert verdict.identity is not None
    secret, held = await added(people, verdict.identity, link.method, link.entry, link.held)
    credentials, holds = {**verdict.credentials, link.method: secret}, {**verdict.held, link.method: held}
    return replace(verdict, credentials=credentials, held=holds)
