/* What was accepted of a set's tools: trust on first use, kept by the store for the whole installation.
 *
 *   a tool used for the first time   what its server says of it (tools.h: its face) is accepted, and kept
 *   it says something else later     the tool is not used; what is offered now is kept beside, for a person to accept
 *
 * One entry for each server, as mail that nobody takes (journal/store.h), to MCP_KEPT_FOR:
 *   { set, server, tools: { NAME: { face, at_ms } }, offered: { NAME: { face, at_ms } } } */
#ifndef BATON_EXEC_MCP_TRUST_H
#define BATON_EXEC_MCP_TRUST_H

#include "exec/exec.h"

typedef struct Trust {
    Arena arena; /* of entry */
    char id[40]; /* in the store */
    Value entry; /* VALUE_ABSENT: there is none yet */
    bool stored; /* it is in the store, so that what is written takes its place */
} Trust;

/* Reads it anew; `done` is called later, once, unless the executor is closed before. */
void trust_read(Exec *x, Trust *t, void (*done)(void *ctx), void *ctx);
/* Nobody waits for what is read any more. */
void trust_forget(Exec *x, const Trust *t);
void trust_deinit(Trust *t);

typedef enum TrustAnswer { TRUST_KNOWN, TRUST_NEW, TRUST_CHANGED } TrustAnswer;
/* *ret_accepted: the face that was accepted; *ret_at_ms: when. */
TrustAnswer trust_ask(const Trust *t, Str tool, Value face, Value *ret_accepted,
                      int64_t *ret_at_ms);
/* Each changes the entry and has it written. `set` and `server` name the set for people. */
void trust_accept(Exec *x, Trust *t, Str set, Str server, Str tool, Value face);
void trust_offer(Exec *x, Trust *t, Str set, Str server, Str tool, Value face);

#endif
