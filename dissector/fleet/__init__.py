"""Any number of captures into one dataset of tables, on a cluster, and questions to it.

Why Dask does the work: a task here is one file, needs nothing of any other, and runs for seconds in one process, which
is what a pool of worker processes with a queue does. Dask starts such a pool in the command itself and joins a cluster
that is there by one address, in Python alone; Ray brings its own object store and daemons, Spark a JVM and a planner of
queries, for results of which each is written where it is made and never moved. What either does better, shuffling large
tables, is DuckDB's part here, over the Parquet files.
"""
