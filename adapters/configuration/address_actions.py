"""Address actions: what `verify_new_address` and `require_verified_address` need of the rest of the file."""

from collections.abc import Mapping, Sequence
from typing import Any

from limen.adapters.configuration.conditions import offered
from limen.adapters.configuration.draft import Draft
from limen.adapters.configuration.findings import section
from limen.domain.action import Action
from limen.domain.configuration import Slot
from limen.domain.identity_schema import IdentitySchema
from limen.domain.precedence import VERIFY_NEW_ADDRESS

_REQUIRED = "require_verified_address"
_NEEDS = "selfservice.flows.verification.enabled, and the method that this flow uses"


def check_address_actions(
    draft: Draft, schemas: Mapping[str, Mapping[str, Any]], lists: Mapping[Slot, Sequence[Action]]
) -> None:
    """Reports where no change could ever come true, and warns of people who could not go on."""
    verifies = verifies_by_itself(draft.document)
    for action in (action for actions in lists.values() for action in actions):
        if action.hook == VERIFY_NEW_ADDRESS and not verifies:
            draft.findings.fault(action.source, f"'{VERIFY_NEW_ADDRESS}' needs {_NEEDS}: no change could come true")
        elif action.hook == _REQUIRED and not verifies:
            draft.findings.warn(
                action.source, f"'{_REQUIRED}' without {_NEEDS}: who has no verified address never signs in"
            )
        elif action.hook in (VERIFY_NEW_ADDRESS, _REQUIRED):
            for id_, document in schemas.items():
                _warn(draft, action, id_, IdentitySchema.of(document))


def verifies_by_itself(document: Mapping[str, Any]) -> bool:
    """Whether a verification can be started, as `limen.domain.self_verification` says it of a configuration."""
    flow = section(document, "selfservice", "flows", "verification")
    return flow.get("enabled") is True and offered(document, flow.get("use", "code"))


def _warn(draft: Draft, action: Action, id_: str, schema: IdentitySchema) -> None:
    """What holds for everybody of a schema."""
    if action.hook == _REQUIRED and not schema.mailed:
        text = f"the identity schema '{id_}' has no e-mail address to verify: who goes by it cannot get a verified one"
        draft.findings.warn(action.source, text)
    for name in schema.unverifiable if action.hook == VERIFY_NEW_ADDRESS else ():
        text = f"{name} of the identity schema '{id_}' recovers or signs in by code, and no mail verifies it"
        draft.findings.warn(action.source, f"{text}: a change that brings a new one is refused")
