"""What every resource plugin of the sandbox shares: the engine's gRPC stubs, its value encoding, the process."""
