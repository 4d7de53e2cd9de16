/* The words of the language as data: a block for each kind of map (a step, `retry`, an agent), a row for each of its words.
 * Readers, `baton schema`, `baton help language` and the tests of docs/language.md walk the same tables (language.c).
 *
 * A form says how a value is written:
 *
 *   text id bool count number share duration money percent rate pattern   scalars; share: from 0 to 1
 *   type  a TYPE        value  data with ${{ }}        data  data without        expr  a bare expression
 *   agent tool  a name or a definition      model  `provider/name`, an alias, a list of them or a Model
 *   step  one step      steps  a list or map of them   task  a step without a verb
 *   state  the name of a state of the machine around   workflow  the name of a workflow or its file
 *   'word'  this word   [X]  a list of X     {X}  a map from names to X    Block  a map of that block's words
 *   X | Y   either; which one, the kind of the value tells (scalar, list, map), a 'word' before other scalars
 *
 * What runs today has a function in the reader of its block (KeyRow in read.h). What does not is checked by its form, and
 * a file that holds it is accepted by plan_check() and refused by plan_compile(). */
#ifndef BATON_SPEC_LANGUAGE_H
#define BATON_SPEC_LANGUAGE_H

#include "base/str.h"

/* What an expression sees, besides `input` and `run`. */
enum {
    SEES_STEPS = 1 << 0,    /* steps ordered before, state */
    SEES_LOOP = 1 << 1,     /* the node's own `for`; those around it always */
    SEES_ROUND = 1 << 2,    /* the node's own `repeat` */
    SEES_AFTER = 1 << 3,    /* output detail error status of this step */
    SEES_CHILDREN = 1 << 4, /* of this group */
    SEES_SIGNAL = 1 << 5,
    SEES_FAILED = 1 << 6, /* failed() and always() */
    SEES_WITH = 1 << 7,
    SEES_CALL = 1 << 8,    /* output and detail of a callee's call, without a step */
    SEES_REDUCE = 1 << 9,  /* last and output of a reducer */
    SEES_NO_RUN = 1 << 10, /* input only */
    /* Names of one verb each; all that stands inside it sees them. */
    SEES_TEXT = 1 << 11,
    SEES_TASK = 1 << 12,
    SEES_EVALUATION = 1 << 13,
    SEES_BOARD = 1 << 14,
    SEES_POST = 1 << 15,
    SEES_VOTES = 1 << 16,
    SEES_EVENT = 1 << 17,
    SEES_NO_INPUT = 1 << 19, /* a file of its own, for every run */
    SEES_TEST = 1 << 24,     /* of a test: whatever the run has; what that is its runner knows */
    SEES_SECRETS = 1 << 20,  /* what leaves the engine: headers query body url env */
};

typedef enum Since { LATER, RUNS } Since;

typedef struct Keyword {
    const char *word;
    const char *form;
    unsigned sees;    /* by its expressions, besides what the place of the block gives */
    Since since;      /* LATER: checked, and refused when a file that holds it is to run */
    const char *says; /* one line for people */
} Keyword;

typedef struct Block {
    const char *name; /* as forms call it: "Retry" */
    const char *what; /* for messages: "`retry`", "an agent" */
    const Keyword *words;
    size_t n;
    const char *required; /* words that must stand there, separated by blanks; may be "" */
    const char *one_of;   /* of these words exactly one; may be "" */
    const char *like;     /* an example for who forgot one; may be "" */
} Block;

/* All blocks, in the order in which a page would present them; NULL behind the last. */
const Block *language_block_at(size_t i);
/* NULL if there is none. */
const Block *language_block(Str name);
const Keyword *language_word(const Block *b, Str word);

typedef enum FormKind { FORM_PLAIN, FORM_WORD, FORM_LIST, FORM_MAP, FORM_BLOCK } FormKind;
/* The alternatives of a form, one by one; *at begins at 0, false at the end. "[a | b] | c" gives "[a | b]", "c". */
bool form_next(Str form, size_t *at, Str *ret_one);
/* Of one alternative; ret_inner: what stands in its quotes or brackets, else the alternative itself. */
FormKind form_kind(Str one, Str *ret_inner);

/* ---- words of other systems ------------------------------------------------------------------------------------------ */

typedef struct Foreign {
    const char *word, *met_in, *instead; /* met_in "many": in several */
} Foreign;
size_t foreign_words(const Foreign **ret_words);

#endif
