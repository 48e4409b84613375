#!/usr/bin/env python3
"""The dashboard in a real terminal (tmux on a socket of its own): keys in, the screen you must see out.

NAME.keys: the first line is the size, then one key a line as tmux names it; `resize WxH`; `wait PATTERN`; # comments. NAME.screen: the screen.
usage: run.py [--update] [NAME…]     --update writes the screens anew; read the difference"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BINARY = os.environ.get("SPANWISE", str(ROOT / "build" / "opt" / "spanwise"))
SECRET = str(ROOT / "tests" / "pcap" / "secret")
SOCKET = "spanwise-%d" % os.getpid()
PATIENCE = 10.0  # seconds until a screen must be there
failed = 0


def say(holds, what, *details):
    global failed
    print("%s - %s" % ("ok" if holds else "not ok", what))
    if not holds:
        failed += 1
        for detail in details:
            print("\n".join("#   " + line for line in str(detail).splitlines()))
    sys.stdout.flush()


def tmux(*words):
    return subprocess.run(["tmux", "-L", SOCKET, "-f", "/dev/null", *words], capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL)


def patiently(condition):
    """What condition() returns once it is true; the last false value when patience is over."""
    end = time.monotonic() + PATIENCE
    while True:
        got = condition()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.05)


class Screen:
    """One `spanwise top` in its own window; afterwards the window says how it ended."""

    def __init__(self, width, height, *words, environment="", command="top"):
        self.name = "w%d" % time.monotonic_ns()
        self.pid_file = pathlib.Path(folder, self.name)
        inner = 'echo $$ > %s; exec "%s" %s %s' % (self.pid_file, BINARY, command, " ".join(map(str, words)))
        outer = "env TERM=tmux-256color LC_ALL=C.UTF-8 %s sh -c '%s'; echo EXIT $? $(stty -a | grep -oE -- '-?(icanon|echo) '); sleep 99" % (
            environment, inner)
        tmux("new-session", "-d", "-s", self.name, "-x", str(width), "-y", str(height), outer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        tmux("kill-session", "-t", self.name)

    def text(self, *more):
        shown = tmux("capture-pane", "-p", "-t", self.name, *more).stdout
        return "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"

    def press(self, *keys):
        for key in keys:
            if key.startswith("resize "):
                width, height = key[7:].split("x")
                tmux("resize-window", "-t", self.name, "-x", width, "-y", height)
                time.sleep(0.3)
            elif key.startswith("wait "):
                self.shows(key[5:])
            else:
                tmux("send-keys", "-t", self.name, key)
                time.sleep(0.1 if key == "Escape" else 0.02)

    def shows(self, pattern, *more):
        return patiently(lambda: re.search(pattern, self.text(*more)))

    def pid(self):
        return int(self.pid_file.read_text())


def case(path, update):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    width, height = lines[0].split("x")
    want_file = path.with_suffix(".screen")
    want = want_file.read_text() if want_file.exists() else ""
    with Screen(width, height, db) as screen:
        screen.shows("quit")
        screen.press(*lines[1:])
        if update:
            time.sleep(0.7)
            want_file.write_text(screen.text())
        elif patiently(lambda: screen.text() == want):
            say(True, path.stem)
        else:
            got = screen.text()
            say(False, path.stem, "wanted:\n" + want, "got:\n" + got)


# ---- behaviour ----

RESTORED = r"EXIT 0 icanon\s+echo"


def endings():
    for what, end in [("q", lambda s: s.press("q")), ("Ctrl-C", lambda s: s.press("C-c")),
                      ("SIGTERM", lambda s: os.kill(s.pid(), signal.SIGTERM))]:
        with Screen(80, 24, db) as screen:
            screen.shows("quit")
            screen.press("2", "Enter", *(["Escape"] if what == "q" else []))
            end(screen)
            say(screen.shows(RESTORED) and "Overview" not in screen.text(), "%s ends with 0 and gives the terminal back" % what, screen.text())


def no_terminal():
    done = subprocess.run([BINARY, "top", db], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    say(done.returncode == 2 and not done.stdout and len(done.stderr.splitlines()) == 1, "not a terminal: one line, exit 2", done)
    with Screen(80, 24, folder + "/none.db") as screen:
        say(screen.shows("none.db: No such file(.|\n)*EXIT 3"), "no such DB: said at once", screen.text())
    with Screen(80, 24, db, environment="TERM=nonsense") as screen:
        say(screen.shows("'nonsense' is not known(.|\n)*EXIT 1"), "an unknown terminal: said at once", screen.text())
    with Screen(80, 24, db, "< " + records) as screen:
        screen.shows("quit")
        screen.press("3")
        say(screen.shows("20 clients"), "keys come from the terminal when stdin is a file", screen.text())


def waits():
    later = folder + "/later.db"
    with Screen(80, 24, "--wait", later) as screen:
        say(screen.shows("Waiting for"), "--wait: says what it waits for", screen.text())
        shutil.copy(db, later + ".part")
        os.rename(later + ".part", later)
        say(screen.shows("requests +3528"), "--wait: goes on when the DB is there", screen.text())
        os.unlink(later)
        say(screen.shows("No such file") and screen.shows("requests +3528"), "a DB that is gone: said above what was seen", screen.text())
        some = folder + "/some.jsonl"
        pathlib.Path(some).write_text("".join(pathlib.Path(records).read_text(errors="surrogateescape").splitlines(True)[:700]), errors="surrogateescape")
        subprocess.run([BINARY, "capture", "-q", "--records", some, "--secret", SECRET, "-d", later + ".part"], check=True, timeout=60)
        os.rename(later + ".part", later)
        say(screen.shows("requests +700"), "another DB in its place is shown", screen.text())


def follows():
    lines = pathlib.Path(records).read_text(errors="surrogateescape").splitlines(True)
    half = folder + "/half.jsonl"
    growing = folder + "/growing.db"

    def feed(some, *more):
        pathlib.Path(half).write_text("".join(some), errors="surrogateescape")
        subprocess.run([BINARY, "capture", "-q", "--records", half, "--secret", SECRET, "-d", growing, *more], check=True, timeout=60)

    feed(lines[:1000])
    with Screen(80, 24, growing) as screen:
        say(screen.shows("requests +1000"), "what there is at first", screen.text())
        screen.press("p")
        screen.shows("PAUSE")
        feed(lines[1000:2000], "--append")
        time.sleep(1.5)
        say("1000" in screen.text(), "paused: nothing changes", screen.text())
        screen.press("p")
        say(screen.shows("requests +2000"), "what was appended is shown", screen.text())
        screen.press("4")
        screen.shows("[0-9]+ bottlenecks")
        before = re.search("[0-9]+ bottlenecks", screen.text())
        feed(lines[2000:], "--append")
        say(before and patiently(lambda: re.search("[0-9]+ bottlenecks", screen.text())[0] != before[0]), "and studied again", screen.text())


def beside_capture():
    """What a capture has to say while the dashboard has its terminal is read afterwards; when it fails, at once."""
    for what, says in ((folder + "/none.pcap", "none.pcap: No such file"), (records, "not a pcap or pcapng file")):
        with Screen(100, 24, "-r", what, "-d", folder + "/beside.db", command="capture --top") as screen:
            say(screen.shows(says + r"(.|\n)*EXIT 3 icanon\s+echo"), "capture --top that fails: the dashboard ends, and why is said", screen.text())
    cut = folder + "/cut.pcap"
    pathlib.Path(cut).write_bytes((ROOT / "tests" / "pcap" / "heads.pcap").read_bytes()[:-7])
    with Screen(100, 24, "-r", cut, "-d", folder + "/cut.db", command="capture --top") as screen:
        say(screen.shows("ended ") and "cut.pcap:" not in screen.text(), "capture --top of what is cut: nothing on the dashboard", screen.text())
        screen.press("q")
        say(screen.shows(r"cut.pcap(.|\n)*EXIT 0 icanon\s+echo"), "and it is said when that was quit", screen.text())


def colours():
    for environment, wanted in (("NO_COLOR=", True), ("NO_COLOR=1", False)):
        with Screen(80, 24, db, environment=environment) as screen:
            screen.shows("quit")
            got = re.search(r"\x1b\[[0-9;]*3[1-7]", screen.text("-e")) is not None
            say(got == wanted, "%s: %s" % (environment, "colours" if wanted else "none"), repr(screen.text("-e"))[:600])


def plain():
    with Screen(80, 24, db, environment="LC_ALL=C") as screen:
        screen.shows("quit")
        screen.press("2", "Enter")
        say(screen.shows("1 min") and screen.text().isascii(), "a terminal without UTF-8 gets ASCII", screen.text())


def harmless():
    with Screen(140, 40, db) as screen:
        before = tmux("display-message", "-p", "-t", screen.name, "#{pane_title}").stdout
        screen.shows("quit")
        screen.press("2", "/", *"hostile", "Enter", "Enter")
        screen.shows("hostile.example")
        after = tmux("display-message", "-p", "-t", screen.name, "#{pane_title}").stdout
        say(before == after and "title" not in after, "what traffic says does not reach the terminal's title", before, after)


def names():
    """Clients that have names: in the list, in a filter, of one client; and what a name says reaches no terminal."""
    lines = [json.loads(line) for line in pathlib.Path(records).read_text(errors="surrogateescape").splitlines()]
    called = {}
    for r in lines:
        if r.get("client_id", "").startswith(("jwt", "basic", "bearer")):
            r["client_name"] = called.setdefault(r["client_id"], ["alice@example.org", "evil\x1b]0;title\x07\u202ex", "\u5c0f\u6797"][len(called) % 3])
    named, path = folder + "/named.db", folder + "/named.jsonl"
    pathlib.Path(path).write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in lines), errors="surrogateescape")
    subprocess.run([BINARY, "capture", "-q", "--records", path, "--secret", SECRET, "-d", named, "--show-names"], check=True, timeout=60)
    with Screen(140, 40, named) as screen:
        before = tmux("display-message", "-p", "-t", screen.name, "#{pane_title}").stdout
        screen.shows("quit")
        screen.press("3")
        say(screen.shows(r"client +name +address") and screen.shows("alice@example.org") and screen.shows("\u5c0f\u6797"), "names stand beside their clients", screen.text())
        screen.press("/", *"alice", "Enter", "Enter")
        say(screen.shows("called alice@example.org"), "a filter finds a client by its name; its page has it", screen.text())
        screen.press("Escape", "Escape", "/", *"evil", "Enter", "Enter")
        say(screen.shows("called evil"), "and one whose name is harmful", screen.text())
        after = tmux("display-message", "-p", "-t", screen.name, "#{pane_title}").stdout
        say(before == after and "title\x07" not in after, "what a name says does not reach the terminal's title", before, after)
    with Screen(60, 24, named) as screen:
        screen.shows("quit")
        screen.press("3")
        say(screen.shows("[0-9]+ clients"), "a small screen with names", screen.text())


def main():
    global folder, db, records
    update = "--update" in sys.argv
    chosen = [word for word in sys.argv[1:] if not word.startswith("-")]
    if not shutil.which("tmux"):
        print("ok - screens # SKIP no tmux")
        return 0
    folder = tempfile.mkdtemp(prefix="spanwise-tui-")
    db, records = folder + "/fixture.db", folder + "/records.jsonl"
    os.environ.update(HOME=folder, TZ="UTC")
    for name in ("SPANWISE_DB", "NO_COLOR", "TMUX"):
        os.environ.pop(name, None)
    try:
        with open(records, "wb") as out:
            subprocess.run([sys.executable, str(HERE / "fixture.py")], stdout=out, check=True, timeout=60)
        subprocess.run([BINARY, "capture", "-q", "--records", records, "--secret", SECRET, "-d", db], check=True, timeout=60)
        tmux("new-session", "-d", "-s", "keep", "sleep 600")  # without a session the server would end between two tests
        for path in sorted(HERE.glob("*.keys")):
            if not chosen or path.stem in chosen:
                case(path, update)
        if not update and not chosen:
            for behaviour in (endings, no_terminal, waits, follows, beside_capture, colours, plain, harmless, names):
                behaviour()
    finally:
        tmux("kill-server")
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
