"""Asked: the words of a call to the engine, as the domain knows them."""

from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.errors import RequestRefused


def identity_of(id_: UUID | str) -> UUID:
    """The id of an identity. Raises `RequestRefused` (`identity_not_found`)."""
    try:
        return id_ if isinstance(id_, UUID) else UUID(id_)
    except (ValueError, AttributeError, TypeError):
        raise RequestRefused("identity_not_found", "there is no identity of that id") from None


def kind_of(kind: str) -> FlowKind:
    """The kind of a flow. Raises `RequestRefused` (`flow_unknown`)."""
    try:
        return FlowKind(kind)
    except ValueError:
        raise RequestRefused("flow_unknown", f"there is no flow '{kind}'; there are {', '.join(FlowKind)}") from None


def type_of(type_: str) -> str:
    """The type of a flow. Raises `RequestRefused` (`flow_type_unknown`)."""
    if type_ not in ("api", "browser"):
        raise RequestRefused("flow_type_unknown", "a flow is of type 'api' or 'browser'")
    return type_
