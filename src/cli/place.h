/* Where things are: the data directory, files, and the run that a person means. */
#ifndef BATON_CLI_PLACE_H
#define BATON_CLI_PLACE_H

#include "cli/command.h"
#include "cli/link.h"

/* --data, else .baton in the nearest folder upward that has one (or a baton.yaml), else .baton here. */
const char *place_data(const Args *args);
/* Opens the link and says what went wrong: an exit code, or 0. For LINK_READ where nothing is stored: EXIT_NOT_FOUND. */
int place_open(const Args *args, LinkMode mode, Link **ret_link);
/* A whole file (path "-": standard input), at most max bytes, in the arena. EXIT_USAGE with a message, or 0. */
int place_read_file(Arena *a, const char *path, size_t max, Str *ret_text);
/* A file beside `path`, which is not there, that may be meant; STR_NULL if none is called nearly so. */
Str place_near_file(Arena *a, const char *path);
/* Absolute path of the folder that `path` stands in. */
Str place_folder_of(Arena *a, const char *path);

/* The id of the run that `text` means: an id, the beginning of exactly one, or `last`. EXIT_NOT_FOUND with a message. */
int place_run(const Args *args, Link *l, const char *text, Str *ret_id);
/* The first word names a run to look at: opens the link for reading and finds it. An exit code with a message, or 0. */
int place_open_run(const Args *args, Link **ret_link, Str *ret_id);
/* Asks and reads the JSON answer. A problem is said and becomes an exit code; `ret_answer` is then what was answered. */
int place_ask(const Args *args, Link *l, ApiMethod method, Str path, Str query, Value body,
              Value *ret_answer);
/* The same where the answer is text for people, written to standard output. */
int place_ask_text(const Args *args, Link *l, Str path, Str query);
/* One route, as text for people or as JSON with --json. */
int place_print(const Args *args, Link *l, Str path, Str query);
/* "/v1/runs/ID/rest", encoded. */
Str place_run_path(Arena *a, Str id, const char *rest);
Str place_encode(Arena *a, Str s);
/* Who asks, for the journal. */
Str place_user(void);

#endif
