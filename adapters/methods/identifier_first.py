"""`identifier_first`: a login that asks who it is before it offers the ways in.

Nobody learns from it whether there is an account: every identifier is answered with all ways that are switched on, and
no account is looked up. Only where `security.account_enumeration.mitigate` is false outright is it as in Kratos: the
ways the account has, and 4000037 where there is none (Kratos' default).
"""

from typing import Any
from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.first_factors import first_factors
from limen.domain.method import Advanced, Refused, Submission, Verdict
from limen.domain.screen import IDENTIFIED
from limen.domain.ui import messages
from limen.domain.ui.identifying import WAYS


class IdentifierFirstMethod:
    """The first step of a login in two."""

    name = "identifier_first"
    flows = frozenset({FlowKind.LOGIN})

    async def submit(self, submission: Submission) -> Verdict:
        """Takes the identifier, and leads on."""
        identifier = submission.values.get("identifier")
        if not isinstance(identifier, str) or not identifier.strip():
            return Refused("missing", (messages.required("identifier", "identifier"),), {"identifier": ""})
        kept: dict[str, Any] = {"identifier": identifier, WAYS: None}
        if not submission.people.rules.configuration.hides_accounts:
            ways, whose = await self._ways(submission, identifier)
            if not ways:
                return Refused("unknown", (messages.account_not_found("identifier"),), kept, whose)
            kept[WAYS] = list(ways)
        return Advanced(IDENTIFIED, values=kept)

    async def _ways(self, submission: Submission, identifier: str) -> tuple[tuple[str, ...], UUID | None]:
        people = submission.people
        identity = await people.holder(identifier, submission.flow)
        if identity is None:
            return (), None
        profile = people.profile(identity)
        schema = people.rules.schemas[profile.schema_id]
        return first_factors(people.rules.configuration, identity, profile, schema), identity.id


def known_identifier(submission: Submission) -> str:
    """The identifier that an earlier step took, for a submission without one; empty where there was no such step."""
    kept = submission.kept.get("identifier") if submission.flow.screen == IDENTIFIED else None
    return kept if isinstance(kept, str) else ""
