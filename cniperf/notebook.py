"""Running the project's notebooks, from a checkout or from an installed wheel."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from cniperf.errors import CniperfError, one_line


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
) -> None:
    """Run a notebook with parameters and keep it, outputs and all, in a file.

    Args:
        name: which notebook.
        output: file to write; its folder must exist. It is written even where a cell fails.
        parameters: values for the notebook's ``parameters`` cell.
        kernel: a kernel from :func:`warm_kernel`, which saves a second; else one of its own.

    Raises:
        NotebookFailed: a cell failed.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    with nullcontext(kernel) if kernel else warm_kernel() as manager:
        try:
            papermill.execute_notebook(
                str(find(name)), str(output), dict(parameters), progress_bar=False, km=manager
            )
        except PapermillExecutionError as problem:
            raise NotebookFailed(one_line(str(problem.evalue) or problem.ename)) from None
        finally:
            manager.hang_up()


@contextmanager
def warm_kernel(sockets: Any = None) -> Iterator[Any]:  # noqa: ANN401
    """Lend a kernel that several notebooks run in, one after the other; it ends with the block.

    Args:
        sockets: from :func:`open_sockets`, where they must outlive the block; else its own.
    """
    with nullcontext(sockets) if sockets else open_sockets() as context, _kernel(context) as kernel:
        yield kernel


@contextmanager
def open_sockets() -> Iterator[Any]:
    """Lend what the sockets to kernels belong to: a ZeroMQ context, which closes them all."""
    from zmq.asyncio import Context

    context = Context()
    try:
        yield context
    finally:
        context.destroy(linger=0)


@contextmanager
def _kernel(context: Any) -> Iterator[Any]:  # noqa: ANN401
    from jupyter_client.manager import AsyncKernelManager

    class Quiet(AsyncKernelManager):
        """A kernel whose own output is dropped: what a cell says comes by its sockets."""

        _client: Any = None

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # noqa: ANN401
            await super().start_kernel(**{"stdout": DEVNULL, "stderr": DEVNULL, **options})

        def client(self, **options: Any) -> Any:  # noqa: ANN401
            self._client = super().client(**options)
            return self._client

        def hang_up(self) -> None:
            """End what a notebook listened with: five sockets, and the thread of a heartbeat."""
            client, self._client = self._client, None
            if client:
                client.stop_channels()

    log = logging.Logger("cniperf.kernel")  # inside a notebook it would be that kernel's own
    log.addHandler(logging.NullHandler())
    manager = Quiet(kernel_name="python3", log=log, context=context)
    try:
        yield manager
    finally:
        if manager.has_kernel:
            # In a thread of its own: where this runs in a notebook, a loop runs here already, and
            # where a signal ended the work, this thread's loop still holds what was cut off.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, _end(manager)).result()


async def _end(manager: Any) -> None:  # noqa: ANN401
    """Interrupt a cell that is still at work, so that it tidies up, then end the kernel."""
    await manager.interrupt_kernel()
    await manager.shutdown_kernel()
