"""Place: one subschema of an identity schema, and where in the traits its value stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

EXTENSION = "ory.sh/kratos"
ITEMS = "*"
"""Stands in a path for every item of an array."""


@dataclass(frozen=True, slots=True)
class Place:
    """One subschema and where its value stands. `path` begins with `traits`."""

    path: tuple[str, ...]
    schema: Mapping[str, Any]
    required: bool

    @property
    def name(self) -> str:
        """The trait's dotted name: `traits.name.first`."""
        return ".".join(self.path)

    @property
    def extension(self) -> Mapping[str, Any]:
        """What stands under `ory.sh/kratos`."""
        extension = self.schema.get(EXTENSION)
        return extension if isinstance(extension, Mapping) else {}

    def says(self, *keys: str) -> Any:
        """What the extension says under these keys, None where it says nothing."""
        value: Any = self.extension
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


def values_at(traits: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The texts that stand at a path; numbers as their text, anything else is no identifier."""
    if path:
        if path[0] == ITEMS:
            for item in traits if isinstance(traits, list | tuple) else ():
                yield from values_at(item, path[1:])
        elif isinstance(traits, Mapping) and path[0] in traits:
            yield from values_at(traits[path[0]], path[1:])
    elif isinstance(traits, str):
        yield traits
    elif isinstance(traits, int | float) and not isinstance(traits, bool):
        yield str(traits)
