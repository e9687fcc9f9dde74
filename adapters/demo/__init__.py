"""The demo: every flow once, over real HTTP to a target on loopback, on a store that stays."""

from limen.adapters.demo.playing import Played, play
from limen.adapters.demo.scene import Scene

__all__ = ["Played", "Scene", "play"]
