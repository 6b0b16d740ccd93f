"""Wireshark: the dissector that is made for it from the grammar and the rules, and how it gets there."""
