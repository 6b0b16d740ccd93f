"""Gives up root once it is not needed any more: what reads strangers' packets is an ordinary user then.

The order is that of setuid(2)'s and initgroups(3)'s pages: groups first, as long as one may. What is imported later has
to be there already, since the program may be installed where that user cannot read.
"""

from __future__ import annotations

import os
import pkgutil
import pwd
from importlib import import_module
from typing import NamedTuple

from dissector.errors import UserError

NOBODY = "nobody"
"""Who it is, if root did not come by sudo."""

IMPORTED_LATER = ("facts", "parser", "protocol", "results", "rules", "views")
"""Packages of which modules are imported when something is met that needs them."""

BESIDES = ("encodings.idna", "traceback", "xml.etree.ElementTree", "zstandard")
"""What they import then."""

NEVER = ("dissector.views.plots",)
"""What no capture needs."""


class User(NamedTuple):
    """Somebody who is not root."""

    name: str
    uid: int
    gid: int
    is_caller: bool
    """Who called sudo: files are for them to read."""

    def own(self, file: int) -> None:
        """Makes an open file the caller's; anybody else has nothing to do with it."""
        if self.is_caller:
            os.fchown(file, self.uid, self.gid)


def successor(name: str | None) -> User | None:
    """Who is to come after root: `name`, or who called sudo, or nobody; None: nothing is to be given up. Raises
    UserError if there is nobody of that name, and if who asks for it is not root."""
    if os.geteuid() != 0:
        if name is not None:
            raise UserError("--user is for root, and you are not")
        return None
    try:
        caller = int(os.environ.get("SUDO_UID", "0"))
        entry = pwd.getpwnam(name) if name is not None else pwd.getpwuid(caller) if caller else pwd.getpwnam(NOBODY)
    except (KeyError, ValueError):
        who = name or os.environ.get("SUDO_UID") or NOBODY
        raise UserError(f"there is no user {who} to become once the capture is open: name one with --user") from None
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_uid == caller) if entry.pw_uid else None


def become(user: User) -> None:
    """For good. Raises OSError if that cannot be, RuntimeError if it can be undone."""
    _import_all()
    if user.name == NOBODY:
        os.setgroups([])
    else:
        os.initgroups(user.name, user.gid)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise RuntimeError("root could be had again")


def _import_all() -> None:
    for package in IMPORTED_LATER:
        folder = import_module(f"dissector.{package}")
        for module in pkgutil.walk_packages(folder.__path__, f"{folder.__name__}."):
            if module.name not in NEVER:
                import_module(module.name)
    for name in BESIDES:
        import_module(name)
