"""Self-started verification: a flow whose code is on its way before anybody asked for it.

Registration, a changed address and `require_verified_address` start one, in their own append. No before-action of
verification runs then (as in Kratos).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from limen.domain.code import DIGITS, challenge_record, code_lifespan, code_row
from limen.domain.configuration import FlowKind
from limen.domain.decision import Decision
from limen.domain.flow import initiate
from limen.domain.mails import mail
from limen.domain.people import People
from limen.domain.scheduling import Scheduler
from limen.domain.tools import Tools
from limen.domain.work import Work


@dataclass(frozen=True, slots=True)
class StartedVerification:
    """A verification flow that was started with another one's commit, and the delivery of its code."""

    flow_id: UUID
    address: str
    delivery: UUID


def start_verification(
    work: Work,
    tools: Tools,
    people: People,
    scheduler: Scheduler,
    decision: Decision,
    address: str,
    request: Any,
) -> StartedVerification:
    """A verification flow of an address, opened with its code sent, as part of another flow's work."""
    configuration, keyring, at = people.rules.configuration, tools.keyring, decision.at
    flow_id, identity_id = tools.ids.new(), decision.identity.id
    lifespan = code_lifespan(configuration.method("code").config)
    code = tools.secrets.digits(DIGITS)
    row = keyring.create(flow_id, identity_id)
    flow = initiate(
        flow_id,
        at,
        kind=FlowKind.VERIFICATION,
        type=work.flow.type,
        configuration=people.rules.id,
        expires_at=at + configuration.flow(FlowKind.VERIFICATION).lifespan,
        request=keyring.seal(flow_id, {**request, "transient_payload": None}),
        identity_id=identity_id,
        started_by=work.flow.id,
        network=work.flow.network,
    )
    own = work.beside(flow)
    own.step.put += [
        row,
        code_row(
            keyring, flow_id, code, address=address, via="email", now=at, lifespan=lifespan, identity_id=identity_id
        ),
    ]
    delivery = scheduler.message(mail("verification_code_valid", address, code), own, at, identity_id=identity_id)
    flow.fire(
        "open_challenged",
        at,
        method="code",
        challenge=keyring.seal(flow_id, challenge_record(address, "email", {})),
        code_expires_at=at + timedelta(seconds=lifespan),
        deliveries=(delivery,),
    )
    work.absorb(own)
    return StartedVerification(flow_id, address, delivery)
