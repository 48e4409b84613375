"""What both tests of the web service share: a DB of the fixture, a service, requests, TAP lines."""
import atexit
import ctypes
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPANWISE = os.environ.get("SPANWISE", str(ROOT / "build/opt/spanwise"))
SECRET = str(ROOT / "tests/pcap/secret")
failures = 0


def ok(name, passed, said=""):
    """One TAP line; what was said instead is shown when it failed."""
    global failures
    print(("ok - " if passed else "not ok - ") + name, flush=True)
    if not passed:
        failures += 1
        for line in str(said).split("\n")[:12]:
            print("# " + line[:400])
    return passed


class Folder:
    """A temporary folder that goes away."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="spanwise-web-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def make_db(folder):
    records, db = folder / "records.jsonl", folder / "audit.db"
    with open(records, "wb") as out:
        subprocess.run([sys.executable, str(ROOT / "tests/tui/fixture.py")], stdout=out, check=True)
    subprocess.run([SPANWISE, "capture", "-q", "--records", str(records), "--secret", SECRET, "-d", str(db)], check=True)
    return db


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def get(self, name):
        """The header, its values joined; '' when there is none."""
        return ", ".join(v for k, v in self.headers if k.lower() == name.lower())

    def __repr__(self):
        return "%s %s\n%s" % (self.status, self.headers, self.body[:400])


LIBC = ctypes.CDLL(None)


def die_with_parent():
    LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no service outlives a test that was killed


class Service:
    """spanwise serve on a free port."""

    def __init__(self, *arguments):
        self.errors = tempfile.TemporaryFile("a+b")  # the offset is shared with the service: it appends, we read by position
        self.process = subprocess.Popen([SPANWISE, "serve", *map(str, arguments)], stderr=self.errors, stdin=subprocess.DEVNULL,
                                        preexec_fn=die_with_parent)
        atexit.register(self.end)
        self.url = None
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None and not self.url:
            found = re.search(r"serving (https?)://(\[.*\]|[^:]*):(\d+)/", self.stderr())
            if found:
                self.scheme, self.host, self.port = found[1], found[2].strip("[]"), int(found[3])
                self.url = found[0].split(" ")[1]
            else:
                time.sleep(0.03)
        if self.url and self.host in ("0.0.0.0", "::"):
            self.host = "127.0.0.1" if self.host == "0.0.0.0" else "::1"

    def stderr(self):
        return os.pread(self.errors.fileno(), 65536, 0).decode(errors="replace")

    def ask(self, path, method="GET", headers=(), body=None, timeout=30):
        """headers: pairs; a Host among them replaces the usual one."""
        kind = http.client.HTTPSConnection if self.scheme == "https" else http.client.HTTPConnection
        extra = {"context": ssl._create_unverified_context()} if self.scheme == "https" else {}
        c = kind(self.host, self.port, timeout=timeout, **extra)
        c.putrequest(method, path, skip_host=any(k == "Host" for k, _ in headers), skip_accept_encoding=True)
        for k, v in headers:
            c.putheader(k, v)
        if body is not None:
            c.putheader("Content-Length", str(len(body)))
        try:
            c.endheaders(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it answered before it had read everything
        r = c.getresponse()
        answer = Answer(r.status, r.getheaders(), r.read())
        c.close()
        return answer

    def raw(self, text):
        """The first line of the answer to these bytes."""
        with socket.create_connection((self.host, self.port), timeout=10) as s:
            s.sendall(text.encode())
            return s.makefile("rb").readline().decode(errors="replace")

    def end(self, how=signal.SIGTERM):
        """Exit code, or None when it does not end within ten seconds."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


def run(*command, timeout=20):
    """(exit code, stdout, stderr) of spanwise."""
    try:
        r = subprocess.run([SPANWISE, *map(str, command)], capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None, "", "did not end"
    return r.returncode, r.stdout.decode(errors="replace"), r.stderr.decode(errors="replace")
