"""Rules: one accepted configuration at work, with what was built from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from limen.domain.configuration import Configuration
from limen.domain.identity_schema import IdentitySchema
from limen.domain.ports import Schemas

if TYPE_CHECKING:
    from limen.domain.method import Method


@dataclass(frozen=True, slots=True)
class Rules:
    """What a flow is pinned to: the configuration's version (`id`), its schemas, and its methods."""

    id: UUID
    configuration: Configuration
    schemas: Mapping[str, IdentitySchema]
    validator: Schemas
    methods: "Mapping[str, Method]"

    @property
    def default_schema(self) -> str:
        """The schema of whoever registers."""
        return self.configuration.default_schema
