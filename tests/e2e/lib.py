"""lib: what the end-to-end tests share. A folder of their own with a HOME in it, `spanwise` run with a time limit, TAP
lines, and captures and records made by hand."""
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("SPANWISE") or ROOT / "build" / "opt" / "spanwise")
PCAP = ROOT / "tests" / "pcap"
SECRET = str(PCAP / "secret")
PROOF = bool(os.environ.get("PROOF"))
EPOCH = 1_700_000_000

LEAKS_EVERY = 1 if PROOF else 5  # to look for leaks takes longer than most of these runs

_failed = 0
_folder = None
_runs = {}  # of each command


def folder():
    """The test's own folder, removed at the end; HOME is in it."""
    global _folder
    if _folder is None:
        _folder = pathlib.Path(tempfile.mkdtemp(prefix="spanwise-e2e-"))
        os.chmod(_folder, 0o755)
        (_folder / "home").mkdir()
        os.environ.update(HOME=str(_folder / "home"), LC_ALL="C.UTF-8", TZ="UTC")
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "SPANWISE_DB"):
            os.environ.pop(name, None)
    return _folder


def check(holds, what, *details):
    global _failed
    print("%s - %s" % ("ok" if holds else "not ok", what))
    if not holds:
        _failed += 1
        for detail in details:
            for line in str(detail).splitlines()[:12]:
                print("#   " + line[:300])
    sys.stdout.flush()
    return holds


def skip(what, why):
    print("ok - %s # SKIP %s" % (what, why))


def finish():
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)
    sys.exit(1 if _failed else 0)


def _environment(command, given):
    """Of a run: in the sanitised build the first of a command and every so many after it are searched for leaks."""
    environment = dict(os.environ if given is None else given)
    n = _runs[command] = _runs.get(command, 0) + 1
    if n % LEAKS_EVERY != 1 % LEAKS_EVERY and "ASAN_OPTIONS" in environment:
        environment["ASAN_OPTIONS"] += ":detect_leaks=0"
    return environment


def run(*words, stdin=subprocess.DEVNULL, limit=60, prefix=(), **more):
    """`spanwise words…`: (exit code, stdout, stderr) as text. A time-out is code -1."""
    command = [*map(str, prefix), BINARY, *map(str, words)]
    more.setdefault("cwd", folder())
    more["env"] = _environment(words[:1], more.get("env"))
    try:
        if isinstance(stdin, (bytes, str)):
            more["input"] = stdin.encode() if isinstance(stdin, str) else stdin
        else:
            more["stdin"] = stdin
        p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=limit, **more)
        return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired as e:
        return -1, "", "longer than %s s\n%s" % (limit, (e.stderr or b"").decode(errors="replace"))


def good(*words, **more):
    """stdout of a run that must end with 0."""
    code, out, err = run(*words, **more)
    if code != 0:
        check(False, "spanwise " + " ".join(map(str, words)), "exit %s" % code, err)
    return out


def audit(source, name, *options, **more):
    """The JSON report of a capture, as text; the DB stays as folder/name.db."""
    db = folder() / (name + ".db")
    good("capture", "-q", "-r", source, "-d", db, "--secret", SECRET, *options, **more)
    return good("report", db, "--format", "json")


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return {}


TSV = ("seq conn stream ts request_s ttfb_s duration_s client server proto tls method service authority target status request_bytes response_bytes end gap_bytes request_body_id body_id "
       "client_id rtt_client_s rtt_server_s grpc_status operation upgrade content_type encoding user_agent").split()


def check_tsv(path, *options):
    """`log --format tsv` has the columns of the contract in its order, and in each what the record of jsonl says."""
    lines = good("log", "-r", path, "--secret", SECRET, "--format", "tsv", *options).splitlines()
    records = [json.loads(line, parse_float=str, parse_int=str) for line in good("log", "-r", path, "--secret", SECRET, *options).splitlines()]
    check(lines[0].split("\t") == TSV, "%s, tsv: the columns" % path.stem, lines[0])

    def cell(v):
        return "" if v is None else str(v).lower() if isinstance(v, bool) else json.dumps(v, ensure_ascii=False)[1:-1]
    wrong = [(line, x) for line, x in zip(lines[1:], records) if line.split("\t") != [cell(x.get(c)) for c in TSV]]
    check(len(lines) == len(records) + 1 and not wrong, "%s, tsv: what the records say" % path.stem, *wrong[:1])


