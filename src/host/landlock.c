/* Landlock by its raw system calls: the kernel is newer than the headers it is built with, so numbers stand here (uapi
 * linux/landlock.h of 6.12).
 *
 * Every domain denies by itself what moves files between folders (REFER), so that right is handled and given back for
 * everything. What else the domain of an ordinary command handles, device files, is only there because a domain has to handle
 * something: being in a domain is what keeps it from looking into processes outside of it. */
#include "host/confine.h"

#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VERSION_FLAG 1U
#define RULE_PATH_BENEATH 1

#define EXECUTE (1ULL << 0)
#define WRITE_FILE (1ULL << 1)
#define READ_FILE (1ULL << 2)
#define READ_DIR (1ULL << 3)
#define REMOVE_AND_MAKE (0x1ffULL << 4) /* REMOVE_DIR ... MAKE_SYM */
#define MAKE_CHAR (1ULL << 6)
#define MAKE_BLOCK (1ULL << 11)
#define REFER (1ULL << 13)    /* from version 2 */
#define TRUNCATE (1ULL << 14) /* from version 3 */
#define OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE)
#define SCOPE_ABSTRACT_SOCKET (1ULL << 0) /* from version 6 */
#define SCOPE_SIGNAL (1ULL << 1)

typedef struct Ruleset {
    uint64_t fs, net, scoped;
} Ruleset;
typedef struct __attribute__((packed)) PathRule {
    uint64_t allowed;
    int32_t parent;
} PathRule;

int landlock_version(void) {
    long v = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);
    return v > 0 ? (int)v : 0;
}

/* errno, or 0. What is not there: `optional` says whether that is trouble. */
static int allow(int ruleset, const char *path, uint64_t rights, bool optional) {
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return optional ? 0 : errno;
    PathRule rule = { .allowed = rights, .parent = fd };
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed &= OF_FILES;
    long r = rule.allowed ? syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0)
                          : 0;
    int err = r < 0 ? errno : 0;
    close(fd);
    return err;
}

static int allow_all(int ruleset, char *const *paths, uint64_t rights) {
    int err = 0;
    for (; paths && *paths && !err; paths++)
        err = allow(ruleset, *paths, rights, false);
    return err;
}

/* What a program needs to start and to find its libraries, certificates and time zones. */
static int allow_system(int ruleset) {
    static const char *const folders[] = { "/usr",   "/bin",    "/sbin", "/lib", "/lib32",
                                           "/lib64", "/libx32", "/etc",  "/opt", "/nix",
                                           "/gnu",   "/dev",    "/proc", "/sys" };
    int err = 0;
    for (size_t i = 0; i < ARRAY_LEN(folders) && !err; i++)
        err = allow(ruleset, folders[i], EXECUTE | READ_FILE | READ_DIR, true);
    return err;
}

static int allow_devices(int ruleset, uint64_t rights) {
    static const char *const devices[] = { "/dev/null",   "/dev/zero",    "/dev/full", "/dev/tty",
                                           "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/pts" };
    int err = 0;
    for (size_t i = 0; i < ARRAY_LEN(devices) && !err; i++)
        err = allow(ruleset, devices[i], rights & (OF_FILES | READ_DIR), true);
    return err;
}

static int add_rules(int ruleset, const Confine *c, uint64_t handled) {
    uint64_t reading = handled & (EXECUTE | READ_FILE | READ_DIR);
    int err = 0;
    if (c->reads) {
        err = allow_system(ruleset);
        if (!err)
            err = allow_all(ruleset, c->read, reading);
    }
    if (!err && c->writes)
        err = allow_devices(ruleset, handled);
    if (!err && c->writes)
        err = allow_all(ruleset, c->write, handled & ~(MAKE_CHAR | MAKE_BLOCK));
    if (!err && !c->writes)
        err = allow(ruleset, "/", REFER, false);
    return err;
}

static uint64_t rights_handled(const Confine *c, int version) {
    uint64_t handled = MAKE_CHAR | MAKE_BLOCK | REFER;
    if (c->reads)
        handled |= EXECUTE | READ_FILE | READ_DIR;
    if (c->writes)
        handled |= WRITE_FILE | REMOVE_AND_MAKE | (version >= 3 ? TRUNCATE : 0);
    return handled;
}

int landlock_self(const Confine *c) {
    int version = landlock_version();
    bool asked = c->reads || c->writes || c->no_network;
    if (version < (c->writes ? 3 : 2)) /* without TRUNCATE every file could be emptied */
        return c->reads || c->writes ? ENOTSUP : 0;
    Ruleset attr = { .fs = rights_handled(c, version) };
    if (asked && version >= 6)
        attr.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
    size_t size = version >= 6 ? sizeof(attr) : sizeof(attr.fs);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return errno;
    int err = add_rules(ruleset, c, attr.fs);
    if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        err = errno;
    close(ruleset);
    return err;
}
