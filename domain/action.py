"""Action: one entry of a list of actions, as a configuration says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Auth:
    """Credentials of a web hook. `kind` is `basic_auth` (user, password) or `api_key` (name, value, place)."""

    kind: Literal["basic_auth", "api_key"]
    name: str
    secret: str = field(repr=False)
    place: Literal["header", "cookie"] = "header"


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently: `attempts` in all, pauses growing from `initial` to `maximum` seconds."""

    attempts: int = 3
    initial: float = 0.5
    maximum: float = 60.0


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """What `limen.yml` says of one action, by its `config.id`. `timeout` is the total deadline in seconds.

    `concurrency` is how many calls of it may be under way at a time, in one process; None is no limit. `given` are the
    names of those that the file gives; the others are defaults.
    """

    timeout: float = 30.0
    retry: Retry = Retry()
    concurrency: int | None = None
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    given: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class WebHook:
    """The `config` of a `web_hook`. `template` is the Jsonnet source its `body` URI gave, None where there is none."""

    url: str = field(repr=False)
    method: str = "POST"
    template: str | None = field(default=None, repr=False)
    template_name: str = "template"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: Auth | None = None
    parse: bool = False
    ignore: bool = False
    can_interrupt: bool = False

    @property
    def parses(self) -> bool:
        """Whether the answer is read: `response.parse`, or the deprecated `can_interrupt`."""
        return self.parse or self.can_interrupt


@dataclass(frozen=True, slots=True)
class BusHook:
    """Where a hook over the bus asks: `subject` (on RabbitMQ the name of a queue), with which body.

    `template` is the Jsonnet source its `body` URI gave, None where there is none. Its answer is always read.
    `on_failure`: whether a failure denies the step, as a web hook's does, or lets the flow go on.
    """

    subject: str
    template: str | None = field(default=None, repr=False)
    template_name: str = "template"
    on_failure: Literal["deny", "continue"] = "deny"


@dataclass(frozen=True, slots=True)
class Action:
    """One entry of a list of actions.

    `id` is `config.id` where the file gives one, else `<slot>.<position>` (`login.after.password.0`). `source` is the
    JSON pointer of the entry, as `/selfservice/flows/login/after/password/hooks/0`, or `limen.yml#/hooks/0`.
    """

    hook: str
    id: str
    source: str
    position: int
    web_hook: WebHook | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    settings: ActionSettings = ActionSettings()
    bus: BusHook | None = None

    @property
    def asks(self) -> bool:
        """Whether it asks somebody outside the process."""
        return self.web_hook is not None or self.bus is not None
