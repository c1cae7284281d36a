"""The services of the cloud: a module each, registered by being imported."""

import importlib
import pkgutil


def load() -> list[str]:
    """Import every service of this package; returns their names. A module that fails to import raises."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    for name in names:
        importlib.import_module(f"{__name__}.{name}")
    return names
