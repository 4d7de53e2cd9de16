/* Listening on the socket of a data directory. Internal to the server. */
#ifndef BATON_SERVER_SOCKET_H
#define BATON_SERVER_SOCKET_H

#include "base/base.h"

/* Binds DIR/sock, mode 0600, in place of what is there. -ERR_IO with errno. */
int socket_listen(const char *dir, int *ret_fd);
void socket_remove(const char *dir);

#endif
