#!/usr/bin/env python3
# kinds: opt
"""Commands and options: help, version, what is wrong usage, and commands without a DB."""
import os
import re
import signal
import struct
import subprocess
import time

from lib import BINARY, PCAP, SECRET, Capture, answer, check, finish, folder, good, packets, parsed, request, run

here = folder()
code, out, err = run("--version")
check(code == 0 and re.fullmatch(r"spanwise \d+\.\d+\.\d+\n", out) and not err, "--version", code, out, err)

code, top, err = run("--help")
check(code == 0 and "capture" in top and not err, "--help", code, top, err)

code, out, err = run()
check(code == 2 and not out and err.strip(), "no command: usage, exit 2", code, out, err)

for command in "capture top serve report policy verify whatif log doctor ship".split():
    code, out, err = run(command, "--help")
    if re.search(r"^\s+(spanwise )?%s\b" % command, top, re.M):
        check(code == 0 and command in out and len(out.splitlines()) > 3 and not err, command + " --help", code, out, err)
        code, out, err = run(command, "--no-such-option")
        check(code == 2 and not out and "no-such-option" in err, command + " with an unknown option: exit 2", code, out, err)
    else:
        check(code == 2 and "unknown command" in err and not out, command + " is not listed and unknown", code, out, err)

if os.environ.get("KIND") == "without-faces":
    check(not re.search(r"^\s+(top|serve)\b", top, re.M), "built without faces: neither top nor serve is listed", top)

for words, like in ((["help"], ["--help"]), (["-h"], ["--help"]), (["version"], ["--version"]), (["help", "report"], ["report", "--help"]), (["report", "-h"], ["report", "--help"])):
    check(run(*words) == run(*like), "%s: as %s" % (" ".join(words), " ".join(like)), *run(*words))
code, out, err = run("help", "frobnicate")
check(code == 2 and "unknown command 'frobnicate'" in err and not out, "help of an unknown command", code, out, err)
code, out, err = run("frobnicate")
check(code == 2 and "unknown command" in err and len(err.splitlines()) == 1, "unknown command", code, out, err)

for words in (["report"], ["report", "none.db"], ["report", "--format", "json"]):
    code, out, err = run(*words)
    check(code in (1, 3) and not out and err.count("\n") == 1, "%s without a DB: one line, exit 1 or 3" % " ".join(words), code, out, err)
code, out, err = run("report", "--format", "papyrus")
check(code == 2 and not out and "papyrus" in err, "report in an unknown format: exit 2", code, out, err)
code, out, err = run("capture", "-r")
check(code == 2 and not out and err, "-r without a file: exit 2", code, out, err)
code, out, err = run("capture", "-r", "x.pcap", "-i", "lo")
check(code == 2 and not out and err, "-r and -i together: exit 2", code, out, err)
code, out, err = run("capture", "--memory", "lots", "-r", "x.pcap")
check(code == 2 and not out and "lots" in err, "--memory lots: exit 2", code, out, err)

# Several files by one -r, and a capture where a DB may stand.
heads, keep = PCAP / "heads.pcap", PCAP / "keepalive.pcap"


def same(what, one, two):
    check(one[0] == 0 and one[:2] == two[:2] and one[1], what, one[0], two[0], one[2], two[2], one[1][:200], two[1][:200])


same("log: words behind -r FILE are further files", run("log", "-q", "-r", heads, "-r", keep, "--secret", SECRET), run("log", "-r", heads, keep, "-q", "--secret", SECRET))
same("doctor: the same", run("doctor", "-q", "-r", heads, "-r", keep), run("doctor", "-r", heads, keep, "-q"))
for name, words in (("twice", ("-r", heads, "-r", keep)), ("once", ("-r", heads, keep))):
    good("capture", "-q", *words, "-d", here / (name + ".db"), "--secret", SECRET)
one, two = (good("report", here / (name + ".db"), "--format", "json") for name in ("twice", "once"))
check(one == two and len(parsed(one)["capture"]["sources"]) == 2, "capture: the same")
same("log of a capture is log -r", run("log", "-q", "-r", heads, "--secret", SECRET), run("log", "-q", heads, "--secret", SECRET))
same("log - is log -r -", run("log", "-q", "-r", "-", "--secret", SECRET, stdin=heads.read_bytes()), run("log", "-q", "-", "--secret", SECRET, stdin=heads.read_bytes()))
for words in (["capture", heads], ["log", here / "once.db", heads], ["log", "-r", heads, "-i", "lo"], ["doctor", heads]):
    code, out, err = run(*words)
    check(code == 2 and not out and err.count("\n") == 1, "%s of a word that means nothing: exit 2" % words[0], code, out, err)

