"""The speed and memory of xenshark beside other tools: `python -m tests.benchmark --help`."""
