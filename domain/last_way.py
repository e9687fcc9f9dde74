"""Last way: nobody gives up the last way to sign in, by whatever door: its credential, or what it is found by.

Better than Kratos, which lets it go. Whoever has none (an account made by an operator) loses none. What an action's
answer makes of an identity is the operator's word.
"""

from dataclasses import dataclass, field

from limen.domain.decision import Decision
from limen.domain.first_factors import code_falls_back, first_factors
from limen.domain.identity import Identity
from limen.domain.profile import Profile
from limen.domain.rules import Rules


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, with their profile opened."""

    identity: Identity
    profile: Profile = field(repr=False)


def strands(rules: Rules, before: Person, after: Person) -> bool:
    """Whether a change takes the last way to sign in."""
    return bool(_ways(rules, before)) and not _ways(rules, after)


def strands_meanwhile(rules: Rules, before: Person, decision: Decision) -> bool:
    """Whether a decision does, on what others have made of the person since it was taken."""
    after = before.identity.clone()
    given = (*after.credentials, *decision.credentials)
    after.credentials = tuple(dict.fromkeys(name for name in given if name not in decision.removed))
    after.held = {**after.held, **decision.held}
    return strands(rules, before, Person(after, decision.profile))


def names_given_up(rules: Rules, before: Person, after: Profile) -> tuple[str, ...]:
    """The fields of a form that held what somebody signed in by, and do not any more."""
    purposes = list(_ways(rules, before))
    if "code" in purposes and code_falls_back(rules.configuration):
        purposes.append("verification")
    schema = rules.schemas[before.profile.schema_id]
    held = [name for purpose in purposes for name in schema.fields_in_use(purpose, before.profile.traits)]
    left = {name for purpose in purposes for name in schema.fields_in_use(purpose, after.traits)}
    return tuple(dict.fromkeys(name for name in held if name not in left))


def _ways(rules: Rules, person: Person) -> tuple[str, ...]:
    schema = rules.schemas[person.profile.schema_id]
    return first_factors(rules.configuration, person.identity, person.profile, schema)
