"""Simulation: recorded flows decided again under another configuration, without any side effect.

`turn` reads what was decided from a flow's events, `pairing` puts the new plan beside the recorded one, `simulator`
walks through it, and `foresight` is what comes of it.
"""
