"""`profile`: changing one's own traits in settings, and the first of the two steps of a registration."""

from collections.abc import Mapping
from typing import Any

from limen.domain.configuration import FlowKind
from limen.domain.last_way import Person, names_given_up, strands
from limen.domain.message import Message
from limen.domain.method import Accepted, Advanced, Refused, Submission, Verdict
from limen.domain.profile import Profile
from limen.domain.screen import CREDENTIALS, PROFILE
from limen.domain.ui import key_messages, messages


class ProfileMethod:
    """The traits of whoever is signed in, or signs up. What is submitted replaces them whole, as in Kratos."""

    name = "profile"
    flows = frozenset({FlowKind.SETTINGS, FlowKind.REGISTRATION})

    async def submit(self, submission: Submission) -> Verdict:
        """In settings a change; in registration a step on, or back (`screen=previous`)."""
        if submission.flow.kind is FlowKind.REGISTRATION:
            return self._step(submission)
        assert submission.profile is not None
        people, profile = submission.people, submission.profile
        traits = submission.values.get("traits", {})
        kept = {"traits": traits} if isinstance(traits, Mapping) else {}
        faults = people.rules.validator.faults(profile.schema_id, traits)
        if faults:
            return Refused("traits", tuple(faults), kept)
        changed = people.compose(traits, submission.now, previous=profile)
        last = _last_way(submission, changed) if people.touched(profile, changed) else ()
        if last:
            return Refused("last_way", last, kept)
        return Accepted(profile=changed, authentication=self.name, values=kept)

    def _step(self, submission: Submission) -> Verdict:
        """Traits that fit lead on to the ways to sign up; those that do not keep the form where it is."""
        if submission.values.get("screen") == "previous":
            given = submission.values.get("traits")
            return Advanced(PROFILE, values={"traits": given} if isinstance(given, Mapping) else {})
        people, traits = submission.people, submitted_traits(submission)
        kept = {"traits": traits} if isinstance(traits, Mapping) else {}
        faults = people.rules.validator.faults(submission.schema_id, traits)
        if faults:
            return Refused("traits", tuple(faults), kept)
        return Advanced(CREDENTIALS, (messages.choose_credentials(),), kept)


def _last_way(submission: Submission, changed: Profile) -> tuple[Message, ...]:
    """What stands against a change that leaves nothing to sign in by, on each field that is cleared."""
    assert submission.identity is not None
    assert submission.profile is not None
    rules, before = submission.people.rules, Person(submission.identity, submission.profile)
    if not strands(rules, before, Person(submission.identity, changed)):
        return ()
    return tuple(key_messages.last_way(field) for field in names_given_up(rules, before, changed))


def submitted_traits(submission: Submission) -> Any:
    """The traits of a registration: those submitted, else, in the second step, those the form carries hidden."""
    carried = submission.kept.get("traits", {}) if submission.flow.screen == CREDENTIALS else {}
    return submission.values.get("traits", carried)
