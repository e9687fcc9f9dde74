"""Intakes: one for each kind of bus."""

from limen.adapters.bus.intakes.intake import Incoming, Intake, Receive, Terms
from limen.adapters.bus.intakes.opening import intake_of

__all__ = ["Incoming", "Intake", "Receive", "Terms", "intake_of"]
