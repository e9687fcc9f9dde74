"""A message for the user, as Kratos numbers them, and the place in the form it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MessageType = Literal["info", "error", "success"]


@dataclass(frozen=True, slots=True)
class Message:
    """`id` is Kratos' message id (or an action's own), `text` is ours, `context` is for translators.

    `node` is the name of the form's node it stands on (`traits.email`, `password`, `method`); None is the flow itself.
    """

    id: int
    text: str
    type: MessageType = "error"
    context: Mapping[str, Any] | None = field(default=None, hash=False)
    node: str | None = None

    def body(self) -> dict[str, Any]:
        """As it stands in a flow's `ui`: without the node, context only where there is one."""
        body: dict[str, Any] = {"id": self.id, "text": self.text, "type": self.type}
        if self.context:
            body["context"] = dict(self.context)
        return body

    def record(self) -> dict[str, Any]:
        """As it is kept (sealed) in an event: with the node."""
        return self.body() | ({"node": self.node} if self.node is not None else {})

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Message":
        """The message again from `record()`."""
        return cls(**record)
