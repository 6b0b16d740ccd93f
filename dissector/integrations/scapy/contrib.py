"""What `load_contrib("xenmig")` gives in Scapy's shell, once `conf.exts.load("xenshark")` has told Scapy of it."""

# scapy.contrib.description = Xen live migration (libxl and libxc streams, postcopy)
# scapy.contrib.status = loads

from dissector.integrations import scapy
from dissector.integrations.scapy import *  # noqa: F403

__all__ = scapy.__all__
