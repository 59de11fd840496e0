"""Skin, fat, muscles, organs and great vessels."""
