"""Updating: what a provider says now of somebody who is known here, over what is there (`update_identity_on_login`)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from limen.adapters.methods.oidc.said import Said, over
from limen.domain.people import People
from limen.domain.profile import Profile


def updated(people: People, profile: Profile, said: Said, now: datetime) -> Profile:
    """What fits of it, trait by trait where not all of it does; never an identifier: those change in settings."""
    whole = _taken(people, profile, said, now, over(profile.traits, said.traits))
    if whole is not None:
        return with_metadata(whole, said)
    changed, traits = profile, profile.traits
    for one in _leaves(said.traits):
        tried = over(traits, one)
        fits = _taken(people, profile, said, now, tried)
        if fits is not None:
            changed, traits = fits, tried
    return with_metadata(changed, said)


def with_metadata(profile: Profile, said: Said) -> Profile:
    """With the metadata that the mapper gives; what it does not speak of stays."""
    public, admin = said.metadata_public, said.metadata_admin
    return replace(
        profile,
        metadata_public=profile.metadata_public if public is None else public,
        metadata_admin=profile.metadata_admin if admin is None else admin,
    )


def _taken(people: People, profile: Profile, said: Said, now: datetime, traits: Mapping[str, Any]) -> Profile | None:
    if people.rules.validator.faults(profile.schema_id, traits):
        return None
    changed = people.compose(traits, now, previous=profile, verified=said.verified)
    return changed if {*people.reservations(profile)}.issuperset(people.reservations(changed)) else None


def _leaves(traits: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each value by itself, where it stands."""
    for name, value in traits.items():
        if isinstance(value, Mapping):
            yield from ({name: below} for below in _leaves(value))
        else:
            yield {name: value}
