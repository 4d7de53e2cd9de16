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

/* Until it listens, so that who finds the socket can connect. */
#define SOCKET_NEW SERVER_SOCKET ".new"

static int open_dir(const char *dir) { return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC); }

static struct sockaddr_un address_of(int dir_fd, const char *name) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
    return address;
}

static int connect_in(int fd, const char *dir) {
    int dir_fd = open_dir(dir);
    if (dir_fd < 0)
        return -1;
    struct sockaddr_un address = address_of(dir_fd, SERVER_SOCKET);
    int result = connect(fd, (const struct sockaddr *)&address, sizeof address);
    close(dir_fd);
    return result;
}

int server_connect(const char *dir, int *ret_fd) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect_in(fd, dir) != 0) {
        if (fd >= 0)
            close(fd);
        return -ERR_IO;
    }
    *ret_fd = fd;
    return 0;
}

void socket_remove(const char *dir) {
    int dir_fd = open_dir(dir);
    if (dir_fd < 0)
        return;
    unlinkat(dir_fd, SERVER_SOCKET, 0);
    close(dir_fd);
}

static int listen_in(int fd, int dir_fd) {
    struct sockaddr_un address = address_of(dir_fd, SOCKET_NEW);
    unlinkat(dir_fd, SOCKET_NEW, 0);
    mode_t before = umask(0177); /* the file must never exist with wider rights, not for a moment */
    int result = bind(fd, (const struct sockaddr *)&address, sizeof address);
    umask(before);
    if (result == 0)
        result = listen(fd, 128);
    return result == 0 ? renameat(dir_fd, SOCKET_NEW, dir_fd, SERVER_SOCKET) : result;
}

int socket_listen(const char *dir, int *ret_fd) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int dir_fd = open_dir(dir);
    int result = fd >= 0 && dir_fd >= 0 ? listen_in(fd, dir_fd) : -1;
    if (dir_fd >= 0)
        close(dir_fd);
    if (result == 0)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    return result == 0 ? 0 : -ERR_IO;
}
