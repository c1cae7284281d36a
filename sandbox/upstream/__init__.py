"""An LLM API that thinks nothing: the sandbox's stand-in for an upstream, in both API shapes, over TLS.

Its speed and its failures are settings, re-read when their file changes.
"""
