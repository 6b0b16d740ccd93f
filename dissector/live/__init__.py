"""Capturing while it is analyzed: programs that capture, what they write through a pipe, the file that is kept."""
