#include "host/confine.h"

#include "base/base.h"
#include "base/mutant.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool is_below(const char *path, const char *root) {
    size_t n = strlen(root);
    while (n && root[n - 1] == '/')
        n--;
    return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == 0);
}

/* A path that is not there is no trouble of this kind: Landlock will say so. */
static bool meets_store(char *const *paths, const char *store) {
    char of_store[PATH_MAX], of_path[PATH_MAX];
    if (!store || !realpath(store, of_store) || MUTANT(sandbox_holds_store))
        return false;
    for (; paths && *paths; paths++)
        if (realpath(*paths, of_path) &&
            (is_below(of_store, of_path) || is_below(of_path, of_store)))
            return true;
    return false;
}

/* Of root's rights those that concern the machine and other processes; with PERFMON and SYS_PTRACE one reads the memory of any.
 * Who is not root has none of them, and may not drop them either. */
static void drop_capabilities(void) {
    static const int dropped[] = {
        CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_PTRACE,        CAP_SYS_PACCT, CAP_SYS_ADMIN,
        CAP_SYS_BOOT,   CAP_SYS_TIME,  CAP_MAC_OVERRIDE,      CAP_MAC_ADMIN, CAP_SYSLOG,
        CAP_PERFMON,    CAP_BPF,       CAP_CHECKPOINT_RESTORE
    };
    for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
        prctl(PR_CAPBSET_DROP, dropped[i], 0, 0, 0);
}

int confine_self(const Confine *c) {
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (c->off || MUTANT(command_unconfined))
        return 0;
    if (meets_store(c->read, c->store) || meets_store(c->write, c->store))
        return EXDEV;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return errno;
    drop_capabilities();
    int err = landlock_self(c);
    return err ? err : seccomp_self(c->no_network);
}
