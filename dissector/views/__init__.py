"""Facts and results to text for people; what programs read is JSON, which `results` makes."""
