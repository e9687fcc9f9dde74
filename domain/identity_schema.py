"""What an identity schema says beside its JSON Schema: which trait is an identifier, an address, a field of a form.

Pure reading of the document; validation is `limen.adapters.schemas`. The extension is `ory.sh/kratos`, the rules are
those of Ory Kratos 26.2 (its schema extensions and its form decoder).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from limen.domain.identifier import normalize, normalize_phone
from limen.domain.message import Message
from limen.domain.schema_place import ITEMS, Place, values_at
from limen.domain.trait_node import TraitNode, generated_label, trait_node, type_of

_APPLICATORS = ("allOf", "anyOf", "oneOf")
_CONDITIONALS = ("then", "else", "if", "not")
_PURPOSES = ("verification", "recovery")
_CACHED = 64


@dataclass(frozen=True)
class IdentitySchema:
    """An identity schema, read once. Everything asked of it later is computed from prepared lists."""

    document: Mapping[str, Any]
    _places: tuple[Place, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", tuple(self._walk(self.document, (), False, frozenset())))

    @classmethod
    def of(cls, document: "Mapping[str, Any] | IdentitySchema") -> "IdentitySchema":
        """The schema of this very document object, read at most once while it is in use."""
        if isinstance(document, IdentitySchema):
            return document
        known = _read.get(id(document))
        if known is None or known.document is not document:
            if len(_read) >= _CACHED:
                _read.clear()
            known = _read[id(document)] = cls(document)
        return known

    # ------------------------------------------------------------------------------------------- reading the document

    def _walk(self, schema: Any, path: tuple[str, ...], required: bool, above: frozenset[int]) -> Iterator[Place]:
        """Every subschema below `traits`, in the document's order, properties first. A circle is entered once."""
        if not isinstance(schema, Mapping) or id(schema) in above:
            return
        above = above | {id(schema)}
        if path:
            yield Place(path, schema, required)
        needed = schema.get("required")
        needed = needed if isinstance(needed, list) else []
        properties = schema.get("properties")
        for name, inner in properties.items() if isinstance(properties, Mapping) else ():
            if path or name == "traits":
                yield from self._walk(inner, (*path, str(name)), name in needed, above)
        for inner in self._beside(schema):
            yield from self._walk(inner, path, required, above)
        items = schema.get("items")
        for inner in items if isinstance(items, list) else [items]:
            yield from self._walk(inner, (*path, ITEMS), False, above)

    def _beside(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        """Subschemas that speak of the same value."""
        if isinstance(reference := schema.get("$ref"), str):
            yield self._resolve(reference)
        for key in _APPLICATORS:
            several = schema.get(key)
            yield from several if isinstance(several, list) else ()
        for key in _CONDITIONALS:
            yield schema.get(key)

    def _resolve(self, reference: str) -> Any:
        """What a local reference (`#/definitions/x`) points to, None where it is not local or dangles."""
        found: Any = self.document
        if not reference.startswith("#"):
            return None
        for part in reference[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    # ------------------------------------------------------------------------------------------------------ addresses

    def identifiers(self, traits: Any) -> dict[str, list[Any]]:
        """Identifiers by method, normalized, without repetition.

        `password`, `webauthn`: values. `code`: pairs (value, via), sorted as Kratos sorts them. A method for which the
        schema names no identifier, or the traits have none, is absent.
        """
        found: dict[str, list[Any]] = {}
        for method, places in self._identifying.items():
            entries: list[Any] = []
            for place in places:
                via = place.says("credentials", "code", "via") or "email"
                for value in values_at(traits, place.path[1:]):
                    normal = normalize_phone(value) if method == "code" and via == "sms" else normalize(value)
                    entry = (normal, via) if method == "code" else normal
                    if normal and entry not in entries:
                        entries.append(entry)
            if entries:
                found[method] = sorted(entries) if method == "code" else entries
        return found

    def verifiable(self, traits: Any) -> list[tuple[str, str]]:
        """(value, via) of every address to be verified."""
        return self._addresses(traits, "verification")

    def recovery(self, traits: Any) -> list[tuple[str, str]]:
        """(value, via) of every address an account can be recovered by."""
        return self._addresses(traits, "recovery")

    @cached_property
    def mailed(self) -> frozenset[str]:
        """The names of the traits whose addresses a mail verifies."""
        return frozenset(place.name for place, via in self._addressed["verification"] if via == "email")

    @cached_property
    def unverifiable(self) -> tuple[str, ...]:
        """The names of the traits that recover, or sign in by code, and that no mail verifies."""
        places = [*(place for place, _ in self._addressed["recovery"]), *self._identifying.get("code", ())]
        return tuple(dict.fromkeys(place.name for place in places if place.name not in self.mailed))

    def fields_in_use(self, purpose: str, traits: Any) -> list[str]:
        """The form's fields that hold a method's identifier (or an address for `verification` or `recovery`)."""
        places = self._identifying.get(purpose) or [place for place, _ in self._addressed.get(purpose, ())]
        used = [place for place in places if any(values_at(traits, place.path[1:]))]
        return list(dict.fromkeys(place.name.partition(f".{ITEMS}")[0] for place in used))

    def account_name(self, traits: Any) -> str:
        """What an authenticator app calls the account (`totp.account_name`), empty where nothing says so."""
        for place in self._places:
            if place.says("credentials", "totp", "account_name") is True:
                for value in values_at(traits, place.path[1:]):
                    return value
        return ""

    def known_as(self, traits: Any) -> str:
        """What a form calls somebody who is known: a name they sign in with, else their account's; else nothing."""
        names = self.identifiers(traits)
        known = [*names.get("webauthn", ()), *names.get("password", ()), *(one for one, _ in names.get("code", ()))]
        return str(known[0]) if known else self.account_name(traits)

    @cached_property
    def display_name_field(self) -> str:
        """The field of what a passkey is called by (`passkey.display_name`, else the first identifier), or nothing."""
        marks = (("passkey", "display_name"), ("webauthn", "identifier"), ("password", "identifier"))
        marked = (place.name for mark in marks for place in self._places if place.says("credentials", *mark) is True)
        return next(marked, "")

    def display_name(self, traits: Any) -> str:
        """What a passkey is called by, empty where the traits do not say."""
        return next(values_at(traits, tuple(self.display_name_field.split("."))[1:]), "")

    def touches(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Whether traits differ in or beside an identifier or an address; quick to say, and mostly they do not."""
        return any(before.get(name) != after.get(name) for name in self._marked)

    @cached_property
    def _marked(self) -> tuple[str, ...]:
        """The traits in which identifiers and addresses stand."""
        places = [place for several in self._identifying.values() for place in several]
        places += [place for several in self._addressed.values() for place, _ in several]
        return tuple(dict.fromkeys(place.path[1] for place in places if len(place.path) > 1))

    @cached_property
    def _identifying(self) -> dict[str, list[Place]]:
        methods = ("password", "webauthn", "code")
        return {
            method: places
            for method in methods
            if (places := [place for place in self._places if place.says("credentials", method, "identifier") is True])
        }

    @cached_property
    def _addressed(self) -> dict[str, list[tuple[Place, str]]]:
        """The places that hold addresses, by what the addresses are for."""
        said = {purpose: [(place, place.says(purpose, "via")) for place in self._places] for purpose in _PURPOSES}
        return {
            purpose: [(place, via) for place, via in places if isinstance(via, str) and via]
            for purpose, places in said.items()
        }

    def _addresses(self, traits: Any, purpose: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for place, via in self._addressed[purpose]:
            kept = purpose == "verification" and place.schema.get("format", "email") not in ("email", "tel")
            for value in values_at(traits, place.path[1:]):
                # Kratos keeps the case of an address to verify whose format nothing checks.
                normal = value.strip() if kept else normalize_phone(value) if via == "sms" else normalize(value)
                if normal and (normal, via) not in found:
                    found.append((normal, via))
        return found

    # ---------------------------------------------------------------------------------------------------------- forms

    @cached_property
    def trait_nodes(self) -> tuple[TraitNode, ...]:
        """The fields of a form, in the document's order; objects are descended into, lists are one text field."""
        nodes: dict[str, TraitNode] = {}
        for place in self._places:
            if ITEMS in place.path or place.name in nodes or len(place.path) < 2:
                continue
            if (node := trait_node(place.name, place.schema, required=place.required)) is not None:
                nodes[place.name] = node
        return tuple(nodes.values())

    @cached_property
    def label_of_identifier(self) -> Message:
        """Label of the login form's identifier: the title where one trait alone identifies, else a general one."""
        marks = (
            *(("credentials", method, "identifier") for method in ("password", "webauthn", "code")),
            ("credentials", "passkey", "display_name"),
            ("credentials", "totp", "account_name"),
        )
        titles = {
            place.name: str(place.schema.get("title") or "")
            for place in self._places
            if ITEMS not in place.path and any(place.says(*mark) is True for mark in marks)
        }
        if len(titles) == 1:
            name, title = next(iter(titles.items()))
            if title:
                return generated_label(name, title)
        return Message(1070004, "Identifier", "info")

    @cached_property
    def types(self) -> dict[str, tuple[str, bool]]:
        """JSON type and whether it is required, by dotted name (`traits.age`); items of lists are absent."""
        found: dict[str, tuple[str, bool]] = {}
        for place in self._places:
            kind = type_of(place.schema)
            if kind is not None and ITEMS not in place.path:
                found.setdefault(place.name, (kind, place.required))
        return found

    def item_type(self, name: str) -> str | None:
        """The JSON type of a list's items."""
        path = (*name.split("."), ITEMS)
        return next((type_of(place.schema) for place in self._places if place.path == path), None)

    def with_defaults(self, traits: Any) -> Any:
        """The traits with an empty object for every object the schema knows and they lack, as Kratos stores them.

        A new mapping; what is not a mapping comes back as it is, for validation to refuse.
        """
        if not isinstance(traits, Mapping):
            return traits
        full = dict(traits)
        for path in self._objects:
            inner = full
            for name in path:
                child = inner.get(name, _ABSENT)
                child = {} if child is _ABSENT else dict(child) if isinstance(child, Mapping) else None
                if child is None:
                    break
                inner[name] = child
                inner = child
        return full

    @cached_property
    def _objects(self) -> tuple[tuple[str, ...], ...]:
        return tuple(
            tuple(name.split(".")[1:]) for name, (kind, _) in self.types.items() if kind == "object" and "." in name
        )


_ABSENT = object()
_read: dict[int, IdentitySchema] = {}
