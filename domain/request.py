"""The request that called limen: what an adapter (or an embedding application) hands over, and what actions may see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

DEFAULT_ALLOWLIST = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Content-Length",
    "Content-Type",
    "Origin",
    "Priority",
    "Referer",
    "Sec-Ch-Ua",
    "Sec-Ch-Ua-Mobile",
    "Sec-Ch-Ua-Platform",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-Fetch-User",
    "True-Client-Ip",
    "User-Agent",
)
"""The headers that reach an action unless `clients.web_hook.header_allowlist` says otherwise (Kratos' default)."""

NEVER = frozenset({"Authorization", "Cookie", "Proxy-Authorization", "X-Session-Token"})
"""Headers that carry credentials: no allowlist lets them through."""

PROOFS = frozenset({"code", "authCode", "state", "token", "id_token"})
"""The fields of an address that prove something to whoever has it: a provider's answer, a link in a mail."""
SPENT = "***"

JSON = "application/json"

OWN_COOKIES = ("ory_kratos_session", "ory_kratos_continuity", "csrf_token", "limen_")
"""Names, or beginnings of names, of the cookies that are limen's own."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, or what stands for it. `headers` are (name, value) pairs; `client_ip` is the peer's address.

    Its repr shows the method alone: reprs end up in logs.
    """

    method: str = "POST"
    url: str = field(default="http://127.0.0.1:4433/", repr=False)
    headers: Iterable[tuple[str, str]] | Mapping[str, str] = field(default=(), repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    client_ip: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Takes the headers over once, so that an iterator of them can be read again and again."""
        items = self.headers.items() if isinstance(self.headers, Mapping) else self.headers
        object.__setattr__(self, "headers", tuple(tuple(pair) for pair in items or ()))
        object.__setattr__(self, "cookies", dict(self.cookies or {}))

    def pairs(self) -> list[tuple[str, str]]:
        """The headers with canonical names, in the order they came."""
        pairs: tuple[tuple[str, str], ...] = self.headers  # type: ignore[assignment]  # __post_init__ made them so
        return [(canonical(name), value) for name, value in pairs]

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        if not self.headers:
            return None
        wanted = canonical(name)
        return next((value for key, value in self.pairs() if key == wanted), None)

    @property
    def address(self) -> str:
        """The client's address: what a trusted proxy says in `True-Client-Ip`, else the peer's (ADR 0012)."""
        return self.header("True-Client-Ip") or self.client_ip or ""

    @property
    def wants_json(self) -> bool:
        """Whether a script asked, not a page's form: it sends JSON, or would rather be answered by it than by HTML."""
        if JSON in (self.header("Content-Type") or ""):
            return True
        accepted = self.header("Accept") or ""
        return _preference(accepted, JSON) > _preference(accepted, "text/html")

    @property
    def query(self) -> dict[str, str]:
        """The query of the URL; the first of several values of a name counts."""
        pairs: dict[str, str] = {}
        for name, value in parse_qsl(urlsplit(self.url).query, keep_blank_values=True):
            pairs.setdefault(name, value)
        return pairs

    def with_query(self, query: Mapping[str, str] | None) -> "Request":
        """The same request with these names added to the query of its URL."""
        if not query:
            return self
        parts = urlsplit(self.url)
        joined = "&".join(filter(None, (parts.query, urlencode(query))))
        return Request(
            self.method, urlunsplit(parts._replace(query=joined)), self.headers, self.cookies, self.client_ip
        )

    def spent(self) -> "Request":
        """The same request without what its URL brought as a proof: for who is told of it afterwards (actions)."""
        parts = urlsplit(self.url)
        if not parts.query:
            return self
        said = [(name, SPENT if name in PROOFS else value) for name, value in parse_qsl(parts.query, True)]
        url = urlunsplit(parts._replace(query=urlencode(said, safe=SPENT)))
        return Request(self.method, url, self.headers, self.cookies, self.client_ip)

    def allowed_headers(self, allowlist: Iterable[str] | None) -> dict[str, list[str]]:
        """What actions see of the headers: canonical name → values, only those on the allowlist, sorted.

        The peer's address becomes `True-Client-Ip` unless a trusted proxy has set that header (**better** than Kratos,
        which knows only the proxy's).
        """
        allowed = frozenset(map(canonical, DEFAULT_ALLOWLIST if allowlist is None else allowlist)) - NEVER
        kept: dict[str, list[str]] = {}
        for name, value in self.pairs():
            if name in allowed:
                kept.setdefault(name, []).append(value)
        if self.client_ip and "True-Client-Ip" in allowed:
            kept.setdefault("True-Client-Ip", [self.client_ip])
        return dict(sorted(kept.items()))

    def foreign_cookies(self, *own: str) -> dict[str, str]:
        """The cookies without limen's own, and without those that a configuration names so."""
        kept = {name: value for name, value in self.cookies.items() if not name.startswith(OWN_COOKIES)}
        return {name: value for name, value in kept.items() if name not in own}


def _preference(accepted: str, media_type: str) -> tuple[float, int]:
    """How much an `Accept` asks for a type: its weight, then how precisely it names it (RFC 9110 §12.5.1)."""
    best = (0.0, 0)
    for precision, named in enumerate(("*/*", f"{media_type.partition('/')[0]}/*", media_type)):
        for item in accepted.lower().split(","):
            name, *parameters = (part.strip() for part in item.split(";"))
            if name == named and (weight := _weight(parameters)):
                best = max(best, (weight, precision))
    return best


def _weight(parameters: Iterable[str]) -> float:
    """`q` of an item of `Accept`, 1 unless given; 0 where it is no number."""
    given = next((value.removeprefix("q=") for value in parameters if value.startswith("q=")), "1")
    return float(given) if given.replace(".", "", 1).isdecimal() else 0.0


@lru_cache(1024)
def canonical(name: str) -> str:
    """A header's name as Go writes it: `content-type` → `Content-Type`."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))
