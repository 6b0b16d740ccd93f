"""`xenshark view`: a migration to walk through in a terminal.

`index` remembers what a line of the list needs, `jobs` does what takes long beside the picture, `panes` are the list,
the octets and the phases, `fields` the tree, `app` the keys. It needs Textual; nothing else does.
"""
