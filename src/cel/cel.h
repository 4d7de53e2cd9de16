/* The Common Expression Language: compiled once, evaluated many times, total, without clock, I/O or randomness.
 *
 * Names become slots when an expression is compiled: the compiler offers the resolver the longest chain of plain
 * selections it sees (`steps.plan.output.title` -> steps, plan, output, title), the resolver says how many parts it
 * knows as one name (3) and gives a slot number; the rest (.title) are ordinary selections. Evaluation loads slots
 * through the scope. So unknown names are found before anything runs, and a load costs no search.
 *
 * Errors are values of CelError with a byte offset into the source. Absent slots (VALUE_ABSENT) behave like a missing
 * field: an error when read, none under `.?`, false under has(). */
#ifndef BATON_CEL_CEL_H
#define BATON_CEL_CEL_H

#include "base/value.h"

typedef struct CelProgram CelProgram;

typedef struct CelError {
    size_t offset; /* into the source of the expression */
    char message[240];
} CelError;
enum {
    CEL_E_SYNTAX = 1, /* does not parse, or names what does not exist */
    CEL_E_EVAL,       /* no such overload, no such key, division by zero, overflow ... */
    CEL_E_BUDGET,     /* more than LIMIT_CEL_STEPS or LIMIT_CEL_BYTES */
};

typedef struct CelNames {
    /* Offered parts[0..n) of a selection chain starting at an identifier that no macro variable shadows. Gives the number
     * of parts it takes (1..n) with *ret_slot, or 0 for unknown: then `message` (240 bytes) may be filled with what to
     * write instead, or left empty for the usual one. The parts last as long as the program's arena.
     * A part may be reached by `.?`: taken as part of the name, the load gives an optional. A leading dot (`.x`, never a
     * variable of a macro) is part of the first part. A call without arguments that is no function of the language is
     * offered as one part with its parentheses: `failed()`. */
    size_t (*resolve)(void *ctx, const Str *parts, size_t n, uint64_t *ret_slot, char *message);
    void *ctx;
    /* As in the specification's own tests: unknown names and functions fail when they are evaluated (so that
     * `x || true` is true), and control characters may stand in literals. Files of people are held to more. */
    bool by_the_book;
} CelNames;

typedef struct CelScope {
    /* The value of a slot; VALUE_ABSENT when there is nothing (a skipped step's output). May allocate in `a`. */
    Value (*load)(void *ctx, uint64_t slot, Arena *a);
    void *ctx;
} CelScope;

/* Compiles source (without the ${{ }}). The program lives in `a`, and borrows nothing of `source`. `names` may be NULL
 * (no names but macros' own). Constant parts are folded. */
int cel_compile(Arena *a, Str source, const CelNames *names, CelProgram **ret_program,
                CelError *ret_error);

/* Evaluates into `a` (scratch). The result may borrow from the scope's values and from the program. */
int cel_eval(const CelProgram *p, const CelScope *scope, Arena *a, Value *ret_value,
             CelError *ret_error);

/* Every slot the program may load, in order of appearance, each once (in programs of hundreds of slots some may be there
 * again); for checks of order and for `why`. */
size_t cel_slots(const CelProgram *p, const uint64_t **ret_slots);
/* Can it be true only where `field` of what stands in one slot equals what stands in the other: is it that comparison, or a
 * conjunction with it? */
bool cel_needs_equal(const CelProgram *p, uint64_t slot, Str field, uint64_t other);
/* The source text, as compiled. */
Str cel_source(const CelProgram *p);
/* The constant the whole program folded to, or VALUE_ABSENT. */
Value cel_constant(const CelProgram *p);

/* Finds the end of an expression embedded in text: `text` begins after "${{"; gives the offset of the closing "}}"
 * that is outside string literals and braces, or -1. */
ptrdiff_t cel_find_end(Str text);

/* True for words that cannot be names: true false null in and the reserved words of the specification. */
bool cel_reserved(Str word);

#endif
