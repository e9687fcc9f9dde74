"""Redis Streams: publishing and taking in."""
