"""curl and nginx: a TCP connection for each HTTP request (connect, request, response)."""

import re

from cniperf.errors import MeasurementFailed, one_line
from cniperf.generators.generator import Figures, Generator, Job, last_words, one_at_a_time
from cniperf.ip import with_port

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
  server {{ listen {where}; root .; location / {{ try_files /reply =404; }} }}
}}
"""


def server(job: Job) -> list[str]:
    """Answer each request with as many bytes as asked for, and close, until ended."""
    text = CONFIG.format(tag=job.tag, where=with_port(job.address, job.port))
    (job.folder / f"nginx{job.tag}.conf").write_text(text, encoding="utf-8")
    (job.folder / "reply").write_bytes(bytes(job.traffic.size))
    return ["nginx", "-p", str(job.folder), "-c", f"nginx{job.tag}.conf", "-e", "stderr"]


def client(job: Job) -> list[str]:
    """Ask over and over, a line each: seconds to connect, seconds in all, status.

    curl is a child of timeout, so it must set again that it ends with its parent.
    """
    return ["timeout", str(job.total), "setpriv", "--pdeathsig", "KILL", "stdbuf", "-oL",
            "curl", "-s", "-o", "/dev/null", "-w", "%{time_connect} %{time_total} %{http_code}\\n",
            f"http://{with_port(job.address, job.port)}/[1-{MANY}]"]  # fmt: skip


def read(job: Job) -> Figures:
    """Return the transactions a second and how long each took, connection included.

    curl prints no time of day, so the first seconds are left out as a share of the transactions.

    Raises:
        MeasurementFailed: there is none, or one was not answered.
    """
    import pandas as pd

    from cniperf.analysis.latency import counts

    lines = job.said("client").splitlines()[:-1]  # the last one may be cut short
    took = [_seconds(line) for line in lines]
    if not took:
        raise MeasurementFailed(f"curl's requests were not all answered: {last_words('')}")
    one_at_a_time(sum(took), job.total)
    own = took[len(took) * job.omit // job.total :]
    for left in job.folder.glob(f"nginx{job.tag}*"):
        left.rmdir() if left.is_dir() else left.unlink()
    return Figures(per_second=len(own) / job.seconds, latency=counts(pd.Series(own) * 1e6))


def _seconds(line: str) -> float:
    """Return how long a request took.

    Raises:
        MeasurementFailed: it was not answered, or the line is none that curl writes.
    """
    fields = line.split()
    if len(fields) != 3 or fields[2] != "200":
        raise MeasurementFailed(f"curl's requests were not all answered: {one_line(line)[:200]}")
    if not all(re.fullmatch(r"\d{1,6}\.\d{1,9}", field) for field in fields[:2]):
        raise MeasurementFailed(f"curl's output is damaged: {one_line(line)[:200]}")
    connected, whole = map(float, fields[:2])
    if connected > whole:
        raise MeasurementFailed(f"curl's output is damaged: {one_line(line)[:200]}")
    return whole


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
    good=(124,),  # timeout's: its requests would never end
    obeys=("length",),
)
