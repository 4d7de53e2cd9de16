/* A chain of names, `steps.plan.output`, on its way to a slot: what names.c and its parts share. Each resolver gives the number
 * of names it took, or 0 with the problem told. */
#ifndef BATON_SPEC_CHAIN_H
#define BATON_SPEC_CHAIN_H

#include "spec/read.h"

typedef struct Chain {
    NameScope *scope;
    const Str *parts;
    size_t n;
    uint64_t *ret_slot;
    char *message;
} Chain;

size_t chain_refuse(Chain *c, const char *code, const char *remedy, const char *fmt, ...)
    PRINTF(4, 5);
size_t chain_take(Chain *c, size_t parts, SlotKind kind, uint32_t number, uint32_t field);
static inline bool chain_sees(const Chain *c, unsigned what) { return c->scope->sight.sees & what; }

/* `vars.region` and `secrets.KEY` (names_project.c). */
size_t chain_var(Chain *c);
size_t chain_secret(Chain *c);

#endif