# Captures made by hand: Ethernet, IPv4, TCP.
class Capture:
    def __init__(self, link=1):
        self.link, self.packets, self.now, self.port = link, [], EPOCH * 1_000_000, 40000

    def packet(self, frame, wire=None, step=1000):
        self.packets.append((self.now, frame, wire or len(frame)))
        self.now += step

    def bytes(self):
        out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, self.link)]
        for now, frame, wire in self.packets:
            out.append(struct.pack("<IIII", now // 1_000_000, now % 1_000_000, len(frame), wire) + frame)
        return b"".join(out)

    def write(self, path):
        pathlib.Path(path).write_bytes(self.bytes())
        return path

    def talk(self, *turns, client="10.0.0.2", server="10.0.0.1", port=80, mss=1400, close=True):
        """One connection; turns are (">" or "<", bytes)."""
        self.port += 1
        c, s = 1000, 5000
        self.segment(client, server, self.port, port, c, 0, 2)
        self.segment(server, client, port, self.port, s, c + 1, 18)
        c, s = c + 1, s + 1
        self.segment(client, server, self.port, port, c, s, 16)
        for way, data in turns:
            for at in range(0, len(data), mss):
                part = data[at:at + mss]
                if way == ">":
                    self.segment(client, server, self.port, port, c, s, 24, part)
                    c += len(part)
                else:
                    self.segment(server, client, port, self.port, s, c, 24, part)
                    s += len(part)
        if close:
            self.segment(client, server, self.port, port, c, s, 17)
            self.segment(server, client, port, self.port, s, c + 1, 17)
            self.segment(client, server, self.port, port, c + 1, s + 1, 16)

    def segment(self, source, target, sport, dport, seq, ack, flags, data=b""):
        def ip(text):
            return bytes(map(int, text.split(".")))
        tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65000, 0, 0) + data
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ip(source) + ip(target)
        self.packet(b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + head + tcp)


class Relay:
    """Passes connections on to `port`, and writes each down as a list of turns for Capture.talk."""

    def __init__(self, port):
        self.all, self.to = [], port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            a, _ = self.listener.accept()
            b = socket.create_connection(("127.0.0.1", self.to))
            turns, lock = [], threading.Lock()
            self.all.append(turns)
            for way in ((a, b, ">"), (b, a, "<")):
                threading.Thread(target=self.pipe, args=(*way, turns, lock), daemon=True).start()

    @staticmethod
    def pipe(source, target, direction, turns, lock):
        try:
            while data := source.recv(1 << 16):
                with lock:
                    turns.append((direction, data))
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def packets(data):
    """A capture's header and its records, from its bytes (classic pcap, little endian)."""
    at, records = 24, []
    while at + 16 <= len(data):
        n = struct.unpack_from("<I", data, at + 8)[0]
        records.append(data[at:at + 16 + n])
        at += 16 + n
    return data[:24], records


def stored(name):
    """The bytes of a capture of tests/pcap."""
    path = PCAP / (name + ".pcap")
    if path.exists():
        return path.read_bytes()
    return subprocess.run(["zstd", "-dcq", str(PCAP / (name + ".pcap.zst"))], stdout=subprocess.PIPE, check=True).stdout


def request(method, target, *fields, body=b"", host="api.example"):
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: " + host, *fields]
    if body:
        lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def answer(status, body=b"", *fields):
    lines = ["HTTP/1.1 %d Text" % status, "Content-Length: %d" % len(body), *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def record(n, ts):
    """The n-th of a stream of exchange records."""
    return json.dumps({"ts": round(ts, 6), "client": "10.0.%d.%d:4000" % (n % 3, n % 50 + 1), "method": "GET", "authority": "api.example",
                       "target": "/items/%d" % (n * 7919 % 400), "status": 200, "response_bytes": 512 + n % 100}) + "\n"
