"""Selection: what the start of a flow chooses beside its kind: the identity schema, and the organization."""

from dataclasses import dataclass
from uuid import UUID

from limen.domain.configuration import Configuration, FlowKind
from limen.domain.errors import RequestRefused

_SELECTING = (FlowKind.LOGIN, FlowKind.REGISTRATION)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen; None where nothing was."""

    identity_schema: str | None = None
    organization_id: UUID | None = None


def selection(
    configuration: Configuration,
    kind: FlowKind,
    aal: str | None,
    *,
    identity_schema: str | None,
    organization: str | None,
    theirs: str | None,
) -> Selection:
    """What a registration or a login (its first factor) asks for; every other flow does not look (Kratos).

    `theirs` is the organization of who is signed in: it comes before the one asked for. What is no UUID asks for none,
    as in Kratos. Raises `RequestRefused` (`identity_schema_unknown`, `identity_schema_not_selectable`; Kratos answers
    400 without an id).
    """
    if kind not in _SELECTING or aal == "aal2":
        return Selection()
    if identity_schema:
        _check(configuration, identity_schema)
    return Selection(identity_schema or None, _organization(theirs or organization))


def selectable(configuration: Configuration, schema_id: str) -> bool:
    """Whether people may choose a schema: the default one always, others where they are `selfservice_selectable`."""
    return schema_id in {configuration.default_schema, *configuration.selectable_schemas}


def _check(configuration: Configuration, schema_id: str) -> None:
    if not isinstance(schema_id, str) or schema_id not in configuration.schemas:
        raise RequestRefused("identity_schema_unknown", "the configuration has no identity schema of that id")
    if not selectable(configuration, schema_id):
        reason = "people may not choose that identity schema: it lacks 'selfservice_selectable: true'"
        raise RequestRefused("identity_schema_not_selectable", reason)


def _organization(text: str | None) -> UUID | None:
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
