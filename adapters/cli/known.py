"""What the command line knows of the record: every event type."""


def event_types() -> list[str]:
    """The names of all event types, sorted."""
    from limen.adapters.store.mapper import topics
    from limen.domain.event import EVENT_TYPES

    return sorted(topics() or EVENT_TYPES)
