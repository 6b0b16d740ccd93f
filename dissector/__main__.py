"""`python -m dissector`: the same as `xenshark`."""

import sys

from dissector.cli import main

sys.exit(main())
