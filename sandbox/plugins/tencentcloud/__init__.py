"""The sandbox's own `tencentcloud` resource plugin: what the engine loads instead of the official one.

It speaks the engine's provider protocol, checks every argument against the official provider's schema (`schema.py`),
and makes the official provider's API calls (`resources/`) with the official Python SDK's signing client. Previews need
no endpoint and no network. It refuses any endpoint that is not a sandbox, so that it can never stand in for the
official plugin on the real cloud.
"""
