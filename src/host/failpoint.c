#include "host/failpoint.h"

#ifdef BATON_TEST
#include "base/str.h"
#include "journal/vfs.h"

#include <stdlib.h>

static const struct {
    const char *name;
    VfsFailure failure;
} modes[] = {
    { "", VFS_KILL },           { ":kill", VFS_KILL },
    { ":io", VFS_IO_ONCE },     { ":io-from", VFS_IO_FROM },
    { ":full", VFS_FULL_ONCE }, { ":full-from", VFS_FULL_FROM },
};

/* A test that asks for what does not exist would pass for the wrong reason. */
static void arm(Str text) {
    size_t digits = 0;
    uint64_t k;
    while (digits < text.len && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    bool is_number = str_to_u64(str_slice(text, 0, digits), &k);
    ASSERT(is_number);
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (str_is(str_slice(text, digits, text.len), modes[i].name)) {
            vfs_fail_at(k, modes[i].failure);
            return;
        }
    }
    UNREACHABLE("mode of BATON_FAIL");
}

const char *failpoint_vfs(void) {
    Str text = str_from(getenv("BATON_FAIL"));
    if (!text.p || !str_starts(text, STR("vfs:")))
        return NULL;
    arm(str_slice(text, 4, text.len));
    return vfs_test();
}
#endif
