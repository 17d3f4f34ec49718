"""What may go wrong with a cluster: each error is one line, with the next step where known."""

from typing import Any

from cniperf.errors import CniperfError


class ClusterLost(CniperfError):
    """The API server cannot be reached, or what answers there is no API server."""


class ExecCut(ClusterLost):
    """A command in a pod has no known end: the connection broke, or time was up.

    The command may have run, and may run still. One that may run twice can be tried again.
    """


class Refused(CniperfError):
    """The API server understood a request and refuses it: login, rights, quota, admission.

    Attributes:
        code: HTTP status code.
        reason: the API's word for it, such as ``Forbidden`` or ``AlreadyExists``; may be empty.
        message: what the server reported, whole.
    """

    def __init__(self, text: str, code: int, reason: str, message: str) -> None:
        self.code, self.reason, self.message = code, reason, message
        super().__init__(text)


class TooLate(CniperfError):
    """An object did not become as wanted in time.

    Attributes:
        last: the object as it was seen last; None where there was none.
    """

    def __init__(self, text: str, last: dict[str, Any] | None) -> None:
        self.last = last
        super().__init__(text)
