/* A run told again: its facts applied by the kernel, with a listener that sees the run after each of them. The journal keeps
 * what came back; what was seen and sent on the way - names, requests - follows from it. For the reader thread. */
#ifndef BATON_SERVER_RETELL_H
#define BATON_SERVER_RETELL_H

#include "server/call.h"

/* See engine_retell(). False: why not is left for call_result(). */
bool retell(ApiCall *call, Store *store, EngineLook look, void *ctx);
/* The step itself, or an item, a round, a turn or a child of it; an empty step is the run. */
bool address_is_within(Str address, Str step);

#endif
