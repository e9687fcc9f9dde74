"""Rules: one accepted configuration at work, with what was built from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from limen.domain.configuration import Configuration
from limen.domain.identity_schema import IdentitySchema
from limen.domain.ports import Schemas


@dataclass(frozen=True, slots=True)
class Rules:
    """What a flow is pinned to: the configuration's version (`id`), its schemas, and what validates against them."""

    id: UUID
    configuration: Configuration
    schemas: Mapping[str, IdentitySchema]
    validator: Schemas

    @property
    def default_schema(self) -> str:
        """The schema of whoever registers."""
        return self.configuration.default_schema
