"""Desk: all that works under one configuration; and the services that work under every one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from limen.domain.configuration import Slot
from limen.domain.dispatch import Dispatcher
from limen.domain.flow import Flow
from limen.domain.handler import Actions
from limen.domain.method import Method
from limen.domain.people import People
from limen.domain.plan import Plan, plan
from limen.domain.presenter import Presenter
from limen.domain.rules import Rules
from limen.domain.runner import Runner
from limen.domain.scheduling import Scheduler
from limen.domain.sessions import Sessions
from limen.domain.streams import Streams
from limen.domain.tools import Tools
from limen.domain.work import Work


@dataclass(frozen=True, slots=True)
class Services:
    """What the engine has whatever the configuration."""

    tools: Tools
    streams: Streams
    handlers: Actions
    runner: Runner
    dispatcher: Dispatcher


@dataclass(frozen=True, slots=True)
class Desk:
    """Where flows that are pinned to one configuration are worked on."""

    services: Services
    rules: Rules
    methods: Mapping[str, Method]
    people: People
    presenter: Presenter
    sessions: Sessions
    scheduler: Scheduler
    _plans: dict[Slot, Plan] = field(default_factory=dict, repr=False)

    @classmethod
    def under(cls, rules: Rules, methods: Mapping[str, Method], services: Services) -> "Desk":
        """The desk of a configuration."""
        tools = services.tools
        people = People(services.streams, tools.keyring, tools.ids, rules)
        return cls(
            services=services,
            rules=rules,
            methods=methods,
            people=people,
            presenter=Presenter(tools.keyring, rules),
            sessions=Sessions(tools, people),
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
