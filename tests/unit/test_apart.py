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
held, holding = os.pipe()

def leave():
    if not os.fork():
        time.sleep(50)
        os._exit(0)
    return "left"

for ended in all_apart([leave], at_once=1, timeout_s=60):
    print(ended.answer, ended.status, sep="|")
os.close(holding)
assert os.read(held, 1) == b"", "ends when nobody holds the other end any more"
try:
    os.wait()
except ChildProcessError:
    print("nobody is left")
"""


def test_whatever_happens_there_this_process_goes_on() -> None:
    """It learns how each ended, hears nothing of what was printed, and nothing stays that took too long
    or that was started there; that one takes too long gives no other more time."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FAULTS],
        capture_output=True,
        text=True,
        timeout=30,
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
        "left|0",
        "nobody is left",
    ]
    assert done.stderr == ""
