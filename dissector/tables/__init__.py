"""Results as tables: flat rows with typed columns, for whoever counts over many migrations.

`columns` makes a result's type into columns, `rows` says which tables there are and fills them from events, `arrow` and
`files` write them.
"""
