/* The API on a socket: HTTP/1.1 by libmicrohttpd, driven by the libuv loop through its epoll descriptor.
 *
 * The socket is a file in the data directory, mode 0600: whoever may read the directory may use it. Framing that two parsers
 * could read in two ways is refused before dispatch. */
#ifndef BATON_SERVER_SERVER_H
#define BATON_SERVER_SERVER_H

#include "server/api.h"

#include <uv.h>

typedef struct Server Server;

/* Listens on `dir`/sock, replacing a socket that nobody listens on: the caller holds the directory's lock. `problem` (256
 * bytes) says what, where and why. */
int server_open(Api *api, uv_loop_t *loop, const char *dir, Server **ret_server, char *problem);
/* Connections open now. */
size_t server_connections(const Server *s);
/* Removes the socket and closes every connection. Then run the loop once more, so that handles close. NULL gives NULL. */
Server *server_close(Server *s);

#define SERVER_SOCKET "sock"
/* Connects to or binds the socket of `dir`, however long its path is. -ERR_IO: nobody listens there. */
int server_connect(const char *dir, int *ret_fd);

#endif
