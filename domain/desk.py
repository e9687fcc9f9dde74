"""Desk: all that works under one configuration; and the services that work under every one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limen.domain.abilities import Abilities, Factor, Glance
from limen.domain.configuration import FlowKind, Slot
from limen.domain.dispatch import Dispatcher
from limen.domain.flow import Flow
from limen.domain.handler import Actions
from limen.domain.identity import Identity
from limen.domain.method import Method
from limen.domain.outcome import FlowView
from limen.domain.pending import pending_row, pending_secret
from limen.domain.people import People
from limen.domain.plan import Plan, plan
from limen.domain.presenter import Presenter
from limen.domain.profile import Profile
from limen.domain.rules import Rules
from limen.domain.runner import Runner
from limen.domain.scheduling import Scheduler
from limen.domain.sessions import Sessions, SignedIn
from limen.domain.streams import Streams
from limen.domain.token import cookie_secrets
from limen.domain.tools import Tools
from limen.domain.work import Work


@dataclass(frozen=True, slots=True)
class Services:
    """What the engine has whatever the configuration.

    `signing` signs and verifies what is handed out, session tokens above all: the secrets in force, whatever
    configuration a flow is pinned to.
    """

    tools: Tools
    streams: Streams
    handlers: Actions
    runner: Runner
    dispatcher: Dispatcher
    signing: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(
        cls, tools: Tools, streams: Streams, handlers: Actions, dispatcher: Dispatcher, in_force: Rules
    ) -> "Services":
        """The services of an engine; `in_force` are the rules that new flows begin under."""
        signing = cookie_secrets(in_force.configuration.secrets)
        return cls(tools, streams, handlers, Runner(tools, handlers), dispatcher, signing)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where flows that are pinned to one configuration are worked on."""

    services: Services
    rules: Rules
    methods: Mapping[str, Method]
    abilities: Abilities
    people: People
    presenter: Presenter
    sessions: Sessions
    scheduler: Scheduler
    _plans: dict[Slot, Plan] = field(default_factory=dict, repr=False)
    _showing: dict[FlowKind, tuple[Factor, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def under(cls, rules: Rules, methods: Mapping[str, Method], services: Services) -> "Desk":
        """The desk of a configuration."""
        tools = services.tools
        people = People(services.streams, tools.keyring, tools.ids, rules)
        return cls(
            services=services,
            rules=rules,
            methods=methods,
            abilities=Abilities.of(methods),
            people=people,
            presenter=Presenter(tools.keyring, rules),
            sessions=Sessions(tools, people, services.signing),
            scheduler=Scheduler(tools.templates, tools.keyring, tools.ids, rules.id),
        )

    def plan(self, slot: Slot) -> Plan:
        """Which actions a slot runs; worked out once, for neither the configuration nor its handlers change."""
        known = self._plans.get(slot)
        if known is None:
            known = self._plans[slot] = plan(self.rules, self.services.handlers, slot)
        return known

    def work(self, flow: Flow) -> Work:
        """A unit of work for a flow."""
        settings = self.rules.configuration.settings
        keyring, every = self.services.tools.keyring, settings.contexts == "all"
        return Work(flow, self.services.streams, keyring, settings.payload_retention, every_context=every)

    # -- flows as their users see them

    async def view(self, flow: Flow, identity: Identity | None = None, profile: Profile | None = None) -> FlowView:
        """A flow for its user, with the secrets its form shows them."""
        settings = flow.kind is FlowKind.SETTINGS
        if not self.showing(flow.kind) or (settings and profile is None) or (flow.ended and not settings):
            return self.presenter.view(flow, identity=identity, profile=profile)
        return self.presenter.view(
            flow, identity=identity, profile=profile, shown=await self._shown(flow, identity, profile)
        )

    async def _shown(self, flow: Flow, identity: Identity | None, profile: Profile | None) -> dict[str, Any]:
        store, keyring, shown = self.services.streams.store, self.services.tools.keyring, dict[str, Any]()
        kept, _ = self.presenter.kept(flow)
        for factor in self.showing(flow.kind):
            pending = await pending_secret(store, keyring, flow, factor.name)
            shown[factor.name] = await factor.show(Glance(flow, self.people, identity, profile, kept, pending))
        return shown

    async def prepare(self, work: Work, signed_in: SignedIn | None) -> None:
        """Makes the secrets that a flow keeps from its start."""
        identity, profile = (signed_in.identity, signed_in.profile) if signed_in else (None, None)
        for factor in self.showing(work.flow.kind):
            secret = await factor.prepare(Glance(work.flow, self.people, identity, profile))
            if secret is not None:
                work.step.put.append(pending_row(self.services.tools.keyring, work.flow, factor.name, secret))

    def showing(self, kind: FlowKind) -> tuple[Factor, ...]:
        """The methods whose secrets the forms of this flow show; worked out once."""
        known = self._showing.get(kind)
        if known is None:
            factors, configuration = self.abilities.factors.items(), self.rules.configuration
            known = tuple(one for name, one in factors if configuration.method(name).enabled and kind in one.shows)
            self._showing[kind] = known
        return known
