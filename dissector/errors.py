"""The one error that a user sees."""


class UserError(Exception):
    """What a person has to mend: a file that cannot be read, options that make no sense together, a program that is
    missing. The text is one line, names the thing, and is printed as it is; the exit status is 2.

    >>> dissector.open("missing.pcap")
    Traceback (most recent call last):
    dissector.errors.UserError: cannot open missing.pcap: No such file or directory
    """

    excerpt: tuple[str, ...] = ()
    """Lines that are printed below it: what the person wrote, and a mark where it is wrong."""
