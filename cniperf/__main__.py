"""``python -m cniperf`` is ``cniperf``."""

from cniperf.cli import main

main()
