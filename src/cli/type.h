/* A line typed at the terminal while the loop of a link goes on: an engine in this process still serves others, and what happens to a
 * run is heard while somebody thinks. */
#ifndef BATON_CLI_TYPE_H
#define BATON_CLI_TYPE_H

#include "cli/link.h"

typedef struct Typed { /* what was typed and not yet taken; zeroed at first */
    char text[4096];
    size_t n;
    bool ended; /* Ctrl-D */
} Typed;

/* Turns the loop until a line is there, or until link_quit(): true with the line, without its end. False otherwise; then
 * `typed->ended` tells the end of input. A line that is longer than there is room for comes in pieces. */
bool type_line(Link *l, Typed *typed, Arena *a, Str *ret_line);
/* Turns the loop for so long, or until link_quit(). */
void type_pause(Link *l, unsigned ms);

#endif
