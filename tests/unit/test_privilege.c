/* privilege: each case in a child of its own, for there is no way back. Without root only the last case says much. */
#include "cmd/privilege.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit code of `body` in a child. */
static int in_child(int (*body)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(body());
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* 0 when nothing of root is left; else the number of the check that failed. */
static int powerless(uid_t uid, gid_t gid)
{
    struct rlimit core;
    if (getuid() != uid || geteuid() != uid || getgid() != gid || getegid() != gid)
        return 10;
    if (uid && (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0))
        return 11;
    if (socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0)
        return 12;
    if (uid && open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0)
        return 13;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 14;
    if (getrlimit(RLIMIT_CORE, &core) || core.rlim_cur || core.rlim_max)
        return 15;
    return 0;
}

static int drop_as(const char *user)
{
    struct privilege p;
    char why[200];
    if (!privilege_plan(user, &p, why, sizeof why) || !privilege_drop(&p, why, sizeof why))
        return 1;
    return powerless(p.uid, p.gid);
}

static int drop_nobody(void)
{
    unsetenv("SUDO_UID");
    return drop_as(NULL) ? 1 : geteuid() != 65534;
}

static int drop_sudo(void)
{
    setenv("SUDO_UID", "4321", 1);
    setenv("SUDO_GID", "4322", 1);
    return drop_as(NULL) ? 1 : getuid() != 4321 || getgid() != 4322 || getgroups(0, NULL) != 0;
}

static int drop_named(void)
{
    setenv("SUDO_UID", "4321", 1);
    setenv("SUDO_GID", "4322", 1);
    return drop_as("daemon") ? 1 : getuid() != 1;
}

static int drop_root(void)
{
    return drop_as("root") ? 1 : getuid() != 0;
}

/* Already an ordinary user: nothing to change, everything to shut. */
static int drop_same(void)
{
    if (getuid() == 0 && (setgid(4322) || setuid(4321)))
        return 2;
    return drop_as(NULL);
}

static int another_without_root(void)
{
    struct privilege p;
    char why[200] = "";
    if (getuid() == 0 && (setgid(4322) || setuid(4321)))
        return 2;
    if (privilege_plan("daemon", &p, why, sizeof why) || !strstr(why, "only root"))
        return 3;
    return 0;
}

static void test_down(void **state)
{
    (void)state;
    assert_int_equal(in_child(drop_same), 0);
    assert_int_equal(in_child(another_without_root), 0);
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(drop_nobody), 0);
    assert_int_equal(in_child(drop_sudo), 0);
    assert_int_equal(in_child(drop_named), 0);
    assert_int_equal(in_child(drop_root), 0);
}

static void test_plan(void **state)
{
    (void)state;
    struct privilege p;
    char why[200];
    if (geteuid() != 0)
        skip();
    assert_false(privilege_plan("no-such-user", &p, why, sizeof why));
    assert_string_equal(why, "--user no-such-user: no such user");
    setenv("SUDO_UID", "0", 1);
    setenv("SUDO_GID", "0", 1);
    assert_true(privilege_plan(NULL, &p, why, sizeof why));
    assert_string_equal(p.name, "nobody");
    setenv("SUDO_UID", "4294967295", 1);
    assert_true(privilege_plan(NULL, &p, why, sizeof why));
    assert_string_equal(p.name, "nobody");
    assert_true(p.change);
    unsetenv("SUDO_UID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_down), cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
