"""Challenging: a code goes out with the very append that says so; its digest goes to the vault."""

from datetime import datetime, timedelta
from typing import Any

from limen.domain.code import challenge_record, code_row
from limen.domain.method import Challenged
from limen.domain.ports import Keyring
from limen.domain.scheduling import Scheduler
from limen.domain.work import Work


def send_code(work: Work, verdict: Challenged, keyring: Keyring, scheduler: Scheduler, at: datetime) -> dict[str, Any]:
    """Keeps the code and schedules its message; the fields of the event that says it is on its way."""
    flow_id, identity_id = work.flow.id, verdict.identity.id if verdict.identity else None
    kept = code_row(
        keyring,
        flow_id,
        verdict.code,
        address=verdict.address,
        via=verdict.via,
        now=at,
        lifespan=verdict.lifespan,
        identity_id=identity_id,
    )
    work.step.put.append(kept)
    return {
        "challenge": keyring.seal(flow_id, challenge_record(verdict.address, verdict.via, verdict.values)),
        "code_expires_at": at + timedelta(seconds=verdict.lifespan),
        "deliveries": (scheduler.message(verdict.mail, work, at, identity_id=identity_id),) if verdict.mail else (),
    }
