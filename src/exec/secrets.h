/* Secrets enter a request when it is sent, and nothing that comes back lets them out: what an executor completes with goes
 * into the journal. */
#ifndef BATON_EXEC_SECRETS_H
#define BATON_EXEC_SECRETS_H

#include "engine/ports.h"
#include "exec/secret_source.h"

/* Puts values in place of the marks in `a->request`. If one is missing or not asked for yet the request is as it was, and
 * *ret_lacks is the first of those. */
SecretFound secrets_fill(Attempt *a, const Secret **ret_lacks);
/* A text, or JSON text, with `[secret NAME]` wherever a value stood. Borrowed where nothing had to change. */
Str secrets_hide_text(Attempt *a, Str text);
Str secrets_hide_json(Attempt *a, Str json);

#endif
