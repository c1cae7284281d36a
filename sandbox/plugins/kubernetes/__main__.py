"""`python -m sandbox.plugins.kubernetes <engine address>`: the plugin's process, started by the engine."""

from sandbox.plugins.kubernetes.provider import Provider
from sandbox.plugins.protocol.server import serve

serve(Provider)
