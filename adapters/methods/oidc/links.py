"""Links: the accounts at providers that somebody has, as settings change them."""

import json
from collections.abc import Collection
from typing import Final

from limen.adapters.methods.oidc.said import Said
from limen.domain.first_factors import first_factors, linked_providers
from limen.domain.identity import Held, Identity
from limen.domain.linking import accounts, added
from limen.domain.method import Accepted, Refused, Submission, Verdict
from limen.domain.people import People
from limen.domain.ui import messages

TYPE: Final = "oidc"
ALREADY: Final = Refused("linked", (messages.generic("this provider is linked already"),))


def held_by(people: People, said: Said) -> Held:
    """What an account at a provider is held by: nobody else can have it then."""
    return Held(name=said.provider, reservation=people.account_id(said.provider, said.subject))


async def newly_linked(submission: Submission, said: Said, holder: Identity | None) -> Verdict:
    """The account that somebody came back with is theirs from now on, unless it is somebody's."""
    identity, people = submission.identity, submission.people
    assert identity is not None
    if holder is not None and holder.id != identity.id:
        return Refused("duplicate", (messages.duplicate_credentials(),), identity_id=holder.id)
    if said.provider in linked_providers(identity):
        return ALREADY
    secret, held = await added(people, identity, TYPE, said.entry, held_by(people, said))
    return Accepted(
        credentials={TYPE: secret}, held={TYPE: held}, authentication=TYPE, provider=said.provider, proven=True
    )


async def unlinked(submission: Submission, identity: Identity, named: str, offered: Collection[str]) -> Verdict:
    """All that is linked of one provider goes. The last way to sign in stays; `offered` are the providers there are."""
    people, profile = submission.people, submission.profile
    assert profile is not None
    if named not in linked_providers(identity):
        return Refused("no_credential", (messages.generic("this provider is not linked"),))
    rest = tuple(one for one in identity.held[TYPE] if one.name != named)
    schema = people.rules.schemas[profile.schema_id]
    others = first_factors(people.rules.configuration, identity, profile, schema, without=(TYPE,))
    if not others and not any(one.name in offered for one in rest):
        return Refused("last_factor", (messages.generic("this is the last way to sign in; add another first"),))
    if not rest:
        return Accepted(removed=(TYPE,), authentication=TYPE)
    kept = [one for one in await accounts(people, identity, TYPE) if one["provider"] != named]
    return Accepted(credentials={TYPE: json.dumps(kept)}, held={TYPE: rest}, authentication=TYPE)
