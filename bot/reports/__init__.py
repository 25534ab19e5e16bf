"""Cost digests: what they say, when they are due, and how they get there."""
