/* The functions of the language: one table, sorted by name (functions.def), with one row for each overload. */
#ifndef BATON_CEL_FUNCTION_H
#define BATON_CEL_FUNCTION_H

#include "cel/eval.h"

typedef Value FunctionBody(Eval *ev, const Value *args, size_t n);

typedef enum FunctionStyle {
    FN_GLOBAL = 1, /* size(x) */
    FN_METHOD = 2, /* x.size() */
    FN_BOTH = 3,
} FunctionStyle;

struct Function {
    const char *name;
    FunctionStyle style; /* the same in all rows of a name */
    /* One letter an argument, the receiver first: b i u f s y(bytes) l m t(timestamp) d(duration) T(type) o(ptional)
     * N(et address) n(any number) x(anything) r(a string that is a pattern, only as the second); a `+` at the end lets the
     * last repeat. */
    const char *args;
    FunctionBody *body;
};

/* The rows of a name, or NULL. */
const Function *function_find(Str name, size_t *ret_rows);
bool function_takes(const Function *row, size_t n_args);
/* hint.c: what a person may have meant: "; did you mean size()?" or "". `space` is what stands before the dot, if that is a
 * word that means nothing else, or STR_NULL. Into `hint`, of 100 bytes. */
void function_hint(Str space, Str name, char *hint);
/* The whole table, for the reference page. */
size_t function_table(const Function **ret_rows);

#define F(name, style, args, body) FunctionBody body;
#include "cel/functions.def"
#undef F

/* fn_time.c: a time moved by nanoseconds (back, if so asked), and the duration from b to a; absent when out of range. */
Value timestamp_moved(Value time, int64_t nanos, bool back);
Value timestamp_between(Value a, Value b);
/* fn_text.c: text in the arena; absent (and reported) past the budget. Bytes that are the start of a longer buffer. */
Value new_text(Eval *ev, const char *p, size_t n);
/* The text of a finished buffer, which is emptied; reports a budget used up if its cap was reached. */
Value text_of_buf(Eval *ev, Buf *b);
/* A buffer capped by what the evaluation may still take. */
Buf text_buf(const Eval *ev);
/* fn_convert.c: a double as people write it: 1, 0.5, 1e+21, NaN, -Infinity. */
void write_number(Buf *b, double d);
/* fn_time.c: "2009-02-13T23:31:30Z" and "3.5s". */
void write_timestamp(Buf *b, Value v);
void write_duration(Buf *b, Value v);

#endif
