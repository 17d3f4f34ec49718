"""Work that tests hand to another process: what it imports must be a module that can be found."""

import json
import os
import signal
import subprocess
from pathlib import Path

from cniperf import stop
from cniperf.beds import privilege
from cniperf.errors import StepFailed


def halved(number, tell):
    tell(f"halving {number}")
    return number // 2


def refuse(tell):
    raise StepFailed("a", "ip", "no")


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one}{two}")


def fail_oddly(tell):
    raise Odd("x", "y")


def chatter(tell):
    print("said by the way", flush=True)
    subprocess.run(["echo", "and by a child"], check=True)
    return "done"


def look_around(tell):
    devices = [link["ifname"] for link in json.loads(subprocess.check_output(["ip", "-j", "link"]))]
    netns = subprocess.check_output(["ip", "netns"], text=True).split()
    return os.geteuid(), devices, privilege.is_rootless(), netns


def die(tell):
    os.kill(os.getpid(), signal.SIGKILL)


def wait_long(file, tell):
    Path(file).write_text(str(os.getpid()), encoding="utf-8")
    try:
        stop.sleep(60)
    finally:
        Path(f"{file}.tidied").touch()
