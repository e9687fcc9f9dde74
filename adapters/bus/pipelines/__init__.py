"""Pipelines: the ways in which events are handed over, by what a bus can be made to keep."""

from limen.adapters.bus.pipelines.opening import pipeline_for
from limen.adapters.bus.pipelines.pipeline import LONGEST_PAUSE, PAUSE, WINDOW, Pipeline

__all__ = ["LONGEST_PAUSE", "PAUSE", "WINDOW", "Pipeline", "pipeline_for"]
