/* Server-sent events, cut out of bytes as they arrive. */
#ifndef BATON_CLI_SSE_H
#define BATON_CLI_SSE_H

#include "base/buf.h"

/* Adds `bytes` to what is pending and calls `event` for each event that is whole. */
void sse_take(Buf *pending, Str bytes, void (*event)(void *ctx, Str name, Str data), void *ctx);

#endif
