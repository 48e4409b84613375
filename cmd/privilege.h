/* privilege: who the process becomes once the interface is open. Parsers of hostile bytes never run as root, and what
 * they become can never be root again.
 *
 * Order of a capture: privilege_plan (its uid and gid will own every file the process writes: create or chown the DB
 * and see that they may write its folder, SQLite makes the WAL beside it) > open the interface > privilege_drop > open
 * the DB, start threads, read packets. Capabilities belong to threads, so there must be one when privilege_drop is
 * called. */
#ifndef CMD_PRIVILEGE_H
#define CMD_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct privilege {
    uid_t uid;
    gid_t gid;
    char name[64]; /* empty: the uid has no account; then it gets no supplementary groups */
    bool change;   /* the process is root and will become another user */
};

/* Tells who the process will be, and changes nothing: `user` (--user; a name or a uid; NULL: not given), else the one
 * who called sudo, else nobody; whoever it is now when it is not root. False with one line in why (why_n bytes): no
 * such user, or another user wanted without being root. "--user root" is obeyed; the capabilities go all the same. */
bool privilege_plan(const char *user, struct privilege *p, char *why, size_t why_n);

/* Becomes p for good: groups, gid, uid, no capabilities, no new ones through exec, no core dumps, not traceable by
 * other processes of the user. Checks that the way back is shut. False with one line in why: the caller must exit, for
 * the process may be half changed. Costs access to /proc/self/fd and the like, which then belong to root. */
bool privilege_drop(const struct privilege *p, char *why, size_t why_n);

#endif
