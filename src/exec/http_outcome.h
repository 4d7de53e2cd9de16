/* What an HTTP exchange says about the effect: definite or unknown. Pure; the table is docs/effects.md, and a test reads
 * it from there. */
#ifndef BATON_EXEC_HTTP_OUTCOME_H
#define BATON_EXEC_HTTP_OUTCOME_H

#include "exec/http_client.h"
#include "kernel/fact.h"
#include "spec/plan.h"

typedef struct HttpOutcome {
    Outcome outcome;
    Sent sent;
    ErrorKind kind; /* KIND_NONE when ok */
} HttpOutcome;

/* `status` counts only for HTTP_ANSWERED. */
HttpOutcome http_outcome(HttpEnd end, bool sent, int status, Effect effect);
/* "Not Found"; empty for a status without a common name. */
const char *http_status_name(int status);

#endif
