/* Waiting until somebody saves: the files a workflow is made of, watched by their directories, because editors put a new file in
 * the place of the old one. */
#ifndef BATON_CLI_SAVES_H
#define BATON_CLI_SAVES_H

#include "base/arena.h"

typedef struct Saves Saves;

/* Watches `file` and its project (the nearest folder upward with a baton.yaml). NULL if it cannot be watched, said. */
Saves *saves_new(const char *file);
Saves *saves_free(Saves *s);
/* From now on these are the files that count, besides `file`: names as in a closure. */
void saves_watch(Saves *s, const Str *names, size_t n);
/* What is there now is known: the next saves_wait() waits for something else. Call before reading the files. */
void saves_look(Saves *s);
/* `any`: whatever is saved in the directories counts, because the file as it is does not say what it is made of. False when
 * Ctrl-C came. */
bool saves_wait(Saves *s, bool any);

#endif
