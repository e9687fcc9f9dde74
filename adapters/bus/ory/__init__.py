"""The format of Ory's event streams."""
