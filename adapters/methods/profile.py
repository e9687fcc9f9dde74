"""`profile`: changing one's own traits in settings, and the first of the two steps of a registration."""

from collections.abc import Mapping
from typing import Any

from limen.domain.configuration import FlowKind
from limen.domain.method import Accepted, Advanced, Refused, Submission, Verdict
from limen.domain.screen import CREDENTIALS, PROFILE
from limen.domain.ui import messages


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


def submitted_traits(submission: Submission) -> Any:
    """The traits of a registration: those submitted, else, in the second step, those the form carries hidden."""
    carried = submission.kept.get("traits", {}) if submission.flow.screen == CREDENTIALS else {}
    return submission.values.get("traits", carried)
