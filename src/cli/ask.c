#include "cli/ask.h"

#include "cli/say.h"

#include <stdio.h>
#include <stdlib.h>

bool ask_possible(void) { return say_terminal(0) && say_terminal(2); }

bool ask_line(Arena *a, Str prompt, Str *ret_line) {
    char *line = NULL;
    size_t room = 0;
    say_text("%.*s", STR_FMT(prompt));
    ssize_t n = getline(&line, &room, stdin);
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    if (n >= 0)
        *ret_line = arena_str(a, (Str){ line, (size_t)n });
    else
        say_text("\n");
    free(line);
    return n >= 0;
}
