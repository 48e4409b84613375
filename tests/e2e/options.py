#!/usr/bin/env python3
# kinds: opt
"""Commands and options: help, version, what is wrong usage, and commands without a DB."""
import os
import re

from lib import PCAP, SECRET, check, finish, folder, good, parsed, run

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
for pattern in ("/nothing", "GET /nothing", "* *", "GET http://*/nothing", "GET h*", "* http://api.shop.example/n*g"):
    good("capture", "-q", "-r", heads, "-d", here / "i.db", "--fresh", "--secret", SECRET, "--ignore", pattern)
    n = parsed(good("report", here / "i.db", "--format", "json"))["totals"]["ignored"]
    check(n > 0, "--ignore '%s' takes something" % pattern, n)
finish()
