"""``python -m cniperf`` is ``cniperf``."""

import _signal  # type: ignore[import-not-found]  # `signal` takes its time to import

if __name__ == "__main__":
    # Signals from here on wait until cniperf can receive them; see cniperf.stop.
    _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT, _signal.SIGTERM))

    from cniperf.cli import main

    main()
