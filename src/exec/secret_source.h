/* Where the values of secrets come from: the environment of the engine, a file, or a command that prints them. From any
 * thread. What a command said is kept in memory until the process ends; a file is read each time. */
#ifndef BATON_EXEC_SECRET_SOURCE_H
#define BATON_EXEC_SECRET_SOURCE_H

#include "spec/plan.h"

typedef enum SecretFound {
    SECRET_THERE,
    SECRET_MISSING, /* *ret_problem: why, and what to do; never holds a value */
    SECRET_UNASKED, /* only the command knows, and it was not asked yet */
    SECRET_LATE,    /* missing: the command did not end in time */
} SecretFound;

/* Does not wait for a command. `dir`: of the run, where its main file is. Results are in the arena. */
SecretFound secret_look(const SecretsFrom *from, Str dir, Str name, Arena *a, Str *ret_value,
                        Str *ret_problem);
/* The same, and asks the command where it must: that takes up to ten seconds. Commands are asked one after the other. */
SecretFound secret_ask(const SecretsFrom *from, Str dir, Str name, Arena *a, Str *ret_value,
                       Str *ret_problem);

/* The value of `name` in the text of a file: lines NAME=value, blank ones and # comments; the last line of a name counts.
 * Quotes around a whole value go, nothing else is changed. False if there is none: *ret_bad is then the number of a line
 * that is none of these, or 0. Borrows from `text`. */
bool secret_in_text(Str text, Str name, Str *ret_value, size_t *ret_bad);

/* secret_command.c: runs `words` in `folder`; false with a problem. `name` is the last of the words. */
SecretFound secret_run(const SecretsFrom *from, Str folder, Str name, Arena *a, Str *ret_value,
                       Str *ret_problem);

#endif
