#!/usr/bin/env python3
"""Commands and options: help, version, what is wrong usage, and commands without a DB."""
import os
import re

from lib import check, finish, folder, run

folder()
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
finish()
