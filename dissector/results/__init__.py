"""What the program says of an input, as frozen typed values: the JSON of every command and its schema come from these.

Times are seconds as floats (absolute ones since the epoch, UTC), offsets and lengths octets; None: not known, or not
there. A class per object of the JSON, its fields are the keys. Each module is imported by who needs it: most of them
need more of the program than a command that only reads.
"""
