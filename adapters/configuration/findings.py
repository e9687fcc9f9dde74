"""What checking a configuration finds: faults, what is ignored, warnings; each with the place it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from limen.domain.errors import Fault


def join(pointer: str, *keys: str | int) -> str:
    """A JSON pointer, longer by these keys (RFC 6901)."""
    return pointer + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def split(pointer: str) -> list[str]:
    """The keys of a JSON pointer (RFC 6901)."""
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def lookup(document: Any, *keys: str | int) -> Any:
    """The value under these keys, or None where the way there ends."""
    for key in keys:
        if isinstance(document, Mapping):
            document = document.get(str(key))
        elif isinstance(document, list) and isinstance(key, int) and key < len(document):
            document = document[key]
        else:
            return None
    return document


def section(document: Any, *keys: str | int) -> Mapping[str, Any]:
    """The mapping under these keys; an empty one where there is none."""
    found = lookup(document, *keys)
    return found if isinstance(found, Mapping) else {}


@dataclass(slots=True)
class Findings:
    """Collects while a file is checked. Texts never carry a value from the file: it may be a secret."""

    faults: list[Fault] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)

    def fault(self, pointer: str, message: str) -> None:
        """Something is wrong at `pointer`."""
        if Fault(pointer, message) not in self.faults:
            self.faults.append(Fault(pointer, message))

    def ignore(self, pointer: str) -> None:
        """What stands at `pointer` is understood but not acted on."""
        if pointer not in self.ignored:
            self.ignored.append(pointer)

    def warn(self, pointer: str, message: str) -> None:
        """What stands at `pointer` works, but its writer should know something."""
        self.warnings.append((pointer, message))


def standing(document: Any, pointer: str) -> tuple[tuple[int, str], ...]:
    """A sort key: where `pointer` stands in the file. A key that is missing counts as standing at the end."""
    places: list[tuple[int, str]] = []
    for key in split(pointer):
        if isinstance(document, Mapping):
            keys = list(document)
            places.append((keys.index(key) if key in document else len(keys), key))
            document = document.get(key)
        elif isinstance(document, list) and key.isdigit() and int(key) < len(document):
            places.append((int(key), key))
            document = document[int(key)]
        else:
            places.append((0, key))
            document = None
    return tuple(places)


def in_order(document: Any, faults: Sequence[Fault]) -> list[Fault]:
    """The faults as a reader of the file meets them."""
    return sorted(faults, key=lambda fault: standing(document, fault.path))
