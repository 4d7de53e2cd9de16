/* Attempts that wait for a command to print a secret: it is asked on a thread of the pool, so that the loop goes on. That is
 * rare - after a restart of the engine, or a start without a look before it - as what it says is kept. */
#ifndef BATON_EXEC_SECRET_ASK_H
#define BATON_EXEC_SECRET_ASK_H

#include "exec/exec.h"

/* `then` on the loop, later: `problem` is empty if the secret is there now. */
void asking_begin(Exec *x, Attempt *a, Str name,
                  void (*then)(Exec *x, Attempt *a, Str name, Str problem));
/* `then` will not be called; false if the attempt does not wait here. */
bool asking_stop(Exec *x, const Attempt *a);
/* The same for all; the loop is alive until the last command has ended. */
void asking_close(Exec *x);

#endif
