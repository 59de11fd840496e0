"""The canal, what it holds, and the nerves that leave it."""
