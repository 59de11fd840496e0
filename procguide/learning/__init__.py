"""Synthesis of training images and training of the shipped networks. Nothing imports it."""

__all__: list[str] = []
