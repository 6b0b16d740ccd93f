"""What ends a restore."""


class Refused(Exception):
    """The restore fails; the text says where."""


class Ended(Refused):
    """The stream ended: after a checkpoint that is a failover, and the guest goes on from there."""
