"""What the engine gives back: the flow as its user sees it, and the outcome of a submission."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from limen.domain.configuration import FlowKind
from limen.domain.document import Document


@dataclass(frozen=True, slots=True)
class FlowView:
    """A flow as it stands. `state` is limen's own (design: the common table); `body` is Kratos' JSON of it.

    `ui` is what a client draws: `action`, `method`, `nodes`, `messages`. Times are UTC.
    """

    id: UUID
    kind: FlowKind
    type: str
    state: str
    active: str | None
    issued_at: datetime
    expires_at: datetime
    configuration: UUID
    version: int
    identity_id: UUID | None
    body: Document = field(repr=False)

    @property
    def ui(self) -> Document:
        """The form: nodes in order, and the messages of the flow (an empty list where there are none)."""
        return Document({"messages": [], **self.body["ui"].plain()})

    @property
    def request_url(self) -> str:
        """Where the flow was asked for."""
        return str(self.body["request_url"])

    @property
    def return_to(self) -> str | None:
        """Where its user wants to go afterwards."""
        return self.body.return_to  # type: ignore[no-any-return]  # documents hold JSON of any type

    @property
    def messages(self) -> tuple[Document, ...]:
        """Every message of the form: the flow's own first, then those of its nodes."""
        nodes = (message for node in self.ui.nodes or () for message in node["messages"])
        return (*self.ui.messages, *nodes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a submission came to.

    `state` is the flow's. A refusal or an interruption is an outcome too: its messages are in `flow.ui`. `error` is
    Kratos' error id where an adapter answers with an error (`session_verified_address_required` …), else None.
    `redirect_browser_to` is where a browser has to go before the flow goes on (then `error` is
    `browser_location_change_required`); it comes back through `Engine.resume`. `continue_with` are Kratos' next steps;
    to a browser whose script asked (`Request.wants_json`) they end with the address it goes on to.
    `session_token` is shown here once and nowhere else. `return_code` stands instead where a native app is to exchange
    two codes for it (`Engine.exchange`); it is part of `redirect_browser_to` then. After the first of two factors,
    where sessions must show both, the session has no identity: its holder is told nobody's name (Kratos).
    """

    state: str
    flow: FlowView
    identity: Document | None = None
    session: Document | None = None
    session_token: str | None = field(default=None, repr=False)
    continue_with: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    error: str | None = None
    redirect_browser_to: str | None = field(default=None, repr=False)
    return_code: str | None = field(default=None, repr=False)

    @property
    def completed(self) -> bool:
        """Whether the flow came to its good end."""
        return self.state == "completed"
