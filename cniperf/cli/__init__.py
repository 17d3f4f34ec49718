"""The command line. A verb imports what it needs when it is called, so that help is quick."""

from cniperf.cli.main import main

__all__ = ["main"]
