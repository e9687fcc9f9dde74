"""Where a store is, as its URL says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from limen.domain.errors import StoreUnusable

_FORMS = "sqlite:///relative.db, sqlite:////absolute/path.db, postgresql://user@host/database or memory:"


@dataclass(frozen=True, slots=True)
class Address:
    """A store URL taken apart. `path` is absolute and belongs to SQLite; `url` is PostgreSQL's own connection URL."""

    kind: Literal["sqlite", "postgresql", "memory"]
    path: Path = Path()
    url: str = ""

    @classmethod
    def of(cls, url: str) -> "Address":
        """Reads a URL. Raises `StoreUnusable` for anything else, without repeating it: it may hold a password."""
        scheme, colon, rest = url.partition(":")
        if scheme == "memory" and colon and rest in ("", "//"):
            return cls("memory")
        if scheme == "sqlite" and rest.startswith("///") and len(rest) > 3:
            name = rest[3:]
            if name.startswith(":memory:") or name.endswith("/") or "\0" in name:
                raise StoreUnusable("a sqlite URL names a file; a store that lives in memory only is 'memory:'")
            return cls("sqlite", path=Path(name).expanduser().absolute())
        if scheme in ("postgresql", "postgres") and rest.startswith("//"):
            return cls("postgresql", url=f"postgresql:{rest}")
        known = f"'{scheme}:'" if colon and scheme.replace("+", "").isalnum() else "this URL"
        raise StoreUnusable(f"{known} does not name a store; expected {_FORMS}")
