"""curl and nginx: a TCP connection for each HTTP request (connect, request, response)."""

from cniperf.errors import MeasurementFailed, one_line
from cniperf.generators.generator import Figures, Generator, Job

MANY = 100_000_000  # requests, more than any load has time for

CONFIG = """\
daemon off;
master_process off;
pid nginx{tag}.pid;
events {{}}
http {{
  access_log off;
  keepalive_timeout 0;
  open_file_cache max=1;
  client_body_temp_path nginx{tag}; proxy_temp_path nginx{tag}; fastcgi_temp_path nginx{tag};
  uwsgi_temp_path nginx{tag}; scgi_temp_path nginx{tag};
  server {{ listen {address}:{port}; root .; location / {{ try_files /reply =404; }} }}
}}
"""


def server(job: Job) -> list[str]:
    """Answer each request with as many bytes as asked for, and close, until ended."""
    text = CONFIG.format(tag=job.tag, address=job.address, port=job.port)
    (job.folder / f"nginx{job.tag}.conf").write_text(text, encoding="utf-8")
    (job.folder / "reply").write_bytes(bytes(job.experiment.size))
    return ["nginx", "-p", str(job.folder), "-c", f"nginx{job.tag}.conf", "-e", "stderr"]


def client(job: Job) -> list[str]:
    """Ask over and over, a line each: seconds to connect, seconds in all, status.

    curl is a child of timeout, so it must be told anew to end with its parent.
    """
    return ["timeout", str(job.total), "setpriv", "--pdeathsig", "KILL", "stdbuf", "-oL",
            "curl", "-s", "-o", "/dev/null", "-w", "%{time_connect} %{time_total} %{http_code}\\n",
            f"http://{job.address}:{job.port}/[1-{MANY}]"]  # fmt: skip


def read(job: Job) -> Figures:
    """Return the transactions a second and how long each took, connection included.

    curl tells no time of day, so the first seconds are left out as a share of the transactions.

    Raises:
        MeasurementFailed: there is none, or one was not answered.
    """
    import pandas as pd

    from cniperf.analysis.latency import counts

    lines = (
        job.file("client").read_text(encoding="utf-8").splitlines()[:-1]
    )  # the last one may be cut short
    rows = [line.split() for line in lines]
    if not rows or any(len(row) != 3 or row[2] != "200" for row in rows):
        odd = next((line for line, row in zip(lines, rows, strict=True) if row[2:] != ["200"]), "")
        raise MeasurementFailed(f"curl's requests were not all answered: {one_line(odd)[:200]}")
    own = rows[len(rows) * job.omit // job.total :]
    took = pd.Series([float(row[1]) for row in own]) * 1e6
    for left in job.folder.glob(f"nginx{job.tag}*"):
        left.rmdir() if left.is_dir() else left.unlink()
    return Figures(per_second=len(own) / job.seconds, latency=counts(took))


GENERATOR = Generator(
    name="curl",
    modes=("crr",),
    package={"curl": "curl", "nginx": "nginx-light"},
    versions={"curl": ["curl", "--version"], "nginx": ["nginx", "-v"]},
    port=8080,
    server=server,
    client=client,
    read=read,
    ends=False,
    obeys=("length",),
)
