/* What the command line says to people, on standard error; standard output is for what was asked. */
#ifndef BATON_CLI_SAY_H
#define BATON_CLI_SAY_H

#include "base/buf.h"
#include "base/value.h"
#include "trace/words.h"

/* "baton: what", then the remedy on a line of its own if it is not empty. One format over both, so the arguments of the remedy
 * follow those of `what`. Returns `code`. */
#define say_error(code, what, remedy, ...)                                                         \
    (say_problem("baton: " what "\n", remedy, ##__VA_ARGS__), (code))
#define say_problem(what, remedy, ...)                                                             \
    say_text(sizeof(remedy) > 1 ? what "  " remedy "\n" : what, ##__VA_ARGS__)
void say_text(const char *fmt, ...) PRINTF(1, 2);
/* One line without prefix: progress, notes. */
void say_line(const char *fmt, ...) PRINTF(1, 2);

/* Is it a terminal that shows colours? fd 1 or 2. */
bool say_colour(int fd);
bool say_terminal(int fd);
/* Columns and lines of the terminal on standard error; 80x24 if unknown. */
void say_size(unsigned *ret_columns, unsigned *ret_lines);
static inline Ink say_ink(int fd) { return (Ink){ .colour = say_colour(fd) }; }

/* Writes all of it to standard output; quietly gives up when it cannot. */
void out_str(Str s);
/* The errno of the first that could not; 0: all of it was written. */
int out_error(void);
/* Indented JSON and a newline. */
void out_json(Value v);

#endif
