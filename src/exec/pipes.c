#include "exec/pipes.h"

#include <errno.h>
#include <unistd.h>
#include <uv.h>

static void close_all(const int *fds, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

void pipes_close(const int fds[3]) { close_all(fds, 3); }

/* fds: [0] and [1] a pipe, in pairs. */
int pipes_make(int ours[3], int theirs[3]) {
    int fds[6] = { -1, -1, -1, -1, -1, -1 };
    for (int i = 0; i < 3; i++)
        if (uv_pipe(fds + i * 2, i == 0 ? 0 : UV_NONBLOCK_PIPE, i == 0 ? UV_NONBLOCK_PIPE : 0)) {
            int err = errno;
            close_all(fds, 6);
            return err;
        }
    for (int i = 0; i < 3; i++) {
        ours[i] = fds[i * 2 + (i == 0)];
        theirs[i] = fds[i * 2 + (i != 0)];
    }
    return 0;
}
