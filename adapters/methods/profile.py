"""`profile`: changing one's own traits in settings."""

from collections.abc import Mapping

from limen.domain.configuration import FlowKind
from limen.domain.method import Accepted, Refused, Submission, Verdict


class ProfileMethod:
    """The traits of whoever is signed in. What is submitted replaces them whole, as in Kratos."""

    name = "profile"
    flows = frozenset({FlowKind.SETTINGS})

    async def submit(self, submission: Submission) -> Verdict:
        """Accepts traits that fit the person's own identity schema."""
        assert submission.profile is not None
        people, profile = submission.people, submission.profile
        traits = submission.values.get("traits", {})
        kept = {"traits": traits} if isinstance(traits, Mapping) else {}
        faults = people.rules.validator.faults(profile.schema_id, traits)
        if faults:
            return Refused("traits", tuple(faults), kept)
        changed = people.compose(traits, submission.now, previous=profile)
        return Accepted(profile=changed, authentication=self.name, values=kept)
