"""Landmarks, courses and target zones from the construction itself."""
