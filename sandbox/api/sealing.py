"""Keeps what is secret unreadable in the database: sealed with a key in a file of its own beside it (mode 600)."""

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_FILE = "seal.key"
_NONCE_BYTES = 12


def _key(database: Path) -> AESGCM:
    path = database.parent / _KEY_FILE
    try:
        return AESGCM(path.read_bytes())
    except FileNotFoundError:
        pass
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(AESGCM.generate_key(256))
    try:
        # The first writer wins: a second one must not replace a key that sealed something.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return AESGCM(path.read_bytes())


def seal(database: Path, label: str, plain: str) -> str:
    """`label` says what it belongs to: sealed text moved to another label does not open."""
    nonce = os.urandom(_NONCE_BYTES)
    return base64.b64encode(nonce + _key(database).encrypt(nonce, plain.encode(), label.encode())).decode()


def unseal(database: Path, label: str, sealed: str) -> str:
    """The text sealed under this label. Raises cryptography's InvalidTag if it is not."""
    raw = base64.b64decode(sealed)
    return _key(database).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], label.encode()).decode()
