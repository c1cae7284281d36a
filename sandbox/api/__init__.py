"""The front of the cloud API: signatures, checks, dispatch, state. What actions do stands in sandbox/services."""
