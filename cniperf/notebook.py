"""Running the project's notebooks, from a checkout or from an installed wheel."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from subprocess import DEVNULL
from threading import Lock
from typing import Any, TextIO

from cniperf import stop
from cniperf.errors import CniperfError, one_line
from cniperf.quick import import_jsonschema

logging.getLogger("papermill").addHandler(logging.NullHandler())  # what fails comes as an error


class NotebookFailed(CniperfError):
    """A cell of a notebook ended in an error; the text is the error's own line."""


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
        says: where what the notebook prints is printed, too, as it comes.

    Raises:
        NotebookFailed: a cell failed.
    """
    import_jsonschema()
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    def run() -> None:
        try:
            papermill.execute_notebook(
                str(find(name)), str(output), dict(parameters), progress_bar=False, km=manager,
                stdout_file=says,
            )  # fmt: skip
        finally:
            manager.hang_up()

    with nullcontext(kernel) if kernel else warm_kernel() as manager:
        try:
            stop.result(manager.thread.submit(run))
        except PapermillExecutionError as problem:
            raise NotebookFailed(one_line(str(problem.evalue) or problem.ename)) from None
        except DeadKernelError as problem:
            raise NotebookFailed(one_line(str(problem))) from None


@contextmanager
def warm_kernel() -> Iterator[Any]:
    """Lend a kernel that several notebooks run in, one after the other; it ends with the block.

    It is talked to in a thread of its own: a signal, which the main thread hears, would leave a
    socket half open that the interpreter waits for at its end, or be lost in a loop of events.
    """
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
        """A kernel whose own output is dropped: what a cell says comes by its sockets."""

        thread: Any = None
        starting, over = Lock(), False  # a kernel that is being started is ended when it is there
        _client: Any = None

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # noqa: ANN401
            with self.starting:
                if self.over:
                    raise NotebookFailed("stopped before it began")
                await super().start_kernel(**{"stdout": DEVNULL, "stderr": DEVNULL, **options})

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
    return Quiet(kernel_name="python3", log=log)


async def _end(manager: Any) -> None:  # noqa: ANN401
    """Interrupt a cell that is still at work, so that it tidies up, then end the kernel."""
    await manager.interrupt_kernel()
    await manager.shutdown_kernel()
