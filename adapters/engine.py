"""Opening the engine: every adapter is built here, from one configuration, and closed again."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from limen.adapters.breaches import Breaches
from limen.adapters.bus import MemoryBus
from limen.adapters.bus.asking import asker_of
from limen.adapters.bus.relaying import relaying
from limen.adapters.caller import HttpCaller
from limen.adapters.configuration import read_checked
from limen.adapters.courier import SmtpCourier
from limen.adapters.hasher import PooledHasher
from limen.adapters.keyring import Keys
from limen.adapters.ledger.sealing import sealing
from limen.adapters.methods import (
    CodeMethod,
    IdentifierFirstMethod,
    LinkMethod,
    LookupSecretMethod,
    PasswordMethod,
    ProfileMethod,
    TotpMethod,
)
from limen.adapters.methods.key_methods import key_methods
from limen.adapters.methods.oidc import ProviderClient, oidc_method
from limen.adapters.rules import recall, rules_of
from limen.adapters.store import LogStore, open_store
from limen.adapters.system import SystemClock, SystemIds, SystemSecrets
from limen.adapters.templates import TemplatePool
from limen.adapters.worker import Worker
from limen.domain.configuration import Configuration, Settings
from limen.domain.dispatch import Dispatcher
from limen.domain.engine import Engine
from limen.domain.errors import ConfigurationInvalid, Fault, StoreConflict, StoreUnusable
from limen.domain.handler import Actions
from limen.domain.method import Method
from limen.domain.ports import Clock, Courier, Hasher, Ids, Secrets, Step, VaultRow
from limen.domain.published import ConfigurationPublished, PublishedConfiguration
from limen.domain.rules import Rules
from limen.domain.streams import Streams
from limen.domain.testing import MemoryCourier
from limen.domain.tools import Tools

ConfigSource = Path | str | Mapping[str, Any]
DEFAULT_STORE = "sqlite:///limen.db"


@asynccontextmanager
async def open_engine(
    config: ConfigSource,
    store: str | None = None,
    *,
    settings: ConfigSource | None = None,
    actions: Actions | None = None,
    bus: str | MemoryBus | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    secrets: Secrets | None = None,
    courier: Courier | None = None,
    hasher: Hasher | None = None,
    worker: bool = True,
    relay: bool = True,
) -> AsyncIterator[Engine]:
    """An engine for one configuration and one store.

    `config` is a Kratos configuration (file or mapping), `settings` limen's own (`limen.yml`; by default the file of
    that name beside `config`, then `LIMEN_*`). `store` is a URL: `sqlite:///limen.db` (default), `postgresql://…`,
    `memory:`. `clock`, `ids`, `secrets` and `courier` replace the system's, for tests. `bus` is the URL of a message
    bus, or a `MemoryBus`: what is appended is published to it while the engine is open (by default to `bus` of the
    settings, else to the `MemoryBus()` of this process where there is one). `worker=False` and `relay=False` leave
    deliveries and the bus to other processes; `worker=False` also leaves them the sealing of the ledger.

    Raises `ConfigurationInvalid` with every fault, `StoreUnusable`, `BusUnusable`.
    """
    handlers = (actions or Actions()).extended()
    default = MemoryBus.default()
    system = _System(clock or SystemClock(), ids or SystemIds(), secrets or SystemSecrets())
    async with AsyncExitStack() as stack:
        templates = await stack.enter_async_context(TemplatePool())
        configuration = await read_checked(config, settings, hooks=handlers.hooks, templates=templates)
        await templates.resize(configuration.settings.template_workers)
        url = store or configuration.settings.store or DEFAULT_STORE
        opened = open_store(url)
        stack.callback(opened.close)
        keys = Keys(opened, _master(configuration, opened), system.secrets)
        await keys.open()
        caller = HttpCaller(configuration.guard)
        stack.push_async_callback(caller.aclose)
        chosen = bus or configuration.settings.bus or default
        asker = await stack.enter_async_context(asker_of(chosen, configuration.hooks))
        tools = Tools(system.clock, system.ids, system.secrets, keys, templates, caller, asker)
        books = _Books(tools, opened, configuration, handlers, hasher, stack)
        streams = Streams(opened)
        dispatcher = Dispatcher(
            tools,
            streams,
            handlers,
            courier or _courier(configuration, system.clock),
            books.recall,
            configuration.settings.worker_retry,
        )
        engine = Engine(tools, streams, handlers, books.draft(), books.publish, books.recall, books.methods, dispatcher)
        if relay and chosen is not None and (bus is not None or getattr(chosen, "publish", True)):
            await stack.enter_async_context(relaying(opened, url, chosen, configuration.settings.bus, keys))
        if worker:  # the sealer first, so that it ends last: what the worker still records is sealed too
            ledger = configuration.settings.ledger
            await stack.enter_async_context(sealing(opened, url, ledger, keys, system.clock))
            await stack.enter_async_context(Worker(engine, configuration.settings))
        yield engine


@dataclass(frozen=True, slots=True)
class _System:
    clock: Clock
    ids: Ids
    secrets: Secrets


class _Books:
    """Publishes the configuration in force, and recalls the older ones that flows are pinned to."""

    def __init__(
        self,
        tools: Tools,
        store: LogStore,
        configuration: Configuration,
        handlers: Actions,
        hasher: Hasher | None,
        stack: AsyncExitStack,
    ) -> None:
        self.tools = tools
        self.store = store
        self.configuration = configuration
        self.handlers = handlers
        self.hasher = hasher
        self.stack = stack
        self.known: dict[UUID, Rules] = {}
        self._drafted = rules_of(UUID(int=0), configuration)

    def draft(self) -> Rules:
        """The rules in force before they are published: no flow is pinned to them."""
        return self._drafted

    async def publish(self) -> Rules:
        """The rules in force; published in the log when they never were."""
        document, handlers = self.configuration.document, self.handlers.ids
        canonical = json.dumps([document, self._secret_digest(), handlers], sort_keys=True, separators=(",", ":"))
        id_ = self.tools.keyring.derive("configuration", canonical)
        published = PublishedConfiguration.replay(id_, await self.store.events(id_))
        if not published.version:
            published.record(ConfigurationPublished, self.tools.clock.now(), document=document, handlers=handlers)
            secret = json.dumps(dict(self.configuration.secret_document)).encode()
            key = self.tools.keyring.create(id_)
            row = VaultRow(id_, "secrets", "", self.tools.keyring.encrypt(id_, secret))
            try:
                await self.store.append(Step(events=list(published.pending), put=[key, row]))
            except StoreConflict:
                # another process published the very same configuration at the same moment: its key holds
                self.tools.keyring.forget(id_)
        self.known[id_] = replace(self._drafted, id=id_)
        return self.known[id_]

    def _secret_digest(self) -> str:
        """Two configurations that differ in a secret alone are two; the log does not learn which secret."""
        secrets = json.dumps(dict(self.configuration.secret_document), sort_keys=True)
        return str(self.tools.keyring.derive("configuration-secrets", secrets))

    async def recall(self, id_: UUID) -> Rules:
        """The rules of an older configuration, rebuilt from the log and the vault."""
        if id_ not in self.known:
            configuration = await recall(self.store, self.tools.keyring, id_, self.handlers.hooks)
            if configuration is None:
                raise StoreUnusable(f"configuration {id_} is not in this store; was a part of it deleted?")
            own = configuration.settings  # of `limen.yml` what decides is as it was then, the rest as it is now
            settings = replace(
                self.configuration.settings,
                actions=own.actions,
                lockout=own.lockout,
                login_after_oidc_registration=own.login_after_oidc_registration,
            )
            self.known[id_] = rules_of(id_, replace(configuration, settings=settings))
        return self.known[id_]

    def methods(self, configuration: Configuration) -> Mapping[str, Method]:
        """The authentication methods, set up as a configuration says."""
        hasher = self.hasher
        if hasher is None:
            made = PooledHasher(configuration.hasher, self.tools.secrets)
            self.stack.callback(made.close)
            hasher = made
        breaches = Breaches.of(configuration, self.tools.clock)
        self.stack.push_async_callback(breaches.aclose)
        methods: tuple[Method, ...] = (
            *self._oidc(configuration),
            PasswordMethod(configuration.method("password").config, hasher, breaches),
            CodeMethod(configuration.method("code").config, self.tools.secrets),
            IdentifierFirstMethod(),
            LinkMethod(configuration.method("link").config, self.tools.secrets),
            ProfileMethod(),
            TotpMethod(configuration.method("totp").config, self.tools.secrets, configuration.base_url),
            LookupSecretMethod(self.tools.secrets),
            *key_methods(configuration, self.tools.secrets),
        )
        return {method.name: method for method in methods}

    def _oidc(self, configuration: Configuration) -> tuple[Method, ...]:
        if not configuration.method("oidc").enabled:
            return ()
        client = ProviderClient(configuration.guard)
        self.stack.push_async_callback(client.aclose)
        return (oidc_method(configuration, self.tools, client),)


def _master(configuration: Configuration, store: LogStore) -> tuple[str, ...]:
    master = configuration.secrets.master
    if not master and store.kind != "memory":
        raise ConfigurationInvalid(
            [Fault("/secrets/cipher", "a store on disk needs a master key: give secrets.cipher or secrets.default")]
        )
    return master


def _courier(configuration: Configuration, clock: Clock) -> Courier:
    if configuration.courier.connection_uri is None:
        return MemoryCourier()
    return SmtpCourier(configuration.courier, clock)


__all__ = ["DEFAULT_STORE", "Settings", "open_engine"]
