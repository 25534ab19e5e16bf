"""Work done in processes of its own."""

import subprocess
import sys

FAULTS = """
import os, signal, sys, time
from bot.host.apart import all_apart

def crash():
    os.kill(os.getpid(), signal.SIGKILL)

def complain():
    print("noise")
    sys.exit("it is out of order")

works = [lambda: "fine", lambda: os._exit(3), crash, complain, lambda: "fine as well"]
for ended in all_apart(works, at_once=2, timeout_s=60):
    print(ended.answer, ended.status, ended.complaints.strip(), sep="|")
late = [lambda: time.sleep(60), lambda: time.sleep(0.6) or "late"]
for ended in all_apart(late, at_once=2, timeout_s=0.4):
    print(ended.answer, ended.status, sep="|")
try:
    os.wait()
except ChildProcessError:
    print("nobody is left")
"""


def test_whatever_happens_there_this_process_goes_on() -> None:
    """It learns how each ended, hears nothing of what was printed, and nothing stays that took too long;
    that one takes too long gives no other more time."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FAULTS],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "fine|0|",
        "|3|",
        "|-9|",
        "|1|it is out of order",
        "fine as well|0|",
        "|None",
        "|None",
        "nobody is left",
    ]
    assert done.stderr == ""
