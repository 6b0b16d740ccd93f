"""Runs the generated dissector in real Wiresharks."""
