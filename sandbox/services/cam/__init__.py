"""CAM 2019-01-16: roles, policies, and which role has which. Enforced for temporary keys (api/access.py)."""

from sandbox.services.cam import policies, presets, roles

__all__ = ["policies", "presets", "roles"]
