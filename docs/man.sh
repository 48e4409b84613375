#!/bin/sh
# docs/man.sh PROGRAM >spanwise.1: the manual page, what each command says of itself in --help with what is true of all around it.
set -eu
program=$1
words() { # for troff: backslashes, and dots and quotes that begin a line
    sed -e 's/\\/\\e/g' -e 's/…/.../g' -e 's/-/\\-/g' -e "s/^\\([.']\\)/\\\\\\&\\1/"
}

command_page() { # command_page NAME: its --help as sections of usage, prose and options
    "$program" help "$1" | words | awk -v name="$1" '
        BEGIN { print ".SS " name; print ".nf" }
        /^Options:/ { if (usage) print ".fi"; options = 1; usage = 0; next }
        !NF { next }
        options && /^ {30}/ { sub(/^ +/, ""); print; next }
        options { sub(/^ +/, ""); if (i = match($0, /  +/)) { print ".TP"; print ".B " substr($0, 1, i - 1); print substr($0, i + RLENGTH) } else { print ".TP"; print ".B " $0 }; next }
        NR == 1 { usage = 1 }
        usage && /^(usage:)? *spanwise/ { sub(/^usage: /, ""); sub(/^ +/, ""); print; next }
        usage { print ".fi"; print ".PP"; usage = 0 }
        /^  / { print ".nf"; print; print ".fi"; next }
        { print; if (/[.:]$/) print ".br" }
        END { if (usage) print ".fi" }'
}

version=$("$program" --version)
commands=$("$program" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
cat <<END
.TH SPANWISE 1 "" "$version" "User Commands"
.nh
.ad l
.SH NAME
spanwise \\- passive auditor of API traffic
.SH SYNOPSIS
.B spanwise
.I COMMAND
[options]
.br
.B spanwise help
.I COMMAND
.br
.B spanwise \\-\\-version
.SH DESCRIPTION
spanwise listens to the HTTP traffic of an API, live on an interface (a mirror port) or from capture files, and never sends a packet.
It says what a cache could have answered at which lifetime, and how often that answer would have been stale; who asks how much and in
what bursts; and where the server's time goes.
The audit is one SQLite file (the DB) that can be read while it grows.
Credentials and bodies are replaced by keyed hashes before anything is counted: none is stored, logged or shown.
.PP
The result goes to standard output, messages and progress to standard error.
.SH COMMANDS
.nf
$("$program" --help | sed -n '/^  [a-z]*  /p' | words)
.fi
$(for name in $commands; do command_page "$name"; done)
.SH EXIT STATUS
.TP
.B 0
done; a damaged capture is read up to the damage, which is named
.TP
.B 1
failed while running; the DB is whole
.TP
.B 2
wrong usage
.TP
.B 3
the input is not readable as a capture
.SH ENVIRONMENT
.TP
.B SPANWISE_DB
the DB where none is named, instead of ./spanwise.db
.TP
.B NO_COLOR
if set and not empty, the dashboard has no colours
.TP
.B TMPDIR
where a DB stands that is needed only for one command
.TP
.B XDG_CONFIG_HOME
where the key of all pseudonyms is kept
.SH FILES
.TP
.I ~/.config/spanwise/secret
the key of all pseudonyms, made once; two machines whose pseudonyms shall be equal have the same (\\-\\-secret)
.TP
.I spanwise.db, spanwise.db\\-wal, spanwise.db\\-shm
the audit, 0600; copy it with sqlite3's .backup or VACUUM INTO while it is written
.SH EXAMPLES
.nf
spanwise report FILE.pcap
sudo spanwise doctor \\-i eth0
sudo spanwise capture \\-i eth0 \\-d audit.db
spanwise top audit.db
spanwise policy audit.db \\-\\-for nginx
spanwise whatif audit.db \\-\\-limit nginx:10:20
.fi
.SH SEE ALSO
.BR tcpdump (1),
.BR pcap\\-filter (7),
.BR varnishd (1),
.BR haproxy (1),
.BR nginx (8)
END
