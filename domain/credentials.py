"""Credentials: what a completed flow makes of them. Events say that they changed; secrets are in the vault alone."""

from uuid import UUID

from limen.domain.decision import Decision
from limen.domain.holding import hold
from limen.domain.identity import CredentialChanged, CredentialRemoved, CredentialUsed, Held
from limen.domain.people import People
from limen.domain.ports import VaultKey
from limen.domain.work import Work


async def record_credentials(work: Work, people: People, decision: Decision, *, new: bool) -> None:
    """Sets, gives up and uses up credentials, in the append that completes the flow. Raises `Taken`.

    `new`: the identity is registered with them, and its event names them already, but not what they hold.
    """
    identity, flow_id, at = decision.identity, work.flow.id, decision.at
    for type_ in decision.credentials:
        held = decision.held.get(type_, ())
        await hold(work, people, decision, _reservations(held), _reservations(identity.held.get(type_, ())))
        if held or not new:
            identity.record(CredentialChanged, at, flow_id=flow_id, type=type_, held=held)
    for type_ in decision.removed:
        await hold(work, people, decision, (), _reservations(identity.held.get(type_, ())))
        identity.record(CredentialRemoved, at, flow_id=flow_id, type=type_)
        work.step.drop.append(VaultKey(identity.id, "credential", type_))
    for type_ in (*decision.spent, *((decision.method,) if decision.used else ())):
        identity.record(CredentialUsed, at, flow_id=flow_id, type=type_)
    for type_, secret in (*decision.credentials.items(), *decision.spent.items()):
        work.step.put.append(people.credential_row(identity.id, type_, secret))


def _reservations(held: tuple[Held, ...]) -> tuple[UUID, ...]:
    return tuple(one.reservation for one in held)
