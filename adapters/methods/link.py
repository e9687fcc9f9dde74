"""`link`: a link in a mail, followed once. Recovers and verifies where `selfservice.flows.<flow>.use` says so.

A link counts once, for the flow and the address it was sent for, until its lifespan is over; another one replaces it
(Kratos lets both count). Whether anybody is known under an address is not to be learnt here.
"""

from collections.abc import Mapping
from typing import Any

from limen.adapters.methods.own_address import message, person_at, still_theirs
from limen.domain.code import MAX_WRONG
from limen.domain.configuration import FlowKind
from limen.domain.flow import Flow
from limen.domain.identifier import normalize
from limen.domain.link import NAME, TOKEN, link_lifespan, link_url, mint_link, said_of
from limen.domain.method import Accepted, Challenged, Refused, Replaced, Submission, Verdict
from limen.domain.ports import Secrets
from limen.domain.ui import messages


class LinkMethod:
    """Links that recover and verify."""

    name = NAME
    flows = frozenset({FlowKind.RECOVERY, FlowKind.VERIFICATION})

    def __init__(self, config: Mapping[str, Any], secrets: Secrets) -> None:
        self.secrets = secrets
        self.lifespan = link_lifespan(config)

    async def submit(self, submission: Submission) -> Verdict:
        """A token where one is given; else the address that a link is wanted for."""
        if self.returns(submission.flow, submission.values):
            return await self.resume(submission)
        return await self._send(submission)

    def returns(self, flow: Flow, values: Mapping[str, Any]) -> bool:
        """Whether a token came."""
        return flow.kind in self.flows and bool(values.get(TOKEN))

    def asks(self, submission: Submission) -> bool:  # noqa: ARG002 - the port's
        """A token is compared with what is kept here."""
        return False

    async def resume(self, submission: Submission) -> Verdict:
        """Judges the token that came back."""
        flow, sent, token = submission.flow, submission.code, submission.values.get(TOKEN)
        people, now = submission.people, submission.now
        right = sent is not None and isinstance(token, str) and sent.is_right(people.keyring, flow.id, token, now)
        if sent is None or not right:
            return self._wrong(submission)
        identity = await people.identity(sent.identity_id) if sent.identity_id else None
        if identity is None or not still_theirs(submission, identity, sent.address):
            return self._wrong(submission)
        return Accepted(
            identity=identity,
            authentication="link_recovery" if flow.kind is FlowKind.RECOVERY else NAME,
            verified=((sent.via, sent.address),),
        )

    async def _send(self, submission: Submission) -> Verdict:
        """The same answer whoever it is, and a link in the mail only for those known."""
        typed = submission.values.get("email") or ""
        if not isinstance(typed, str) or not typed:
            kept = {"email": ""} if submission.flow.kind is FlowKind.VERIFICATION else {}
            return Refused("missing", (messages.required("email", "email"),), kept)
        flow, address = submission.flow, normalize(typed)
        token = mint_link(self.secrets)
        link = link_url(submission.people.rules.configuration, flow.kind, flow.id, token)
        identity = await person_at(submission, address)
        if isinstance(identity, Refused):
            return identity
        return Challenged(
            address=address,
            via="email",
            code=token,
            lifespan=self.lifespan,
            identity=identity,
            mail=message(submission, flow.kind.value, address, known=identity is not None, link=link),
            resent=flow.state == "sent_email",
            values={"email": typed},
        )

    def _wrong(self, submission: Submission) -> Verdict:
        """Wrong, used or too old: a new flow says so. The sixth one ends the old flow, as with codes."""
        flow = submission.flow
        return Replaced(
            "wrong_code",
            (said_of(flow, submission.now),),
            ends=flow.wrong_codes >= MAX_WRONG,
            identity_id=submission.code.identity_id if submission.code else None,
        )
