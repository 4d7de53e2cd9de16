/* An expression over a map of names, compiled and evaluated at once: for whoever tries one. */
#ifndef BATON_CEL_MAP_NAMES_H
#define BATON_CEL_MAP_NAMES_H

#include "cel/cel.h"

/* `names` is a map; its keys are the names. 0 or CEL_E_*; an offset of the error is one into `source`. */
int cel_try(Arena *a, Str source, Value names, Value *ret_value, CelError *ret_error);

#endif
