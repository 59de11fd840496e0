"""The library at work in a process of its own: the window is never blocked by it, and it can be stopped."""
