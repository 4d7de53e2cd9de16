/* What the engine itself says to models, as data: the kernel says it, `baton prompts` lists it. A file of the project may stand
 * in the place of each. The words are part of what a run is replayed with: other words are other requests. */
#ifndef BATON_SPEC_PROMPTS_H
#define BATON_SPEC_PROMPTS_H

#include "base/arena.h"

typedef struct Plan Plan;
typedef struct Files Files;

/* Below the project's folder: NAME.md for each that the project has of its own. */
#define PROMPT_FOLDER "prompts/engine/"

typedef enum PromptUser { FOR_AGENTS, FOR_TEAM, FOR_SUPERVISE, FOR_ROUTE } PromptUser;
typedef struct Prompt {
    PromptUser user;   /* who has it said; a workflow without any is not pinned to it */
    const char *about; /* what {} stands for; NULL: there is none */
    const char *name;
    const char *when;
    const char *text;
} Prompt;
typedef enum PromptName {
    PROMPT_CONDITION,
    PROMPT_HANDOFF,
    PROMPT_HANDOFF_CONTEXT,
    PROMPT_HANDOFF_LOOP,
    PROMPT_HANDOFF_REFUSED,
    PROMPT_HANDOFF_RETURNED,
    PROMPT_HANDOFF_WATCHED,
    PROMPT_MERGE,
    PROMPT_PLAN,
    PROMPT_REPAIR,
    PROMPT_REPLAN,
    PROMPT_REPLAN_ALL,
    PROMPT_REVISE,
    PROMPT_ROUTE,
    PROMPT_SUMMARY,
    PROMPT_TOOL_DENIED,
    PROMPT_TOOL_FAILED,
    PROMPT_TOOL_LOOP,
    PROMPT_TOOL_UNKNOWN,
    PROMPT_COUNT
} PromptName;
extern const Prompt prompts[PROMPT_COUNT];

/* NULL, STR_NULL: there is none, none is called nearly so. */
const Prompt *prompt_find(Str name);
Str prompt_near(Str name);
bool prompt_is_file(Str name);
/* What the file would be called that has it. */
Str prompt_file(Arena *a, PromptName name);

/* Those of the project's own, from its files: borrowed texts; what the project does not have is left alone. */
void prompts_read(Files *f, Str ret_texts[PROMPT_COUNT]);
/* Those that the steps of a plan can have said are part of what it is pinned to: notes which. */
void prompts_keep(const Plan *plan, Files *f);

/* As the plan has it. */
Str prompt_text(const Plan *plan, Arena *a, PromptName name, Str about);
/* Of an agent that the engine itself asks, by its name. */
Str prompt_named(const Plan *plan, Arena *a, Str name, Str about);

#endif
