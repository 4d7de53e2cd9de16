/* Scripts: who answers what in a test. A script has a name and lines; which line answers follows from what is asked:
 *
 *   the first whose `if` holds  >  the next in turn of those without one, the last of which goes on answering
 *
 * A script of a case stands before one of the file. Texts of a line may hold ${{ }} over what the asked one was given. */
#ifndef BATON_TRY_SCRIPT_H
#define BATON_TRY_SCRIPT_H

#include "base/value.h"

typedef enum ScriptKind {
    SCRIPT_AGENT,
    SCRIPT_TOOL,
    SCRIPT_ROUTE, /* its only name is "model" */
    SCRIPT_PERSON,
    SCRIPT_SIGNAL,
    SCRIPT_EVENT, /* by type */
} ScriptKind;
#define SCRIPT_KINDS 6

typedef struct ScriptLine {
    unsigned line; /* in the file */
    Value words;   /* a map, as it is written */
} ScriptLine;
typedef struct Script {
    Str name;
    unsigned number; /* of all scripts of a file, from 0 */
    unsigned line;
    ScriptLine *lines;
    size_t n;
} Script;
typedef struct Scripts {
    Script *items;
    size_t n;
} Scripts;

/* How often the lines of a script were asked for in a run, by its number. */
typedef struct ScriptTurns {
    uint32_t asked, taken; /* taken: of the lines without an `if` */
} ScriptTurns;

/* The first script with one of the names, the first name first. NULL: there is none. */
const Script *script_find(const Scripts *of_case, const Scripts *of_file, const Str *names,
                          size_t n);
/* The line that answers now. NULL: none does, or *ret_problem in `a` says what is wrong with an `if`; else it is empty. */
const ScriptLine *script_choose(const Script *s, ScriptTurns *turns, Value names, Arena *a,
                                Str *ret_problem);
/* Data with its ${{ }} evaluated over a map of names. False: *ret_problem. */
bool script_expand(Value data, Value names, Arena *a, Value *ret_value, Str *ret_problem);
/* An expression without the ${{ }} that may stand round the whole. */
Str script_bare(Str source);

#endif
