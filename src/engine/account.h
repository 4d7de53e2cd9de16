/* Accounts: what all runs together may spend, by the `budgets:` of the project. Nobody but the engine's files includes this.
 *
 *   attempt wanted --fits--> reserved --ended--> spent, in the batch that holds the fact of its end
 *                  \ not beside what others hold: waits here, first come, first served
 *                  \ not beside what is spent: the run pauses, or the attempt is not let through (kind budget, free)
 *
 * One account is one budget, one value of its label, one day or month (UTC). What is reserved is memory; what is spent is
 * durable with the row that says so. An engine that goes on after a crash spends in full what was under way: nobody knows
 * what was billed. Each engine writes its own sum, so that a batch tried again spends nothing twice. */
#ifndef BATON_ENGINE_ACCOUNT_H
#define BATON_ENGINE_ACCOUNT_H

#include "engine/gate.h"

#define ACCOUNT_SUMS 3 /* cost, tokens, calls, by Bound */

struct Account {
    char *key; /* "NAME|2026-11|label"; owned, as is info */
    char *info;
    uint64_t hash;
    int64_t spent[ACCOUNT_SUMS], own[ACCOUNT_SUMS], reserved[ACCOUNT_SUMS];
    int64_t most[ACCOUNT_SUMS]; /* as whoever asked last has it pinned */
    Flight *first, *last;       /* that wait, by Flight.account_prev, account_next */
    bool changed, stirred;      /* its sum is to be written; its queue may move */
    Account *next_changed, *next_stirred, *bucket_next;
};

extern const Gate gate_account;

#endif
