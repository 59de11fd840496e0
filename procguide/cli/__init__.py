"""The command ``procguide``: one file a subcommand."""

from procguide.cli.app import main

__all__ = ["main"]
