/* What the engine itself says to models, as data: the kernel says it, `baton prompts` lists it. The words are part of what
 * a run is replayed with: other words are other requests. */
#ifndef BATON_KERNEL_PROMPTS_H
#define BATON_KERNEL_PROMPTS_H

#include "base/arena.h"

typedef struct Prompt {
    const char *name;
    const char *when;
    const char *text; /* {} stands for what it is about */
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

Str prompt_text(Arena *a, PromptName name, Str about);
/* Of an agent that the engine itself asks, by its name. */
Str prompt_named(Arena *a, Str name, Str about);

#endif
