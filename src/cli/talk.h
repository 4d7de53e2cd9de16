/* What a run asks, asked at the terminal that watches it, while the loop goes on. */
#ifndef BATON_CLI_TALK_H
#define BATON_CLI_TALK_H

#include "cli/command.h"
#include "cli/type.h"

typedef enum TalkEnd {
    TALK_DECIDED,
    TALK_LATER,     /* it stays in the inbox */
    TALK_WITHDRAWN, /* somebody else decided meanwhile, or nothing is asked there */
    TALK_REFUSED,   /* the answer does not count; why was said */
    TALK_STOPPED,   /* link_quit() was called for another reason */
} TalkEnd;

typedef struct Talk {
    const Args *args;
    Link *link;
    Typed typed;
    Str about;      /* the address of what is asked; empty: nothing is */
    bool withdrawn; /* set it, and call link_quit(): nobody wants an answer any more */
    bool stopped;
} Talk;

TalkEnd talk(Talk *t, Link *l, Str run, Str address);

#endif
