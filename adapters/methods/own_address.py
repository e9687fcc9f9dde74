"""Own address: codes and links go only to the addresses of an account, and count as long as those are its own."""

from limen.domain.configuration import FlowKind
from limen.domain.identity import Identity
from limen.domain.mails import mail
from limen.domain.method import Refused, Submission
from limen.domain.ports import Mail
from limen.domain.ui import messages


async def person_at(submission: Submission, address: str) -> Identity | Refused | None:
    """Whose address this is, None where nobody's is; finding nobody takes as long.

    An address that a change of profile waits for is its person's. Refused where it came to be somebody else's since.
    """
    people, flow = submission.people, submission.flow
    holder = await people.holder(address, flow)
    if submission.waits_for(address) and flow.identity_id is not None:
        identity = await people.identity(flow.identity_id)
        if holder is not None and identity is not None and holder.id != identity.id:
            return Refused("duplicate", (messages.duplicate_credentials(),), identity_id=holder.id)
        return identity
    return holder if holder is not None and _reaches(submission, holder, address) else None


def still_theirs(submission: Submission, identity: Identity, address: str) -> bool:
    """What went to an address counts no more once its owner has given the address up."""
    if submission.waits_for(address) and identity.id == submission.flow.identity_id:
        return True
    return _reaches(submission, identity, address)


def _reaches(submission: Submission, identity: Identity, address: str) -> bool:
    """Whether this address recovers the account, or is one to verify, by the kind of the flow."""
    profile = submission.people.profile(identity)
    recovers = submission.flow.kind is FlowKind.RECOVERY
    return any(one.value == address for one in (profile.recovery if recovers else profile.verifiable))


def message(
    submission: Submission,
    template: str,
    address: str,
    *,
    known: bool,
    code: str | None = None,
    link: str | None = None,
) -> Mail:
    """What goes to an address: the code or link; where nobody is known there, word of that if the file wants it told.

    Else the same message as ever, withheld: whoever asked cannot tell by the time it took.
    """
    told = submission.people.rules.configuration.flow(submission.flow.kind).notify_unknown_recipients
    if told and not known:
        return mail(f"{template}_invalid", address)
    return mail(f"{template}_valid", address, code, link=link, withheld=not known)
