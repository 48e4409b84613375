#!/usr/bin/env python3
"""The walls between the rooms, read off the #include lines. The table below is the rule; docs/MAP.md explains it."""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# Who may include whom: room -> prefixes of what it may name in quotes, its own room aside.
READ_SIDE = ("analysis/store/read.h", "analysis/store/rows.h")
ARROWS = {
    "base": (),
    "capture": ("base/",),
    "analysis": ("base/", "capture/exchange.h", "analysis/store/"),
    "analysis/store": ("base/",),
    "analysis/report": ("base/", "analysis/backends.h", "analysis/behaviour.h", "analysis/chatty.h", "analysis/hops.h", "analysis/named.h", "analysis/changes.h", "analysis/demand.h", "analysis/fields.h", "analysis/learned.h", "analysis/limitadvice.h", "analysis/live.h",
                        "analysis/interval.h", "analysis/loads.h", "analysis/ranking.h", "analysis/recommend.h", "analysis/rekey.h", "analysis/sampling.h", "analysis/sharing.h", "analysis/sources.h",
                        "analysis/standing.h", "analysis/stateless.h", "analysis/ties.h", "analysis/versions.h", "analysis/writes.h",
                        "capture/mirror.h") + READ_SIDE,
    "analysis/policy": ("base/", "analysis/report/advice.h", "analysis/report/facts.h", "analysis/report/limits.h", "analysis/envelope.h",
                        "analysis/limitadvice.h", "analysis/live.h") + READ_SIDE,
    "tui": ("base/", "analysis/report/report.h", "analysis/report/saying.h", "analysis/report/verdict.h") + READ_SIDE,
    "web": ("base/", "analysis/report/") + READ_SIDE,
    "cmd": ("base/", "capture/", "analysis/", "tui/", "web/"),
    ".": ("base/", "cmd/"),
}
# A library that only so many files may name, or only one room.
ONE_FILE = {"curses": r"(^|/)n?curses(w/\w+)?\.h$", "microhttpd": r"(^|/)microhttpd\.h$", "pcap": r"(^|/)pcap\.h$",
            "OpenSSL": r"^openssl/"}
ONE_ROOM = {"sqlite": (r"(^|/)sqlite3\.h$", "analysis/store")}
# What only the commands know, so that all else is the same with and without: the build without the faces shares its objects.
FACES = re.compile(r"\bNO_(TUI|WEB)\b")


def sources():
    """(path from the root, room) of every C file of the program."""
    for path in sorted(ROOT.glob("**/*.[ch]")) + sorted(ROOT.glob("**/*.def")):
        name = path.relative_to(ROOT)
        if name.parts[0] not in ("build", "tests", "node_modules"):
            yield name, str(name.parent)


def main():
    trouble = collections.defaultdict(list)
    users = collections.defaultdict(set)
    count = 0
    for name, room in sources():
        count += 1
        text = (ROOT / name).read_text(errors="replace")
        if room not in ARROWS:
            trouble["rooms"].append("%s: %s is no room" % (name, room))
            continue
        if room not in ("cmd", ".") and FACES.search(text):
            trouble["faces"].append("%s asks whether there are faces" % name)
        for bracket, target in INCLUDE.findall(text):
            for what, pattern in [*ONE_FILE.items(), *((k, v[0]) for k, v in ONE_ROOM.items())]:
                if re.search(pattern, target):
                    users[what].add(str(name))
            if bracket == "<":
                continue
            if not (ROOT / target).is_file():
                if not (ROOT / "build" / "opt" / target).is_file():
                    trouble["paths"].append("%s: \"%s\" is not written from the top" % (name, target))
            elif str(pathlib.PurePath(target).parent) != room and not target.startswith(ARROWS[room]):
                trouble["arrows"].append("%s includes %s" % (name, target))
    for what in ONE_FILE:
        if len(users[what]) > 1:
            trouble["libraries"].append("%s is named by %s" % (what, ", ".join(sorted(users[what]))))
    for what, (_, home) in ONE_ROOM.items():
        rooms = {str(pathlib.PurePath(f).parent) for f in users[what]}
        if len(rooms) > 1 or (home and rooms - {home}):
            trouble["libraries"].append("%s is named by %s" % (what, ", ".join(sorted(users[what]))))
    for check in ("rooms", "paths", "arrows", "libraries", "faces"):
        for line in trouble[check]:
            print("# " + line)
        print("%s - %s (%d files)" % ("not ok" if trouble[check] else "ok", check, count))
    return 1 if any(trouble.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
