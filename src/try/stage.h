/* The stage: one case of a test, run once. The real engine runs the real workflow; what is outside of it is played by scripts.
 *
 *   stage_run:  start -> attempts answered (answer.c), people and signals (people.c) -> until nothing comes any more
 *               -> what was stored is folded again, every move compared -> the names that expectations see (names.c) */
#ifndef BATON_TRY_STAGE_H
#define BATON_TRY_STAGE_H

#include "try/cassette.h"
#include "try/file.h"
#include "try/world.h"

/* Where the files of scripted models and recordings come from: whole, or *ret_problem. */
typedef struct StageFiles {
    void *ctx;
    bool (*read)(void *ctx, Str path, Arena *a, Str *ret_text, Str *ret_problem);
} StageFiles;

typedef struct StageBeside { /* a workflow whose `on` starts runs */
    Plan *plan;
    Str closure, dir;
} StageBeside;

typedef struct StageOptions {
    const TryFile *file;
    const TryCase *one;
    const Plan *plan;
    Str closure, dir; /* of the workflow's folder */
    const StageBeside *beside;
    size_t n_beside;
    uint64_t seed;
    const Cassette *cassette; /* NULL: none */
    StageFiles files;
} StageOptions;

typedef struct StageNote {
    Str text;
    struct StageNote *next;
} StageNote;

typedef struct StageCount {
    Str name;
    int64_t n;
} StageCount;

typedef struct
    StageAsked { /* what people or signals were waited for, so that each is answered once */
    Str key;
    struct StageAsked *next;
} StageAsked;

typedef struct Stage {
    Arena *arena;
    const StageOptions *options;
    World *world;
    ScriptTurns *turns;
    StageCount *counts; /* by name of the callee */
    size_t n_counts, room_counts;
    StageAsked *handled;
    ListBuilder asked; /* what people were asked */
    Str *runs;         /* ids, the first is the case's */
    size_t n_runs, room_runs;
    StageNote *problems, **problems_end; /* the case fails for these, whatever it expects */
    Str waits_for;                       /* what nobody answers; empty: nothing */
} Stage;

typedef struct StageResult {
    bool started;
    RunStatus status; /* of the run, where it came to */
    bool finished;
    Value names; /* that expectations see */
    Str tree;    /* as `baton trace` draws it */
    int64_t took_ms;
    const StageNote *problems;
    Str waits_for;
} StageResult;

/* Everything of the result is in `a`. */
void stage_run(const StageOptions *options, Arena *a, StageResult *ret);

/* ---- parts ----------------------------------------------------------------------------------------------------------- */

void stage_problem(Stage *s, const char *fmt, ...) PRINTF(2, 3);
void stage_count(Stage *s, Str name);
/* A script of the case, or of the file. */
const Script *stage_script(const Stage *s, ScriptKind kind, const Str *names, size_t n);
/* NULL, with the problem told, if an `if` is wrong. */
const ScriptLine *stage_choose(Stage *s, const Script *script, Value names);
/* A word of a line with its expressions evaluated; absent: it is not there, or the problem is told. */
Value stage_word(Stage *s, const ScriptLine *line, const char *word, Value names);
int64_t stage_ms(const ScriptLine *line, const char *word);

void answer_attempt(Stage *s, Attempt *a);
/* Whoever is asked and has a script is arranged to answer. Says in waits_for who has none. */
void people_look(Stage *s);

#endif
