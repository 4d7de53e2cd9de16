/* Files to begin with: what `baton init` and `baton new` write. Each runs as it is, with the model that was found or, where
 * none is, with replies that stand in a file beside it. */
#ifndef BATON_CLI_STARTER_H
#define BATON_CLI_STARTER_H

#include "base/arena.h"

typedef struct Pattern {
    const char *name;
    const char *says;    /* one line */
    const char *text;    /* the workflow; MODEL and FILE stand for the model and its own name */
    const char *replies; /* of the scripted model */
} Pattern;
/* Sorted by name. */
extern const Pattern patterns[];
extern const size_t patterns_count;
extern const Pattern pattern_hello;
extern const char machine_text[], router_text[], supervisor_text[], team_text[], vote_text[];

/* The model to begin with, from keys in the environment and an Ollama on this machine, and how it was found. */
typedef struct StarterModel {
    Str model; /* "openai/gpt-5-mini"; empty: none, so replies are scripted */
    Str found; /* "OPENAI_API_KEY is set" */
} StarterModel;
StarterModel starter_model(Arena *a);

/* One file that must not be there yet. EXIT_CONFLICT or another exit code with a message, or 0. */
int starter_write(Str path, Str text);
/* What a pattern's file is written with; an empty model stands for scripted replies beside the file. */
typedef struct StarterFile {
    Str file;
    Str model;   /* as the file names it: `openai/gpt-5-mini`, or an alias of the project */
    Str replies; /* the file of replies to be written too; empty: none */
} StarterFile;
/* For a model that was found, or not. */
StarterFile starter_file(Arena *a, Str file, Str model);
/* The workflow, and its replies where it needs them. An exit code or 0. */
int starter_write_pattern(Arena *a, const Pattern *pattern, const StarterFile *to);

#endif
