/* The one place where a request meets spec/egress.h: when libcurl is about to open a socket to an address, and again before the
 * first byte of the request, because a connection that is open already asks for no socket. */
#ifndef BATON_EXEC_HTTP_EGRESS_H
#define BATON_EXEC_HTTP_EGRESS_H

#include "exec/http_client.h"

/* Has the call's `easy` ask; what it denies `denial` says. */
void http_egress_guard(HttpCall *call);

#endif
