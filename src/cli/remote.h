/* One HTTP request to the engine's socket, on a libuv loop. By hand rather than by libcurl because both ends are ours, a
 * command has one loop for the socket, its timers and its signals, and loading libcurl takes longer than asking. */
#ifndef BATON_CLI_REMOTE_H
#define BATON_CLI_REMOTE_H

#include "server/api.h"

#include <uv.h>

typedef struct Remote Remote;
/* Takes the connected socket. After `end` or `lost` it is gone; both may be called only from the loop. */
Remote *remote_call(uv_loop_t *loop, int fd, const ApiRequest *request, const ApiSink *sink,
                    void (*lost)(void *ctx), void *ctx);
/* Nothing is called any more. */
void remote_hangup(Remote *r);

#endif
