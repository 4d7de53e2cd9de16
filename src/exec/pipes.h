/* The three pipes of a process that is to be started. */
#ifndef BATON_EXEC_PIPES_H
#define BATON_EXEC_PIPES_H

#include <stddef.h>

/* Standard input, output and error: `ours` are non-blocking, `theirs` are as every program expects them. 0 or an errno, and then
 * nothing is open. */
int pipes_make(int ours[3], int theirs[3]);
void pipes_close(const int fds[3]);

#endif
