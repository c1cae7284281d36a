"""Resource handlers, a module per service.

`load()` imports every module here. Handler modules import no cloud SDK, so that all of them together take
a few milliseconds; a table from type to module would be one more thing to keep in step.
"""

import importlib
import pkgutil
import threading

_loading = threading.Lock()
_loaded = threading.Event()


def load() -> None:
    """Import every service module, so that `handler.HANDLERS` is complete.

    Thread-safe, and free when repeated: every check asks.
    """
    if _loaded.is_set():
        return
    with _loading:
        for module in pkgutil.iter_modules(__path__):
            importlib.import_module(f"{__name__}.{module.name}")
        _loaded.set()
