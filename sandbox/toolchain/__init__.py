"""Brings a bare machine to where the sandbox can run. Only the standard library: nothing else is installed yet."""
