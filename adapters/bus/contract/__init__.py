"""The contract for consumers: what is on the bus, where and how, as AsyncAPI and JSON Schema."""
