"""NATS JetStream: publishing, taking in, and asking over its core."""
