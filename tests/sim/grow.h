/* What the files that grow workflows share; nobody else includes it. */
#ifndef BATON_TESTS_SIM_GROW_H
#define BATON_TESTS_SIM_GROW_H

#include "sim.h"

typedef struct Grow {
    Tape *tape;
    Buf out;
    unsigned steps, signals, names;
    bool calm;
    bool chosen; /* the verb around it says whether this step runs: it has no `if` */
} Grow;

void grow_line(Grow *g, unsigned depth, const char *fmt, ...) PRINTF(3, 4);
/* A verb and its modifiers, of a step whose name stands above it. */
void grow_verb(Grow *g, unsigned depth);
/* One of the patterns of orchestration, with whatever else inside. */
void grow_shape(Grow *g, unsigned depth);
/* The agents that they name. */
void grow_agents(Grow *g);

#endif
