"""`down`: nothing is left, whoever started it and however it died.

Only the standard library: it runs on a machine where nothing is installed.
"""

from sandbox import layout
from sandbox.commands import ownership
from sandbox.commands.ownership import CommandError
from sandbox.substrate import teardown


def down() -> None:
    """Remove the machine's sandbox. Raises CommandError naming what could not be removed."""
    with ownership.exclusively("take down the sandbox"):
        checkouts = {layout.CHECKOUT, ownership.owner() or layout.CHECKOUT}
        removed = teardown.everything()
        for checkout in checkouts:
            for name in layout.SESSION_FILES:
                (checkout / layout.LOCAL.name / name).unlink(missing_ok=True)
        left = teardown.leftovers()
    if left:
        raise CommandError("these could not be removed:\n  " + "\n  ".join(left))
    if removed:
        print(f"The sandbox is gone: {len(removed)} things removed.")
    else:
        print("There is no sandbox on this machine.")
