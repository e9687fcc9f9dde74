"""Self-started verification: a flow whose code or link is on its way before anybody asked for it.

Registration, a changed address and `require_verified_address` start one, in their own append. No before-action of
verification runs then (as in Kratos).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from limen.domain.code import LONG, LONG_DIGITS, challenge_record, code_lifespan, code_row
from limen.domain.configuration import Configuration, FlowKind
from limen.domain.decision import Decision
from limen.domain.errors import RequestRefused, SubmissionInvalid
from limen.domain.flow import initiate
from limen.domain.link import NAME, code_url, link_lifespan, link_url, mint_link
from limen.domain.lockouts import code_digits
from limen.domain.mails import mail
from limen.domain.people import People
from limen.domain.ports import Mail
from limen.domain.request import Request
from limen.domain.return_to import checked_return
from limen.domain.scheduling import Scheduler
from limen.domain.tools import Tools
from limen.domain.work import Work

AFTER = "after_verification_return_to"
"""In the query of a registration: where its verification leads on to, if not to `return_to`."""


@dataclass(frozen=True, slots=True)
class StartedVerification:
    """A verification flow that was started with another one's commit, and the delivery of its code."""

    flow_id: UUID
    address: str
    delivery: UUID


async def start_verification(
    work: Work,
    tools: Tools,
    people: People,
    scheduler: Scheduler,
    decision: Decision,
    address: str,
    request: Any,
    type_: str | None = None,
) -> StartedVerification:
    """A verification flow of an address, opened with its code or link sent, as part of another flow's work.

    It is of `type_`, or of the other flow's type.
    """
    configuration, keyring, at = people.rules.configuration, tools.keyring, decision.at
    flow_id, identity_id = tools.ids.new(), decision.identity.id
    digits = await code_digits(people, address)
    secret, lifespan, message = _secret(configuration, tools, flow_id, address, digits)
    row = keyring.create(flow_id, identity_id)
    flow = initiate(
        flow_id,
        at,
        kind=FlowKind.VERIFICATION,
        type=type_ or work.flow.type,
        configuration=people.rules.id,
        expires_at=at + configuration.flow(FlowKind.VERIFICATION).lifespan,
        request=keyring.seal(flow_id, _asked(configuration, request)),
        identity_id=identity_id,
        started_by=work.flow.id,
        network=work.flow.network,
    )
    own, use = work.beside(flow), configuration.flow(FlowKind.VERIFICATION).use
    shown: dict[str, Any] = {"email": address} if use == NAME else {LONG: True} if digits == LONG_DIGITS else {}
    own.step.put += [
        row,
        code_row(
            keyring, flow_id, secret, address=address, via="email", now=at, lifespan=lifespan, identity_id=identity_id
        ),
    ]
    delivery = scheduler.message(message, own, at, identity_id=identity_id)
    flow.fire(
        "open_challenged",
        at,
        method=use,
        challenge=keyring.seal(flow_id, challenge_record(address, "email", shown)),
        code_expires_at=at + timedelta(seconds=lifespan),
        deliveries=(delivery,),
    )
    work.absorb(own)
    return StartedVerification(flow_id, address, delivery)


def _asked(configuration: Configuration, request: Mapping[str, Any]) -> dict[str, Any]:
    """What the other flow was asked for; it may have said where to go on to after the verification (Kratos)."""
    asked = {**request, "transient_payload": None}
    wanted = Request(url=request["url"]).query.get(AFTER)
    try:
        wanted = checked_return(configuration, wanted or None)
    except (RequestRefused, SubmissionInvalid):
        wanted = None
    return asked if wanted is None else {**asked, "return_to": wanted}


def verifies_by_itself(configuration: Configuration) -> bool:
    """Whether a verification can be started: the flow is on, and so is the method it uses."""
    settings = configuration.flow(FlowKind.VERIFICATION)
    return settings.enabled and configuration.method(settings.use).enabled


def _secret(
    configuration: Configuration, tools: Tools, flow_id: UUID, address: str, digits: int
) -> tuple[str, float, Mail]:
    """The code, or the token of a link, how many seconds it counts, and the message that brings it."""
    if configuration.flow(FlowKind.VERIFICATION).use == NAME:
        token = mint_link(tools.secrets)
        link = link_url(configuration, FlowKind.VERIFICATION, flow_id, token)
        return token, link_lifespan(configuration.method(NAME).config), mail("verification_valid", address, link=link)
    code = tools.secrets.digits(digits)
    message = mail("verification_code_valid", address, code, link=code_url(configuration, flow_id, code))
    return code, code_lifespan(configuration.method("code").config), message
