/* A template: data with ${{ CEL }} in it, compiled once. A text that is one expression keeps the value's type; inside text
 * it joins (texts as they are, the rest as JSON; null and absent are refused by path); a field whose whole value is an
 * absent optional is dropped. */
#ifndef BATON_SPEC_TEMPLATE_H
#define BATON_SPEC_TEMPLATE_H

#include "cel/cel.h"
#include "spec/diag.h"

typedef struct Template Template;
typedef enum TemplateKind {
    TEMPLATE_CONST,
    TEMPLATE_EXPR,
    TEMPLATE_JOIN,
    TEMPLATE_LIST,
    TEMPLATE_MAP
} TemplateKind;
struct Template {
    TemplateKind kind;
    Pos pos;
    Value constant;      /* const */
    CelProgram *program; /* expr */
    Template **parts;    /* join: const texts and exprs; list: items; map: values */
    Value *keys;         /* map: texts */
    size_t n;
};

typedef struct EvalError {
    Pos pos;
    char message[320]; /* with the path in the template: "body.to: no such key `email`" */
} EvalError;
enum { TEMPLATE_E_EVAL = 1 };

/* Evaluates into `a`. NULL template: VALUE_ABSENT. */
int template_eval(const Template *t, const CelScope *scope, Arena *a, Value *ret_value,
                  EvalError *ret_error);
/* Calls fn for every slot any of its expressions may load. */
void template_slots(const Template *t, void (*fn)(void *ctx, uint64_t slot, Pos pos), void *ctx);

#endif
