#!/usr/bin/env python3
# kinds: opt
"""A live capture that is continued: the time between its runs is told, and rates leave it out."""
import os
import signal
import socket
import subprocess
import threading
import time

from lib import BINARY, SECRET, answer, check, finish, folder, good, parsed, request, run, skip

here = folder()
PAUSE = 1.5
what = "a continued live capture tells its pause"


def serve(listener):
    try:
        while True:
            c, _ = listener.accept()
            c.recv(4096)
            c.sendall(answer(200, b"x", "Connection: close"))
            c.close()
    except OSError:
        pass


def ask(port):
    with socket.create_connection(("127.0.0.1", port)) as c:
        c.sendall(request("GET", "/x", host="127.0.0.1:%d" % port))
        while c.recv(4096):
            pass


def capture(port, db="p.db"):
    """A live run with ten requests in more than a second; its exit code and what it said."""
    p = subprocess.Popen([BINARY, "capture", "-q", "-i", "lo", "-f", "tcp port %d" % port, "--user", "root", "-d", str(here / db), "--secret", SECRET],
                         stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=here)
    time.sleep(0.6)
    for _ in range(10):
        if p.poll() is None:
            ask(port)
        time.sleep(0.12)
    time.sleep(0.3)
    p.send_signal(signal.SIGTERM)
    return p.wait(timeout=20), p.stderr.read()


if os.getuid():
    skip(what, "needs root")
    finish()
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
threading.Thread(target=serve, args=(listener,), daemon=True).start()
code, err = capture(port)
if code:
    skip(what, "no live capture here: " + err.strip())
    finish()
one = parsed(good("report", here / "p.db", "--format", "json"))["capture"]
time.sleep(PAUSE)
code, err = capture(port)
two = parsed(good("report", here / "p.db", "--format", "json"))["capture"]
pauses = two.get("pauses", {})
check(code == 0 and "pauses" not in one and pauses.get("count") == 1 and PAUSE < pauses["seconds"] < two["duration_s"], what, err, one, two)
text = good("report", here / "p.db", "--format", "text")
n = parsed(good("report", here / "p.db", "--format", "json"))["totals"]["exchanges"]
check("paused 1 time, " in text, "so does the text", text[:600])
exact = n / (two["duration_s"] - pauses["seconds"])
shown = [line for line in text.splitlines() if " exchanges (" in line]
rate = shown[0].split("(")[1].split("/s")[0].strip() if shown else "0"
check(shown and abs(float(rate) - exact) < 0.06 * exact, "rates leave it out", shown, exact)

# The audit ends in days to come: the clock was wrong then, or is now.
(here / "late.jsonl").write_text('{"ts": %d, "client": "10.0.0.1", "method": "GET", "authority": "a.test", "target": "/", "status": 200}\n' % (time.time() + 3 * 86400))
good("capture", "-q", "--records", here / "late.jsonl", "-d", here / "late.db", "--secret", SECRET)
code, err = capture(port, "late.db")
check(code == 0 and err.count("\n") == 1 and "ends 71h59m after now" in err, "an audit that ends in the future: one line says so", code, err)
finish()
