/* Reading what the engine answered. */
#ifndef BATON_CLI_ANSWER_H
#define BATON_CLI_ANSWER_H

#include "base/value.h"

/* A member that is a text, a number or true; otherwise empty, 0, false. */
Str answer_text(Value v, const char *key);
long long answer_count(Value v, const char *key);
bool answer_yes(Value v, const char *key);
/* A text for people: it may come from models, commands and servers, and nothing in it may steer the terminal. */
Str answer_clean(Arena *a, Str s);

#endif
