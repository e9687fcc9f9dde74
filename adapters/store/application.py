"""The `eventsourcing` application that holds mapper, recorder, event store and notification log together."""

from typing import Any, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, Mapper
from eventsourcing.utils import Environment, EnvType

from limen.adapters.store.mapper import EventMapper
from limen.adapters.store.recorder import VaultRecorder


class EventLog(Application[UUID]):
    """Configured by its arguments alone: what happens to be in the process' environment does not reach it."""

    name = ""  # the empty name keeps the tables' plain names, `stored_events` on every database
    log_section_size = 1000

    def __init__(self, factory: type[InfrastructureFactory[Any]], env: EnvType) -> None:
        self._factory_class = factory
        self._made: InfrastructureFactory[Any] | None = None
        try:
            super().__init__(env)
        except BaseException:
            if self._made is not None:
                self._made.close()
            raise

    @property
    def vault(self) -> VaultRecorder:
        """The recorder, as what it is."""
        return cast("VaultRecorder", self.recorder)

    @property
    def event_mapper(self) -> EventMapper:
        """The mapper, as what it is."""
        return cast("EventMapper", self.mapper)

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        return Environment(name, dict(env or {}))

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        self._made = self._factory_class(env)
        return self._made

    def construct_mapper(self) -> Mapper[UUID]:
        return EventMapper()
