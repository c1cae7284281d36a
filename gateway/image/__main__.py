"""`python -m gateway.image`: build the machine image. `--oci FOLDER`: write the container images there."""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from gateway.image import ImageError, build, containers, oci
from gateway.image.debian import MissingPackageError


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m gateway.image", description=__doc__)
    parser.add_argument("cache", type=Path, nargs="?", default=Path.home() / ".cache" / "sanmen")
    parser.add_argument("--oci", type=Path, metavar="FOLDER", help="write the container images there, print digests")
    parser.add_argument("--metrics-adapter", type=Path, metavar="PROGRAM", help="a static program: one image more")
    given = parser.parse_args()
    os.umask(0o022)  # the gateway's servers read the image without privileges
    try:
        if given.oci:
            print(json.dumps(_write(given.cache, given.oci, given.metrics_adapter), indent=1))
        else:
            print(build(given.cache, _tell))
    except (ImageError, MissingPackageError, OSError) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def _write(cache: Path, folder: Path, metrics_adapter: Path | None) -> dict[str, dict[str, str]]:
    """Image -> where it is, as skopeo names it, and its digest."""
    shutil.copytree(containers.build(cache, _tell, metrics_adapter), folder, dirs_exist_ok=True)
    return {name: {"image": f"oci:{folder}:{name}", "digest": digest} for name, digest in oci.digests(folder).items()}


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
