"""`python -m sandbox.plugins.tencentcloud <engine address>`: the plugin's process, started by the engine."""

from sandbox.plugins.protocol.server import serve
from sandbox.plugins.tencentcloud.provider import Provider

serve(Provider)
