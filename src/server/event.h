/* A journal row as JSON: what event streams and `facts` carry. Readable back, so that a client draws the same tree. */
#ifndef BATON_SERVER_EVENT_H
#define BATON_SERVER_EVENT_H

#include "kernel/codec.h"

/* { seq, facts: [{ kind, time, address, attempt, outcome .. }], moves: [{ cause, address, from, to, attempt, choice }] }; members
 * that say nothing are left out. */
Value event_value(uint64_t seq, const Row *row, bool payloads, Arena *a);
enum { EVENT_E_INVALID = 1 };
/* The row of such a value; texts are borrowed from it. Payloads are not read back. */
int event_row(Value v, Arena *a, uint64_t *ret_seq, Row *ret_row);

#endif
