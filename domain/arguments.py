"""Arguments: what a caller gives by name or id, read. What is none of that kind is a `RequestRefused`."""

from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.errors import RequestRefused


def identity_of(id_: UUID | str) -> UUID:
    """The id of an identity."""
    try:
        return id_ if isinstance(id_, UUID) else UUID(id_)
    except (ValueError, AttributeError, TypeError):
        raise RequestRefused("identity_not_found", "there is no identity of that id") from None


def kind_of(kind: str) -> FlowKind:
    """The kind of flow of that name."""
    try:
        return FlowKind(kind)
    except ValueError:
        raise RequestRefused("flow_unknown", f"there is no flow '{kind}'; there are {', '.join(FlowKind)}") from None


def type_of(type_: str) -> str:
    """The type of a flow: an app's or a browser's."""
    if type_ not in ("api", "browser"):
        raise RequestRefused("flow_type_unknown", "a flow is of type 'api' or 'browser'")
    return type_
