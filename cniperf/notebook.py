"""Running the project's notebooks, from a checkout or from an installed wheel."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from subprocess import DEVNULL
from threading import Lock
from typing import Any, TextIO

from cniperf import files, stop
from cniperf.errors import CniperfError, one_line
from cniperf.places import expanded
from cniperf.quick import import_jsonschema

logging.getLogger("papermill").addHandler(logging.NullHandler())  # what fails comes as an error


KERNEL = "python3"


class NotebookFailed(CniperfError):
    """A notebook ended in an error; the text is the cell's own, or tells what its kernel lacks."""


def find(name: str) -> Path:
    """Return the path of one of the project's notebooks, as ``run_scheme``."""
    # In a checkout this folder is a link to the top-level one; a wheel carries the files.
    return Path(__file__).parent / "notebooks" / f"{name}.ipynb"


def execute(
    name: str,
    output: Path,
    parameters: Mapping[str, Any],
    kernel: Any = None,  # noqa: ANN401
    says: TextIO | None = None,
) -> None:
    """Run a notebook with parameters and keep it, outputs and all, in a file.

    Args:
        name: which notebook.
        output: file to write; its folder must exist. It is written even where a cell fails.
        parameters: values for the notebook's ``parameters`` cell.
        kernel: a kernel from :func:`warm_kernel`, which saves a second; else one of its own.
        says: where the notebook's output is also printed, as it comes.

    Raises:
        NotebookFailed: a cell failed, or the kernel did not start or stopped answering.
        OSError: the file cannot be written.
    """
    import_jsonschema()
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from zmq import ZMQError

    def run() -> None:
        try:
            papermill.execute_notebook(
                _unformatted(find(name)), _unformatted(output), dict(parameters),
                progress_bar=False, km=manager, stdout_file=says,
            )  # fmt: skip
        finally:
            manager.hang_up()

    with nullcontext(kernel) if kernel else warm_kernel() as manager:
        try:
            stop.result(manager.thread.submit(run))
        except PapermillExecutionError as problem:
            raise NotebookFailed(one_line(str(problem.evalue) or problem.ename)) from None
        except (RuntimeError, TimeoutError, ZMQError) as problem:  # nbclient's and jupyter_client's
            raise _kernel_failed("does not answer", problem) from None


def _unformatted(path: Path) -> str:
    """Return a path for papermill, which puts parameters in the place of what is in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _kernel_failed(how: str, problem: Exception) -> NotebookFailed:
    """Return an error that says which kernel failed, and why."""
    from jupyter_client.kernelspec import KernelSpecManager

    where = ""
    with suppress(Exception):  # where not even the folders of kernels can be named
        where = f" ({KernelSpecManager().find_kernel_specs()[KERNEL]})"
    named = f"{problem.filename}: " if isinstance(problem, OSError) and problem.filename else ""
    why = one_line(f"{named}{files.reason(problem)}").rstrip(".")
    return NotebookFailed(f"the kernel {KERNEL}{where} {how}: {why}; see `jupyter kernelspec list`")


@contextmanager
def warm_kernel() -> Iterator[Any]:
    """Yield a kernel for several notebooks, one after the other; it ends with the block.

    A separate thread controls it: a signal, which the main thread receives, would leave a
    socket half open that the interpreter waits for at its end, or be lost in a loop of events.

    Raises:
        NotebookFailed: there is no kernel, or what describes it is broken.
        NotAble: there is no home directory; Jupyter asks for one.
    """
    expanded("~")
    with ThreadPoolExecutor(1) as thread:
        manager = _manager()
        manager.thread = thread
        try:
            yield manager
        finally:
            with manager.starting:
                manager.over = True
            if manager.has_kernel:
                # In another thread: the kernel's own may be waiting for what a cell does.
                with ThreadPoolExecutor(1) as other:
                    other.submit(asyncio.run, _end(manager)).result()


def _manager() -> Any:  # noqa: ANN401
    from jupyter_client.manager import AsyncKernelManager

    class Quiet(AsyncKernelManager):
        """A kernel whose own output is dropped: a cell's output comes by its sockets."""

        thread: Any = None
        starting, over = Lock(), False  # a kernel that is being started is ended when it is there
        _client: Any = None

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # noqa: ANN401
            with self.starting:
                if self.over:
                    raise NotebookFailed("stopped before it began")
                try:
                    _require_loopback()
                    await super().start_kernel(**{"stdout": DEVNULL, "stderr": DEVNULL, **options})
                except Exception as problem:
                    raise _kernel_failed("did not start", problem) from None

        def client(self, **options: Any) -> Any:  # noqa: ANN401
            self._client = super().client(**options)
            return self._client

        def hang_up(self) -> None:
            """End what a notebook listened with: five sockets, and the thread of a heartbeat."""
            if self._client:
                self._client.stop_channels()
                self._client = None

    log = logging.Logger("cniperf.kernel")  # inside a notebook it would be that kernel's own
    log.addHandler(logging.NullHandler())
    try:
        manager = Quiet(kernel_name=KERNEL, log=log)
        manager.kernel_spec.to_dict()  # type: ignore[union-attr]  # it is read here
    except Exception as problem:  # whatever is wrong in a file that anybody may have written
        raise _kernel_failed("cannot be used", problem) from None
    return manager


def _require_loopback() -> None:
    """Refuse to start what could not be talked to, and would be waited for.

    Raises:
        OSError: the loopback interface is down.
    """
    with socket(AF_INET, SOCK_DGRAM) as probe:
        try:
            probe.connect(("127.0.0.1", 9))  # it sends nothing
        except OSError as problem:
            raise OSError(
                problem.errno, f"127.0.0.1: {problem.strerror}, try `ip link set lo up`"
            ) from None


async def _end(manager: Any) -> None:  # noqa: ANN401
    """Interrupt a cell that is still at work, so that it tidies up, then end the kernel."""
    try:
        await manager.interrupt_kernel()
        await manager.shutdown_kernel()
    except Exception:  # it died, or was never there to be talked to
        with suppress(Exception):
            await manager.shutdown_kernel(now=True)
