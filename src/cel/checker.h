/* What the files that check a tree share: names in resolve.c, everything else in check.c. */
#ifndef BATON_CEL_CHECKER_H
#define BATON_CEL_CHECKER_H

#include "cel/eval.h"

typedef struct Checker {
    Arena *arena;
    const CelNames *names;
    CelError *error;
    Str variables[CEL_LOCALS_MAX];
    size_t n_variables, n_variables_max;
    uint64_t *slots;
    size_t n_slots, slots_room;
    Folding folding;
    bool builds;
    bool unknown; /* something was left for evaluation to refuse */
} Checker;

/* Refuses what names nothing, or with by_the_book leaves it to be refused when it is evaluated. */
Node *checker_refuse(Checker *c, const Node *node, const char *message);
/* The number of a macro's variable in scope. */
bool checker_find_variable(const Checker *c, Str name, size_t *ret_number);

/* Parts of one name; the longest of Baton's own has four. */
#define CHAIN_PARTS_MAX 16

/* The selections of a chain from its identifier on. */
typedef struct Chain {
    Node *nodes[CHAIN_PARTS_MAX]; /* nodes[0] is the N_IDENT */
    Str parts[CHAIN_PARTS_MAX];
    size_t n;      /* filled, at most CHAIN_PARTS_MAX */
    size_t length; /* all there are */
} Chain;

/* False unless there is an identifier at the start of the selections. */
bool chain_find(Node *node, Chain *ret_chain);
/* Whether it starts at a variable of a macro. */
bool chain_is_variable(const Checker *c, const Chain *chain);
/* The load of a slot that the first parts name. */
Node *chain_slot(Checker *c, const Chain *chain, size_t taken, uint64_t slot);
/* Gives `top`, the last selection of the chain, with what its names mean at its start; NULL after a report. */
Node *chain_resolve(Checker *c, Node *top, const Chain *chain);

#endif
