"""Dissector and analyzer for Xen live migration streams: captures or save files in, records and facts out."""

__version__ = "0.1.0"
