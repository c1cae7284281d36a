"""`python -m gateway.image [CACHE_DIR]`: build the image, print its root file system."""

import os
import sys
from pathlib import Path

from gateway.image import ImageError, build


def main() -> int:
    """Command line."""
    os.umask(0o022)  # the gateway's servers read the image without privileges
    cache = Path(sys.argv[1]) if len(sys.argv) > 1 else Path.home() / ".cache" / "sanmen"
    try:
        print(build(cache, lambda text: print(text, file=sys.stderr, flush=True)))
    except ImageError as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
