"""Rules: one accepted configuration at work, with what was built from it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from limen.domain.configuration import Configuration
from limen.domain.flow import Flow
from limen.domain.identity_schemas import IdentitySchemas
from limen.domain.ports import Schemas


@dataclass(frozen=True, slots=True)
class Rules:
    """What a flow is pinned to: the configuration's version (`id`), its schemas, and what validates against them."""

    id: UUID
    configuration: Configuration
    schemas: IdentitySchemas
    validator: Schemas

    def schema_of(self, flow: Flow) -> str:
        """The schema that a flow goes by where it is nobody's yet: the one its start chose, else the default."""
        return flow.identity_schema or self.configuration.default_schema


RulesSource = Callable[[UUID], Awaitable[Rules]]
"""Where the rules are that an older flow is pinned to."""
