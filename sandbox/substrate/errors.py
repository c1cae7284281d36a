"""What the substrate raises."""


class SubstrateError(Exception):
    """One plain message: what was asked for, and why it could not be."""
