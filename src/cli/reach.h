/* Asking the server of a provider, from a command: is it there, which models does it have? Costs nothing at any of them. */
#ifndef BATON_CLI_REACH_H
#define BATON_CLI_REACH_H

#include "exec/provider.h"

enum { REACH_E_FAILED = 1 };
/* GET {url}/models with the key of the way. On REACH_E_FAILED *ret_problem says why. */
int reach_models(Arena *a, const ProviderWay *way, Str **ret_models, size_t *ret_n,
                 Str *ret_problem);

#endif
