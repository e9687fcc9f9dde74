"""Identity schemas: all that a configuration has, by id. One that somebody goes by and that is gone says so."""

from collections.abc import Mapping
from typing import Any

from limen.domain.errors import SchemaGone
from limen.domain.identity_schema import IdentitySchema


class IdentitySchemas(dict[str, IdentitySchema]):
    """The schemas by id. `schemas[id]` raises `SchemaGone` where the configuration has none; `get` gives None."""

    @classmethod
    def of(cls, documents: Mapping[str, Mapping[str, Any]]) -> "IdentitySchemas":
        """Reads the documents."""
        return cls({id_: IdentitySchema.of(document) for id_, document in documents.items()})

    def check(self, id_: str) -> None:
        """Raises `SchemaGone` where there is none of this id."""
        if id_ not in self:
            raise SchemaGone(id_)

    def __missing__(self, id_: str) -> IdentitySchema:
        raise SchemaGone(id_)
