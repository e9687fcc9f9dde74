"""Askers: how a question is asked on each bus that can bring a reply."""
