"""What passes through a pipe as a capture, and what a capture holds as a conversation again: tap and replay."""
