/* Any bytes as a row: refused, or read into a row that writes the same facts and moves again. The same bytes as a value. */
#include "kernel/codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Large payloads are not at hand here, and erased ones are gone: such a row is only printed. */
static bool is_whole(const Row *row) {
    for (size_t i = 0; i < row->n_facts; i++) {
        if (row->facts[i].large || row->facts[i].erased)
            return false;
    }
    return true;
}

static void write_again(const Row *row, Arena *a) {
    RowWriter w;
    row_init(&w);
    for (size_t i = 0; i < row->n_facts; i++)
        row_add_fact(&w, &row->facts[i].fact);
    for (size_t i = 0; i < row->n_moves; i++)
        row_add_move(&w, &row->moves[i]);
    Buf body = BUF_INIT(1 << 24), again = BUF_INIT(1 << 24);
    row_body(&w, &body);
    Row second;
    ASSERT(row_read(buf_str(&body), buf_str(&w.data), false, a, &second) == 0);
    ASSERT(second.n_facts == row->n_facts && second.n_moves == row->n_moves);
    row_reset(&w);
    for (size_t i = 0; i < second.n_facts; i++)
        row_add_fact(&w, &second.facts[i].fact);
    for (size_t i = 0; i < second.n_moves; i++)
        row_add_move(&w, &second.moves[i]);
    row_body(&w, &again);
    ASSERT(str_eq(buf_str(&body), buf_str(&again)));
    buf_deinit(&body);
    buf_deinit(&again);
    row_deinit(&w);
}

static void print(const Row *row) {
    Buf text = BUF_INIT(1 << 24);
    for (size_t i = 0; i < row->n_facts; i++)
        fact_write_text(&text, &row->facts[i].fact);
    for (size_t i = 0; i < row->n_moves; i++)
        move_write_text(&text, &row->moves[i]);
    buf_deinit(&text);
}

static void read_value(Str s, Arena *a) {
    Cursor c = cursor_on(s);
    Value v = value_decode(&c, a);
    if (c.bad)
        return;
    Buf b = BUF_INIT(1 << 24);
    value_encode(&b, v);
    Cursor again = cursor_on(buf_str(&b));
    Value second = value_decode(&again, a);
    ASSERT(cursor_done(&again) && value_same(v, second));
    buf_deinit(&b);
}

/* The first byte says how much of the rest is data, so that inline payloads are found. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    if (n == 0)
        return 0;
    size_t data_len = MIN((size_t)p[0], n - 1);
    Str data = { (const char *)p + 1, data_len },
        body = { (const char *)p + 1 + data_len, n - 1 - data_len };
    Arena a;
    arena_init(&a, 0);
    Row row;
    if (row_read(body, data, false, &a, &row) == 0) {
        print(&row);
        if (is_whole(&row))
            write_again(&row, &a);
    }
    if (row_read(body, STR(""), true, &a, &row) == 0)
        print(&row);
    read_value(body, &a);
    arena_deinit(&a);
    return 0;
}
