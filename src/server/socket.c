/* The socket in the data directory. A unix socket's path has at most 107 bytes, a directory's has more: the path goes
 * through the open directory, /proc/self/fd/N/sock. */
#include "server/socket.h"

#include "server/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Binds or connects to the address of the socket in `dir`. */
static int with_address(int fd, const char *dir, bool binds) {
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -1;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SERVER_SOCKET, dir_fd);
    int result = binds ? bind(fd, (const struct sockaddr *)&address, sizeof address)
                       : connect(fd, (const struct sockaddr *)&address, sizeof address);
    close(dir_fd);
    return result;
}

int server_connect(const char *dir, int *ret_fd) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || with_address(fd, dir, false) != 0) {
        if (fd >= 0)
            close(fd);
        return -ERR_IO;
    }
    *ret_fd = fd;
    return 0;
}

void socket_remove(const char *dir) {
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return;
    unlinkat(dir_fd, SERVER_SOCKET, 0);
    close(dir_fd);
}

int socket_listen(const char *dir, int *ret_fd) {
    socket_remove(dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -ERR_IO;
    mode_t before = umask(0177); /* the file must never exist with wider rights, not for a moment */
    int result = with_address(fd, dir, true);
    umask(before);
    if (result != 0 || listen(fd, 128) != 0) {
        close(fd);
        return -ERR_IO;
    }
    *ret_fd = fd;
    return 0;
}
