"""Typed, validated stack configuration. `stack.load()` reads it; `schema.py` writes the JSON schema for editors."""
