"""Widgets, one a file: they show models and call the assistant."""
