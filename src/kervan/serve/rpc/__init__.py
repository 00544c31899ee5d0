"""gRPC beside HTTP: its server, and the services that translate for the engine."""
