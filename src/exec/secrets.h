/* Secrets enter a request when it is sent, and nothing that comes back lets them out: what an executor completes with goes
 * into the journal. */
#ifndef BATON_EXEC_SECRETS_H
#define BATON_EXEC_SECRETS_H

#include "engine/ports.h"

/* Puts values from the environment in place of the marks in `a->request`. False if one is not there: `ret_name`. */
bool secrets_fill(Attempt *a, Str *ret_name);
/* A text, or JSON text, with `[secret NAME]` wherever a value stood. Borrowed where nothing had to change. */
Str secrets_hide_text(Attempt *a, Str text);
Str secrets_hide_json(Attempt *a, Str json);

#endif
