/* The bytes of a journal row: facts, then the moves they caused. Little tagged binary form, versioned by its first byte;
 * golden files in tests/kernel/golden keep it readable for ever. docs/journal.md draws it.
 *
 *   body = version | engine | epoch | n_facts | fact* | move*     (numbers are varints)
 *   fact = kind | field*, 0                                  (a field is a tag byte and its value; unknown tags are refused)
 *
 * The writer's id and epoch are in the row so that two engines never write the same bytes: after an append with unknown
 * outcome an engine reads the head back, and an equal hash must mean that the row is its own.
 *
 * Payloads are not in the body: small ones stand one after the other in `data`, large ones are named by hash and travel
 * beside the row, so that erasing data leaves a body whose hash still verifies. */
#ifndef BATON_KERNEL_CODEC_H
#define BATON_KERNEL_CODEC_H

#include "kernel/fact.h"

/* Gathers one row. Reused from row to row: row_reset() keeps the memory. */
typedef struct RowWriter {
    Buf facts, moves, data;
    uint32_t n_facts, n_moves;
    uint64_t engine, epoch; /* who writes; kept by row_reset() */
    struct {
        Hash hash;
        Str bytes;
    } * large; /* payloads above LIMIT_PAYLOAD_INLINE_BYTES; bytes owned by the writer */
    size_t n_large, room_large;
} RowWriter;
void row_init(RowWriter *w);
void row_deinit(RowWriter *w);
void row_reset(RowWriter *w);
static inline bool row_empty(const RowWriter *w) { return w->n_facts == 0; }
void row_add_fact(RowWriter *w, const Fact *f);
void row_add_move(RowWriter *w, const Move *m);
/* Appends the finished body to `b`; data is w->data. */
void row_body(const RowWriter *w, Buf *b);

/* Reads a row back. Strs borrow body and data. A large payload has payload.p NULL and `large` set until the caller fills
 * it (engine/load). */
typedef struct RowFact {
    Fact fact;
    bool large;
    bool erased; /* data was forgotten */
    Hash hash;   /* of the large payload */
} RowFact;
typedef struct Row {
    uint64_t engine, epoch;
    RowFact *facts;
    size_t n_facts;
    Move *moves;
    size_t n_moves;
    Str moves_bytes; /* as stored, to compare on replay */
} Row;
enum { ROW_E_CORRUPT = 1 };
/* Never trusts: every length is checked. `forgotten`: data is empty because it was erased. */
int row_read(Str body, Str data, bool forgotten, Arena *a, Row *ret);

/* Values in binary, all types: snapshots. */
void value_encode(Buf *b, Value v);
/* Bounded depth; cursor->bad on nonsense. Copies into the arena. */
Value value_decode(Cursor *c, Arena *a);

#endif
