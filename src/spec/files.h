/* The files of one compilation: a workflow and what it names. The compiler does no I/O: it is given texts by name, and what
 * it lacks it lists, so that its caller can fetch it and try again.
 *
 * A name is a path from the project's folder, with `/` between its parts and without `.` or `..`: "shared/agents.yaml".
 * The project file is "baton.yaml", and nothing else is called so. */
#ifndef BATON_SPEC_FILES_H
#define BATON_SPEC_FILES_H

#include "spec/plan.h"
#include "spec/table.h"
#include "spec/yaml.h"

#define FILE_PROJECT STR("baton.yaml")

typedef enum SourceKind { SOURCE_NEW, SOURCE_YAML, SOURCE_TEXT, SOURCE_CARD } SourceKind;
typedef struct Source {
    Str name, text;
    Str problem; /* why there is no text; empty if there is */
    YamlFile yaml;
    SourceKind kind;
    bool good;        /* it could be read */
    const Yaml *body; /* a prompt's or a card's text below its front matter */
    bool *keep;       /* by line from 1: is part of what a run is pinned to; NULL: nothing is */
    bool whole;       /* all of it is */
    Plan *plan;       /* it is, or is being, read as a workflow */
    bool called;      /* by another workflow */
} Source;

typedef struct Files Files;
struct Files {
    Arena *arena;
    Diags *diags;
    Source *main;
    Source **items; /* in the order given */
    size_t n;
    Table names;
    bool played;      /* plan_compile_played() */
    PlanNeeds *needs; /* what is missing goes here; NULL: it is a problem */
    Table asked;
    Source **called; /* workflows that are called, first come first */
    size_t n_called;
    bool says[PROMPT_COUNT]; /* prompts of the engine that can be said */
    unsigned depth;          /* of workflows that are read, each for the one that calls it */
};

/* Opens a closure's bytes; false if they are none. `needs` may be NULL. */
bool files_open(Files *f, Arena *a, Str closure, Diags *diags, PlanNeeds *needs);
/* NULL if there is no such file. */
Source *files_get(const Files *f, Str name);
/* The file that the scalar `at` names, relative to the file it stands in. NULL: it is refused, or it is wanted. */
Source *files_named(Files *f, const Yaml *at);
/* Its tree, read once; NULL when it is refused. */
const Yaml *source_root(Files *f, Source *s);
/* As text: `body` is the whole, or for a card what follows the front matter, which is then the root. NULL when refused. */
const Yaml *source_body(Files *f, Source *s);
const Yaml *source_card(Files *f, Source *s);
static inline Source *source_of(const YamlFile *yaml) {
    return (Source *)((uintptr_t)yaml - offsetof(Source, yaml));
}

/* A workflow that is called: it is read with the one that calls it, and pinned with it. True the first time. */
bool files_call(Files *f, Source *s);
/* Part of what a run is pinned to. */
void source_keep(Files *f, Source *s, unsigned first_line, unsigned last_line);

/* `path` as it stands in the file `base`, as a name; false if it leaves the project or is no path. */
bool path_join(Arena *a, Str base, Str path, Str *ret_name);
/* The way to the file `name` from the folder that the file `base` stands in: "../shared/x". */
Str path_from(Arena *a, Str base, Str name);

#endif
