"""Mention: in this flow somebody's identifier was typed. So that erasing a person finds the flows that speak of them.

A flow may speak of several people: whoever signs in may have tried another address first. So each identifier that was
typed has a row of its own in the vault, owned by its reservation and named by the flow; it holds nothing but the two
ids. A flow that comes to be somebody's is bound to them, and their own identifiers need no mention any more.
"""

from collections.abc import Iterable
from uuid import UUID

from limen.domain.identity import Identity
from limen.domain.ports import Step, Store, VaultKey, VaultRow

KIND = "mention"


def mention(step: Step, flow_id: UUID, reservations: Iterable[UUID]) -> None:
    """Notes that these identifiers (by their reservations) were typed in a flow."""
    step.put += [VaultRow(reservation, KIND, str(flow_id), b"") for reservation in reservations]


def bind(step: Step, flow_id: UUID, identity: Identity, before: Iterable[UUID] = ()) -> None:
    """The flow is this person's from now on: erasing them erases it.

    `before`: the reservations of addresses that it was about until now. If they are somebody else's, they are noted
    again: while the flow was theirs, they needed no note.
    """
    mention(step, flow_id, before)
    own = frozenset(identity.reservations)
    step.put = [row for row in step.put if row.kind != KIND or row.owner not in own]
    step.drop += [VaultKey(reservation, KIND, str(flow_id)) for reservation in own]
    step.bind.append((flow_id, identity.id))


async def forget_mentioned(store: Store, reservations: Iterable[UUID]) -> int:
    """Forgets the flows in which these identifiers were typed; says how many vault rows went with them.

    The note of a flow goes after the flow, so that nothing is left behind by a process that dies in between.
    """
    deleted = 0
    for reservation in reservations:
        while rows := await store.vault_rows(reservation, KIND):
            deleted += await store.forget([UUID(row.name) for row in rows])
            await store.append(Step(drop=[VaultKey(reservation, KIND, row.name) for row in rows]))
    return deleted
