"""Where a bus is, as its URL says."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from limen.domain.errors import BusUnusable

SCHEMES: Final = {
    "nats": "nats",
    "tls": "nats",
    "amqp": "rabbit",
    "amqps": "rabbit",
    "redis": "redis",
    "rediss": "redis",
    "kafka": "kafka",
    "memory": "memory",
}
_FORMS = "nats://host:4222, amqp://host:5672/, redis://host:6379, kafka://host:9092 or memory:"


@dataclass(frozen=True, slots=True)
class BusAddress:
    """A bus URL taken apart. `url` may hold a password: it is never shown; `shown` is what may be."""

    kind: str
    url: str = field(repr=False)

    @classmethod
    def of(cls, url: str) -> "BusAddress":
        """Reads a URL. Raises `BusUnusable` for anything else, without repeating it: it may hold a password."""
        scheme, colon, rest = url.partition(":")
        kind = SCHEMES.get(scheme) if colon else None
        if kind is None or (kind != "memory" and not rest.startswith("//")):
            known = f"'{scheme}:'" if colon and scheme.isalnum() else "this URL"
            raise BusUnusable(f"{known} names no bus; expected {_FORMS}")
        address = cls(kind, url)
        if kind != "memory" and not all(address.servers or [""]):
            raise BusUnusable(f"this {scheme} URL names no host; expected {_FORMS}")
        if kind != "memory" and not address._is_clear():
            raise BusUnusable(
                f"this {scheme} URL cannot be read: in a user or password '/', '?', '#', ',', ':' and '@' are written "
                "%2F, %3F, %23, %2C, %3A and %40, and a port is a number"
            )
        return address

    def _is_clear(self) -> bool:
        """Whether it is certain which part is a password: else it might be shown as a part of something else."""
        for part in self.url.split(","):
            rest = part.partition("://")[2] or part
            place = re.split(r"[/?#]", rest, maxsplit=1)[0]
            host = place.rpartition("@")[2]
            port = host.rpartition("]")[2].partition(":")[2]
            if "@" in rest[len(place) :] or "@" in place.rpartition("@")[0] or (":" in host and not port.isdigit()):
                return False
        return True

    @property
    def servers(self) -> list[str]:
        """The hosts and ports in it, without credentials: of one URL with several hosts, or of several URLs."""
        places = []
        for part in self.url.split(","):
            rest = part.partition("://")[2] or part
            places.append(rest.partition("/")[0].partition("?")[0].rpartition("@")[2])
        return [place for place in places if place]

    @property
    def shown(self) -> str:
        """The URL without credentials and parameters: what may be shown, and what names a destination."""
        if self.kind == "memory":
            return self.url
        path = urlsplit(self.url.rpartition(",")[2] if "://" in self.url.rpartition(",")[2] else self.url).path
        return f"{self.url.partition(':')[0]}://{','.join(self.servers)}{path.rstrip('/')}"
