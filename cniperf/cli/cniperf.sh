#!/bin/sh
# Starts cniperf with SIGINT and SIGTERM blocked until it handles them: Python's own start takes some
# ten milliseconds, and would answer a Ctrl-C with a traceback.
self=$(readlink -f "$0" 2>/dev/null) || self=$0
python=${self%/*}/python3
[ -x "$python" ] || python=python3
if env --block-signal=INT true 2>/dev/null; then
  exec env --block-signal=INT,TERM "$python" -P -m cniperf "$@"
fi
exec "$python" -P -m cniperf "$@"
