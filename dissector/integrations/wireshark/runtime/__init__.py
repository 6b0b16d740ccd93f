"""What Wireshark's dissector does with the octets it is handed, and what it keeps of them: Python that runs as Lua.

Like the parser and the rules these modules are translated; here they run only in tests. What Wireshark alone can do,
such as asking for a field of a packet or drawing a line of its tree, stands in `parts/`, which calls them: octets are
Wireshark's own there, times seconds, and what a frame shows is looked up by its place in a flow.
"""
