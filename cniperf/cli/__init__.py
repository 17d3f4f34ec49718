"""The command line. What a verb needs is imported when it is called, so that help is quick."""

from cniperf.cli.main import main

__all__ = ["main"]
