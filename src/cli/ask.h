/* Asking the person at the terminal. Nobody is asked where standard input or standard error is no terminal, so a script
 * never hangs on a question. */
#ifndef BATON_CLI_ASK_H
#define BATON_CLI_ASK_H

#include "base/arena.h"

bool ask_possible(void);
/* Writes the prompt to standard error and reads one line, without its end. False at the end of input (Ctrl-D). */
bool ask_line(Arena *a, Str prompt, Str *ret_line);

#endif
