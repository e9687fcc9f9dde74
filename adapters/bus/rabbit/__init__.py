"""RabbitMQ: publishing, taking in, and asking."""
