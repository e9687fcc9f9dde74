"""Simulation: recorded flows of a store, decided again under another configuration. `open_simulation` opens one."""