# Wrong usage is said, in one line, before anything is read.
(here / "short").write_text("short")
config = here / "config"
db = here / "once.db"
for words, says in (
        (["report", db, "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], "before"),
        (["report", db, "--from", "-1h", "--to", "-2h"], "before"),
        (["capture", "-r", heads, "--answer-timeout", "nan"], "nan"),
        (["capture", "-r", heads, "--answer-timeout", "0.0000001"], "0.0000001"),
        (["capture", "-r", heads, "--memory", "nan"], "nan"),
        (["capture", "-r", heads, "--ignore", "GET"], "GLOB"),
        (["capture", "-r", heads, "--ignore", "GET health"], "GLOB"),
        (["capture", "-r", heads, "--ignore", "GET shop.example/health"], "GLOB"),
        (["capture", "-r", heads, "--ignore", "* http://shop.example"], "GLOB"),
        (["capture", "-r", heads, "--ignore", "get /x"], "capitals"),
        (["capture", "-r", heads, "--secret", here / "none"], "none"),
        (["capture", "-r", heads, "--secret", here / "short"], "16"),
        (["capture", "-r", heads, "--top"], "--top" if os.environ.get("KIND") == "without-faces" else "terminal")):
    code, out, err = run(*words, *(["-d", here / "w.db"] if words[0] == "capture" else []))
    check(code == 2 and not out and err.count("\n") == 1 and says in err, " ".join(map(str, words[2:])) + ": exit 2, one line", code, out, err)
for line, says in (("memory = lots", "lots"), ("answer-timeout = nan", "nan"), ("ports = x", "x"), ("ignore = get /x", "capitals"), ("retain = 5", "retain")):
    config.write_text("# ours\nquiet\n%s\n" % line)
    code, out, err = run("capture", "-r", heads, "-d", here / "w.db", "--config", config)
    check(code == 2 and not out and err.count("\n") == 1 and "config line 3: " in err and says in err, "--config with %s: the file and the line are named" % line, code, out, err)
check(not list(here.glob("w.db*")), "and no DB is left behind")

# What does nothing for a source is said, unless quiet; what contradicts itself, or has nothing to act on, is refused.
(here / "records").write_text(good("log", "-q", "-r", heads, "--secret", SECRET))
(here / "token").write_text("a-token-of-some-length\n")
new = ["-d", here / "w.db"]
for words, says in (
    *((["log", "-r", heads, *o], "-i") for o in (["--user", "nobody"], ["--snaplen", "90"])),
    *((["capture", "--records", here / "records", "-d", here / "r.db", "--fresh", *o], "exchange records") for o in (
        ["--keys", here / "token"], ["--ports", "80"], ["--vxlan-ports", "80"], ["--merge-vlans"], ["--keep-duplicates"], ["--answer-timeout", "5"],
        ["--trusted-proxies", "10.0.0.0/8"], ["--snaplen", "90"], ["--user", "nobody"])),
    *((["log", db, *o], "a DB holds") for o in (["--ports", "80"], ["--redact", "x"], ["--memory", "64M"], ["--clear-targets"]))):
    code, out, err = run(*words, "--secret", SECRET)
    what = " ".join(str(w).replace(str(here) + "/", "") for w in words)
    check(code == 0 and err.count("\n") == 1 and says in err, what + ": done, and what does nothing is said", code, out[:200], err)
    check(run(*words, "--secret", SECRET, "-q") == (0, out, ""), what + ": the same, without a word", run(*words, "--secret", SECRET, "-q"))
for words, says in (
        *((["doctor", "-r", heads, *o], o[0]) for o in (["--seconds", "3"], ["--redact", "x"], ["--identity", "address"], ["--show-names"], ["--clear-targets"], ["--privacy", "strict"],
                                                      ["--trusted-proxies", "10.0.0.0/8"])),
        (["capture", "-r", heads, "-d", ""], "names no DB"), (["capture", *new], "-i"), (["capture", "-q"], "-i"),
        (["whatif", db, "--ttl", "all=60", "--per", "address"], "--limit"), (["whatif", db, "--limit", "nginx:1:1", "--profile", "nginx"], "--ttl"),
        *(() if os.environ.get("KIND") == "without-faces" else (
            *((["serve", db, "--host-name", n], "no name alone") for n in ("", "audit.example:8930", "http://audit.example", "[::1]", "a b")), (["serve", db, "--listen", "127.0.0.1:0", "--insecure", "--token-file", here / "token"], "one of the two"),))):
    code, out, err = run(*words, limit=5)
    check(code == 2 and not out and err.count("\n") == 1 and says in err, "%s: refused" % " ".join(str(w).replace(str(here) + "/", "") for w in words), code, out[:200], err)

check(run("capture", "-q", "-r", heads, "-d", here / "m.db", "--memory", "64m")[0] == 0, "--memory 64m is 64M")

# What is read is not written over.
for path in (db, here / "m.pcap"):
    path.exists() or path.write_bytes(heads.read_bytes())
    before = path.read_bytes()
    for words in (["report", path], ["report", here / "twice.db", path], ["policy", path, "--for", "headers"]):
        code, out, err = run(*words, "-o", path)
        check(code == 2 and err.count("\n") == 1 and "that is what is read" in err and path.read_bytes() == before, "%s -o of what is read: refused" % words[0], code, err)
os.environ["SPANWISE_DB"] = str(db)
check(run("report", "-o", db)[0] == 2, "also of the default DB")
del os.environ["SPANWISE_DB"]

# A file of options: quotes, comments, lines of any length; what is no file.
for text, takes in (("ignore = '* *'", True), ('ignore="* *" # all', True), ("ignore = * * # all of it = everything", True), ("# " + "c" * 3000 + "\nignore = * *", True),
                    ("redact = " + ",".join("name%d" % i for i in range(400)) + "\nignore = * *\r\n", True), ("quiet # is = it\nignore = * *", True),
                    ("ignore = '* *", False), ("ignore = '* *' x", False), ("ignore = * *#x", None)):
    config.write_text("exchanges = none\n" + text)
    code, out, err = run("capture", "-q", "-r", heads, "-d", here / "o.db", "--fresh", "--secret", SECRET, "--config", config)
    if takes is False:
        check(code == 2 and err.count("\n") == 1 and "config line 2: " in err, "--config with %.40r: refused" % text, code, err)
    else:
        totals = parsed(good("report", here / "o.db", "--format", "json"))["totals"]
        check(code == 0 and (totals["ignored"] == totals["exchanges"]) == bool(takes), "--config with %.40r: means what it says" % text, code, err, totals["ignored"])
one = Capture()
one.talk((">", request("GET", "/x?colour=red&size=big&shape=round")), ("<", answer(200, b"x")))
config.write_text("redact = colour\n")
target = parsed(good("log", "-q", "-r", one.write(here / "one.pcap"), "--secret", SECRET, "--config", config, "--redact", "size"))["target"]
check("red" not in target and "big" not in target and "round" in target, "--redact adds to what a file of options hides", target)
config.write_text("db = hash#1.db\n")
good("capture", "-q", "-r", heads, "--secret", SECRET, "--config", config)
check((here / "hash#1.db").exists(), "a # within a word of --config is no comment", *here.glob("hash*"))
code, out, err = run("capture", "-q", "-r", heads, *new, "--config", here)
check(code == 2 and not out and err.count("\n") == 1 and not (here / "w.db").exists(), "--config of a folder: exit 2", code, err)

# Several audits: what is wrong with the second is said as of the first.
for words, want in (([here / "records"], 3), (["none.db"], 3), ([heads, "--ignore", "GET /x"], 2)):
    code, out, err = run("report", db, *words)
    check(code == want and not out and err.count("\n") == 1 and len(err) > 20, "report of a DB and %s: exit %d, one line" % (words[0], want), code, err)

# stdout that cannot be written to: one line, exit 1.
for words in (["--version"], ["--help"], ["report", "--help"], ["capture"], ["capture", "--show-budget"], ["log", "-q", "-r", heads], ["log", db], ["report", db], ["doctor", "-q", "-r", heads]):
    with open("/dev/full", "w") as full:
        p = subprocess.run([BINARY, *map(str, words)], stdout=full, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    check(p.returncode == 1 and p.stderr.count("\n") == 1 and "stdout: No space left" in p.stderr, "%s onto a full disk: one line, exit 1" % " ".join(map(str, words)), p.returncode, p.stderr)
    read, write = os.pipe()
    os.close(read)
    p = subprocess.run([BINARY, *map(str, words)], stdout=write, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    os.close(write)
    check(p.returncode == 1 and not p.stderr, "%s to a reader that went away, like head: exit 1, nothing is said" % " ".join(map(str, words)), p.returncode, p.stderr)

nowhere = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CONFIG_HOME")}
code, out, err = run("log", "-q", "-r", heads, env=nowhere)
check(code == 0 and "neither XDG_CONFIG_HOME nor HOME" in err, "no place for a secret: why", err)

# A signal while a capture is audited leaves no DB behind.
(here / "tmp").mkdir()
for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    p = subprocess.Popen([BINARY, "report", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, TMPDIR=str(here / "tmp")))
    p.stdin.write(heads.read_bytes()[:2000])
    p.stdin.flush()
    until = time.monotonic() + 10
    while not list((here / "tmp").iterdir()) and time.monotonic() < until:
        time.sleep(0.02)
    p.send_signal(end)
    check(p.wait(10) == -end and not list((here / "tmp").iterdir()), "%s while a capture is audited: ends so, and its DB is gone" % end.name, p.returncode, *(here / "tmp").iterdir())
    p.stdin.close()
# A file that is not read to its end for a signal: kept, and said to be cut short, by the run and by the report.
head, records = packets(heads.read_bytes())
(here / "long.pcap").write_bytes(head + b"".join(struct.pack("<I", 60 * k) + r[4:] for k in range(4000) for r in records))
for words in (["capture", "-q", "-d", here / "part.db", "-r"], ["log", "-q", "-r"]):
    p = subprocess.Popen([BINARY, *map(str, words), str(here / "long.pcap"), "--secret", SECRET], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while p.poll() is None and int(open("/proc/%d/io" % p.pid).read().split()[1]) < 2_000_000:
        time.sleep(0.001)
    p.send_signal(signal.SIGINT)
    err = p.communicate(timeout=30)[1]
    check(p.returncode == 0 and err.count("\n") == 1 and "interrupted after" in err, "%s of a file, and SIGINT: exit 0, and what is missing is said" % words[0], p.returncode, err)
part = good("report", here / "part.db")
check("breaks off before its end" in part.split("\n\n")[0], "and the report begins with it", part[:500])

# As many files as a dumper makes that begins another each minute of a day, named in any order, with few of them open at once.
names = []
for k in range(1440):
    names.append(here / ("minute-%04d.pcap" % (k * 7 % 1440)))
    names[-1].write_bytes(head + b"".join(struct.pack("<I", 60 * (k * 7 % 1440)) + r[4:] for r in records[:20]))
n = len(good("log", "-q", "-r", names[0], "--secret", SECRET).splitlines())
out = good("log", "-q", "-r", *names, "--secret", SECRET, prefix=("prlimit", "--nofile=64"), limit=120).splitlines()
stamps = [float(re.search('"ts":([0-9.]+)', line)[1]) for line in out]
check(n and len(out) == 1440 * n and stamps == sorted(stamps), "1440 files are read in order of time, with 64 descriptors", n, len(out))
code, out, err = run("log", "-r", *(["x"] * 4097))
check(code == 2 and not out and err.count("\n") == 1 and "--append" in err, "too many: refused, with the ways out", code, err[:300])

# A pipe that gives nothing yet keeps nobody from ending.
os.mkfifo(here / "fifo")
for words in (["capture", "-q", *new, "-r"], ["log", "-q", "-r"], ["doctor", "-q", "-r"], ["report"]):
    for end in (signal.SIGINT, signal.SIGTERM):
        p = subprocess.Popen([BINARY, *map(str, words), str(here / "fifo")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        writer = os.open(here / "fifo", os.O_WRONLY)
        time.sleep(0.2)
        p.send_signal(end)
        try:
            code = p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            code = p.wait()
        check(code == -end, "%s of a pipe that gives nothing: %s ends it" % (words[0], end.name), code)
        os.close(writer)

# What serves beside a capture ends with it, whenever and however that is.
if os.environ.get("KIND") != "without-faces":
    for n in range(4):
        code, out, err = run("capture", "-r", "none.pcap", *new, "--serve", "127.0.0.1:0", limit=10)
        check(code == 3 and "none.pcap: No such file" in err, "capture --serve that fails at once: ends", code, err)
    for end in (signal.SIGTERM, signal.SIGKILL):
        p = subprocess.Popen([BINARY, "capture", "-q", "-r", "-", "-d", str(here / "beside.db"), "--fresh", "--serve", "127.0.0.1:0"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = p.stderr.readline()
        p.stdin.buffer.write(heads.read_bytes()[:2000])
        p.stdin.flush()
        time.sleep(0.2)
        face = open("/proc/%d/task/%d/children" % (p.pid, p.pid)).read().split()
        p.send_signal(end)
        p.wait(10)
        until = time.monotonic() + 10
        while any(os.path.exists("/proc/" + f) and open("/proc/%s/stat" % f).read().split()[2] != "Z" for f in face) and time.monotonic() < until:
            time.sleep(0.05)
        check("serving" in line and face and time.monotonic() < until, "capture --serve and %s: nobody serves on" % end.name, line, face)
        p.stderr.close()

for pattern in ("/nothing", "GET /nothing", "* *", "GET http://*/nothing", "GET h*", "* http://api.shop.example/n*g"):
    good("capture", "-q", "-r", heads, "-d", here / "i.db", "--fresh", "--secret", SECRET, "--ignore", pattern)
    n = parsed(good("report", here / "i.db", "--format", "json"))["totals"]["ignored"]
    check(n > 0, "--ignore '%s' takes something" % pattern, n)
finish()
