/* privilege: the way down from root. Every step is checked, for a step that fails silently leaves a parser with power.
 */
#include "cmd/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool fail(char *why, size_t why_n, const char *what)
{
    snprintf(why, why_n, "cannot give up privileges: %s: %s", what, strerror(errno));
    return false;
}

/* Decimal digits alone; ids above 2^32 - 2 are none ((uid_t)-1 means "no change" to the kernel). */
static bool read_id(const char *text, unsigned *id)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    if (errno || *end || v >= 0xffffffff)
        return false;
    *id = (unsigned)v;
    return true;
}

/* The account of that name or, without a name, of that uid. False: there is none. */
static bool take_account(struct privilege *p, const char *name, uid_t uid)
{
    struct passwd account, *found = NULL;
    char text[16384];
    int failed = name ? getpwnam_r(name, &account, text, sizeof text, &found)
                      : getpwuid_r(uid, &account, text, sizeof text, &found);
    if (failed || !found)
        return false;
    p->uid = account.pw_uid;
    p->gid = account.pw_gid;
    snprintf(p->name, sizeof p->name, "%s", account.pw_name);
    return true;
}

static bool plan_user(const char *user, struct privilege *p)
{
    unsigned id;
    return take_account(p, user, 0) || (read_id(user, &id) && take_account(p, NULL, id));
}

/* Who called sudo. Root calling sudo is nobody in particular. */
static bool plan_sudo(struct privilege *p)
{
    unsigned uid, gid;
    if (!read_id(getenv("SUDO_UID"), &uid) || !read_id(getenv("SUDO_GID"), &gid) || uid == 0)
        return false;
    take_account(p, NULL, uid);
    p->uid = uid;
    p->gid = gid;
    return true;
}

static void plan_nobody(struct privilege *p)
{
    if (!plan_user("nobody", p))
        p->uid = p->gid = 65534;
}

/* Not root: stays who it is. */
static bool plan_same(const char *user, struct privilege *p, char *why, size_t why_n)
{
    if (user && (!plan_user(user, p) || p->uid != getuid())) {
        snprintf(why, why_n, "--user %.64s: only root can run as another user", user);
        return false;
    }
    p->uid = getuid();
    p->gid = getgid();
    return true;
}

bool privilege_plan(const char *user, struct privilege *p, char *why, size_t why_n)
{
    *p = (struct privilege){0};
    if (geteuid() != 0)
        return plan_same(user, p, why, why_n);
    if (user && !plan_user(user, p)) {
        snprintf(why, why_n, "--user %.64s: no such user", user);
        return false;
    }
    if (!user && !plan_sudo(p))
        plan_nobody(p);
    p->change = p->uid != 0;
    return true;
}

static bool change_user(const struct privilege *p, char *why, size_t why_n)
{
    if (p->name[0] ? initgroups(p->name, p->gid) : setgroups(0, NULL))
        return fail(why, why_n, "groups");
    if (setresgid(p->gid, p->gid, p->gid))
        return fail(why, why_n, "group id");
    if (setresuid(p->uid, p->uid, p->uid))
        return fail(why, why_n, "user id");
    return true;
}

/* Empties every set of the calling thread. The bounding set goes first, and only root can do that; for others
 * PR_SET_NO_NEW_PRIVS makes it meaningless. */
static void shrink_bounds(void)
{
    capng_clear(CAPNG_SELECT_BOUNDS);
    capng_apply(CAPNG_SELECT_BOUNDS);
}

static bool clear_capabilities(char *why, size_t why_n)
{
    capng_clear(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
    if (capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT))
        return fail(why, why_n, "capabilities");
    return true;
}

static bool limit_process(char *why, size_t why_n)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return fail(why, why_n, "no_new_privs");
    if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return fail(why, why_n, "core dumps");
    return true;
}

/* The way back must be shut. */
static bool verify(const struct privilege *p, char *why, size_t why_n)
{
    uid_t u[3];
    gid_t g[3];
    bool same = !getresuid(&u[0], &u[1], &u[2]) && !getresgid(&g[0], &g[1], &g[2]);
    for (unsigned i = 0; p->change && i < 3; i++)
        same = same && u[i] == p->uid && g[i] == p->gid;
    bool shut = !p->change || (setuid(0) && seteuid(0) && (p->gid == 0 || setgid(0)));
    capng_get_caps_process();
    if (same && shut && capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE)
        return true;
    snprintf(why, why_n, "privileges could be regained; refusing to go on");
    return false;
}

bool privilege_drop(const struct privilege *p, char *why, size_t why_n)
{
    capng_get_caps_process();
    shrink_bounds();
    if (p->change && !change_user(p, why, why_n))
        return false;
    return clear_capabilities(why, why_n) && limit_process(why, why_n) && verify(p, why, why_n);
}
