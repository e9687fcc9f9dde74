"""Configuration as a stream: each published action configuration, addressed by a keyed hash of its canonical form."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.event import DomainEvent


class ConfigurationPublished(DomainEvent):
    """A configuration came into force. Secrets are masked here; their values are in the vault.

    `handlers` are the ids of the Python handlers, by slot, that were part of it.
    """

    stream: ClassVar[str] = "configuration"

    document: Mapping[str, Any]
    handlers: tuple[str, ...] = ()


class PublishedConfiguration(Aggregate):
    """A configuration that flows are pinned to."""

    stream: ClassVar[str] = "configuration"

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.document: Mapping[str, Any] = {}
        self.handlers: tuple[str, ...] = ()

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says."""
        if isinstance(event, ConfigurationPublished):
            self.document, self.handlers = event.document, event.handlers
