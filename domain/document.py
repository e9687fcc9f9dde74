"""A JSON document that cannot be changed, readable by key and by attribute.

What handlers and callers are given: `context.identity.traits["email"]` and `context["identity"]["traits"]` are the
same. A key that is absent reads as None by attribute (what does not apply is None) and raises by key.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


class Document(Mapping[str, Any]):
    """A frozen view of a JSON object; objects and lists inside are frozen as they are read."""

    __slots__ = ("_data",)

    def __init__(self, data: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_data", data)

    def __getitem__(self, key: str) -> Any:
        return freeze(self._data[key])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return freeze(self._data.get(name))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a document is frozen: '{name}' cannot be set")

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Document):
            return bool(self._data == other._data)
        return bool(self._data == other)

    def __hash__(self) -> int:
        return hash(repr(self._data))

    def __repr__(self) -> str:
        """The keys alone: a document holds personal data, and reprs end up in logs."""
        return f"Document({', '.join(self._data)})"

    def plain(self) -> dict[str, Any]:
        """A copy that may be changed and serialized."""
        plain: dict[str, Any] = thaw(self._data)
        return plain


class Drawn(Document):
    """A document that is made when somebody first looks at it; `make` must give the same at any time."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        object.__setattr__(self, "_make", make)

    def __getattr__(self, name: str) -> Any:
        if name == "_data":  # the slot is empty until now
            object.__setattr__(self, "_data", self._make())
            return self._data
        return super().__getattr__(name)


class Deferred(Mapping[str, Any]):
    """A JSON object that is put together when somebody looks into it, and then once."""

    __slots__ = ("_made", "_source")

    def __init__(self, source: Callable[[], Mapping[str, Any]]) -> None:
        self._source = source
        self._made: Mapping[str, Any] | None = None

    def _here(self) -> Mapping[str, Any]:
        if self._made is None:
            self._made = self._source()
        return self._made

    def __getitem__(self, key: str) -> Any:
        return self._here()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._here())

    def __len__(self) -> int:
        return len(self._here())


class Items(tuple[Any, ...]):
    """A JSON list that cannot be changed. Equal to the list it stands for, and to a tuple of the same items."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(other) if isinstance(other, list) else other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__


def freeze(value: Any) -> Any:
    """Objects become Documents, lists Items; the rest is as it is."""
    if isinstance(value, Document | Items):
        return value
    if isinstance(value, Mapping):
        return Document(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return Items(map(freeze, value))
    return value


def thaw(value: Any) -> Any:
    """The reverse of `freeze`, all the way down."""
    if isinstance(value, Document):
        value = value._data
    if isinstance(value, Mapping):
        return {key: thaw(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [thaw(part) for part in value]
    return value
