"""Kafka: publishing and taking in."""
