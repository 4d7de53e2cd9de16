/* Rows, written and read.
 *
 *   body    = 1 | engine | epoch | n_facts | fact* | move*
 *   fact    = kind | (tag | value)* | 0          tags ascend, each at most once; a field that is zero or empty is left out
 *   move    = cause | address | from | to | flags | [attempt] | [args, 8 bytes] | [choice]
 *   number  = LEB128, zigzag where it may be negative;   text = number of bytes, bytes
 *
 * One fact has one encoding, so equal facts make equal bytes and replay compares the moves of a row as bytes. The writer
 * asks its buffer for room once per fact and once per move, for the longest they can become: a chain step is one fact
 * and two moves, some 60 bytes, and this is on the path of each.
 *
 * `data` holds the inline payloads in the order of their facts; a fact says only how long its own is. A large payload is
 * in the body as its hash. */
#include "kernel/codec.h"

#include "base/limits.h"
#include <stdlib.h>

#define ROW_VERSION 1
/* A row is what one turn added to a run; the engine closes rows far below this. */
#define ROW_CAP_BYTES LIMIT_VALUE_BYTES
#define VARINT_BYTES_MAX 10

/* Numbered for ever, like the kinds of facts. */
typedef enum Tag {
    TAG_END = 0,
    TAG_TIME = 1,
    TAG_ADDRESS = 2,
    TAG_ATTEMPT = 3,
    TAG_PURPOSE = 4,
    TAG_PAYLOAD = 5,
    TAG_PAYLOAD_LARGE = 6,
    TAG_OUTCOME = 7,
    TAG_SENT = 8,
    TAG_ERROR_KIND = 9,
    TAG_MESSAGE = 10,
    TAG_TOKENS_IN = 11,
    TAG_TOKENS_OUT = 12,
    TAG_TOKENS_CACHED = 13,
    TAG_COST = 14,
    TAG_QUEUED = 15,
    TAG_TOOK = 16,
    TAG_RETRY_AFTER = 17,
    TAG_RUN = 18,
    TAG_NAME = 19,
    TAG_DIR = 20,
    TAG_SEED = 21,
    TAG_ID = 22,
    TAG_FROM = 23,
    TAG_VERB = 24,
    TAG_REUSED = 25,
    TAG_UPTO = 26,
    TAG_SHOWN = 27,
    TAG_BY = 28,
    TAG_GENERATION = 30,
    TAG_SINCE = 31,
    TAG_CORRELATION = 34,
    TAG_CPU = 41,
    TAG_PEAK = 42,
    TAG_PAST = 43,
    TAG_TOKENS_REASONING = 44,
    TAG_COUNT,
} Tag;

enum { MOVE_HAS_ATTEMPT = 1, MOVE_HAS_ARGS = 2, MOVE_HAS_CHOICE = 4, MOVE_FLAGS = 7 };

/* ---- writing --------------------------------------------------------------------------------------------------------- */

void row_init(RowWriter *w) {
    *w = (RowWriter){
        .facts = BUF_INIT(ROW_CAP_BYTES),
        .moves = BUF_INIT(ROW_CAP_BYTES),
        .data = BUF_INIT(ROW_CAP_BYTES),
    };
}

void row_reset(RowWriter *w) {
    buf_reset(&w->facts);
    buf_reset(&w->moves);
    buf_reset(&w->data);
    w->n_facts = w->n_moves = 0;
    for (size_t i = 0; i < w->n_large; i++)
        free((char *)w->large[i].bytes.p);
    w->n_large = 0;
}

void row_deinit(RowWriter *w) {
    row_reset(w);
    buf_deinit(&w->facts);
    buf_deinit(&w->moves);
    buf_deinit(&w->data);
    free(w->large);
    w->large = NULL;
    w->room_large = 0;
}

static char *put_number(char *p, uint64_t v) {
    while (v >= 0x80) {
        *p++ = (char)(v | 0x80);
        v >>= 7;
    }
    *p++ = (char)v;
    return p;
}

static char *put_text(char *p, Str s) {
    p = put_number(p, s.len);
    if (s.len)
        memcpy(p, s.p, s.len);
    return p + s.len;
}

static char *put_number_field(char *p, Tag tag, uint64_t v) {
    if (!v)
        return p;
    *p++ = (char)tag;
    return put_number(p, v);
}

static char *put_signed_field(char *p, Tag tag, int64_t v) {
    return put_number_field(p, tag, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static char *put_text_field(char *p, Tag tag, Str s) {
    if (!s.len)
        return p;
    *p++ = (char)tag;
    return put_text(p, s);
}

static Hash keep_large(RowWriter *w, Str bytes) {
    if (w->n_large == w->room_large) {
        w->room_large = w->room_large ? w->room_large * 2 : 4;
        w->large = xrealloc(w->large, w->room_large * sizeof *w->large);
    }
    Hash h = hash_bytes(bytes);
    w->large[w->n_large].hash = h;
    w->large[w->n_large++].bytes = (Str){ xstrndup(bytes.p, bytes.len), bytes.len };
    return h;
}

static char *put_payload(RowWriter *w, char *p, Str payload) {
    if (payload.len > LIMIT_PAYLOAD_INLINE_BYTES) {
        Hash h = keep_large(w, payload);
        *p++ = TAG_PAYLOAD_LARGE;
        memcpy(p, h.b, HASH_BYTES);
        return p + HASH_BYTES;
    }
    buf_str_add(&w->data, payload);
    return put_number_field(p, TAG_PAYLOAD, payload.len);
}

static char *put_usage(char *p, const Usage *u) {
    if (!(u->tokens_in | u->tokens_out | u->tokens_cached | u->cost_nano))
        return p;
    p = put_signed_field(p, TAG_TOKENS_IN, u->tokens_in);
    p = put_signed_field(p, TAG_TOKENS_OUT, u->tokens_out);
    p = put_signed_field(p, TAG_TOKENS_CACHED, u->tokens_cached);
    return put_signed_field(p, TAG_COST, u->cost_nano);
}

void row_add_fact(RowWriter *w, const Fact *f) {
    ASSERT(f->kind >= FACT_ACCEPTED && f->kind <= FACT_RECOVERED);
    size_t texts = f->address.len + f->error_kind.len + f->message.len + f->run.len + f->name.len +
                   f->dir.len + f->id.len + f->from.len + f->shown.len + f->by.len +
                   f->correlation.len + f->past.len;
    char *at = buf_room(&w->facts, 2 + TAG_COUNT * (1 + VARINT_BYTES_MAX) + HASH_BYTES + texts);
    if (!at)
        return;
    char *p = at;
    *p++ = (char)f->kind;
    p = put_signed_field(p, TAG_TIME, f->time_ms);
    p = put_text_field(p, TAG_ADDRESS, f->address);
    p = put_number_field(p, TAG_ATTEMPT, f->attempt);
    p = put_number_field(p, TAG_PURPOSE, f->purpose);
    if (f->payload.len)
        p = put_payload(w, p, f->payload);
    p = put_number_field(p, TAG_OUTCOME, f->outcome);
    p = put_number_field(p, TAG_SENT, f->sent);
    p = put_text_field(p, TAG_ERROR_KIND, f->error_kind);
    p = put_text_field(p, TAG_MESSAGE, f->message);
    p = put_usage(p, &f->usage);
    p = put_signed_field(p, TAG_QUEUED, f->queued_us);
    p = put_signed_field(p, TAG_TOOK, f->took_us);
    p = put_signed_field(p, TAG_RETRY_AFTER, f->retry_after_ms);
    p = put_text_field(p, TAG_RUN, f->run);
    p = put_text_field(p, TAG_NAME, f->name);
    p = put_text_field(p, TAG_DIR, f->dir);
    p = put_number_field(p, TAG_SEED, f->seed);
    p = put_text_field(p, TAG_ID, f->id);
    p = put_text_field(p, TAG_FROM, f->from);
    p = put_number_field(p, TAG_VERB, f->verb);
    p = put_number_field(p, TAG_REUSED, f->reused);
    p = put_number_field(p, TAG_UPTO, f->upto);
    p = put_text_field(p, TAG_SHOWN, f->shown);
    p = put_text_field(p, TAG_BY, f->by);
    p = put_number_field(p, TAG_GENERATION, f->generation);
    p = put_signed_field(p, TAG_SINCE, f->since_ms);
    p = put_text_field(p, TAG_CORRELATION, f->correlation);
    p = put_signed_field(p, TAG_CPU, f->usage.cpu_us);
    p = put_signed_field(p, TAG_PEAK, f->usage.peak_bytes);
    p = put_text_field(p, TAG_PAST, f->past);
    p = put_signed_field(p, TAG_TOKENS_REASONING, f->usage.tokens_reasoning);
    *p++ = TAG_END;
    w->facts.len += (size_t)(p - at);
    w->n_facts++;
}

void row_add_move(RowWriter *w, const Move *m) {
    char *at = buf_room(&w->moves, 5 * VARINT_BYTES_MAX + 8 + m->address.len + m->choice.len);
    if (!at)
        return;
    char *p = put_number(at, m->cause);
    p = put_text(p, m->address);
    *p++ = (char)m->from;
    *p++ = (char)m->to;
    *p++ = (char)((m->attempt ? MOVE_HAS_ATTEMPT : 0) | (m->args ? MOVE_HAS_ARGS : 0) |
                  (m->choice.len ? MOVE_HAS_CHOICE : 0));
    if (m->attempt)
        p = put_number(p, m->attempt);
    if (m->args) {
        for (unsigned i = 0; i < 8; i++)
            *p++ = (char)(m->args >> 8 * i);
    }
    if (m->choice.len)
        p = put_text(p, m->choice);
    w->moves.len += (size_t)(p - at);
    w->n_moves++;
}

void row_body(const RowWriter *w, Buf *b) {
    char *at = buf_room(b, 1 + 3 * VARINT_BYTES_MAX + w->facts.len + w->moves.len);
    if (!at || buf_over(&w->facts) || buf_over(&w->moves) || buf_over(&w->data)) {
        b->over = true;
        return;
    }
    *at = ROW_VERSION;
    char *p = put_number(at + 1, w->engine);
    p = put_number(p, w->epoch);
    p = put_number(p, w->n_facts);
    b->len += (size_t)(p - at);
    buf_str_add(b, buf_str(&w->facts));
    buf_str_add(b, buf_str(&w->moves));
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static uint32_t read_u32(Cursor *c) {
    uint64_t v = cursor_varint(c);
    if (v > UINT32_MAX)
        c->bad = true;
    return (uint32_t)v;
}

static int64_t read_not_negative(Cursor *c) {
    int64_t v = cursor_svarint(c);
    if (v < 0)
        c->bad = true;
    return v;
}

static void read_payload(Cursor *c, Cursor *data, bool forgotten, RowFact *ret) {
    uint64_t len = cursor_varint(c);
    if (len > LIMIT_PAYLOAD_INLINE_BYTES)
        c->bad = true;
    ret->erased = forgotten;
    if (forgotten || c->bad)
        return;
    ret->fact.payload = cursor_bytes(data, len);
    c->bad |= data->bad;
}

static void read_large(Cursor *c, RowFact *ret) {
    Str h = cursor_bytes(c, HASH_BYTES);
    if (c->bad)
        return;
    ret->large = true;
    memcpy(ret->hash.b, h.p, HASH_BYTES);
}

static void read_field(Cursor *c, Cursor *data, bool forgotten, Tag tag, RowFact *ret) {
    Fact *f = &ret->fact;
    switch (tag) {
    case TAG_TIME: f->time_ms = cursor_svarint(c); return;
    case TAG_ADDRESS: f->address = cursor_blob(c); return;
    case TAG_ATTEMPT: f->attempt = read_u32(c); return;
    case TAG_PURPOSE: f->purpose = read_u32(c); return;
    case TAG_PAYLOAD: read_payload(c, data, forgotten, ret); return;
    case TAG_PAYLOAD_LARGE: read_large(c, ret); return;
    case TAG_OUTCOME: f->outcome = (Outcome)read_u32(c); return;
    case TAG_SENT: f->sent = (Sent)read_u32(c); return;
    case TAG_ERROR_KIND: f->error_kind = cursor_blob(c); return;
    case TAG_MESSAGE: f->message = cursor_blob(c); return;
    case TAG_TOKENS_IN: f->usage.tokens_in = read_not_negative(c); return;
    case TAG_TOKENS_OUT: f->usage.tokens_out = read_not_negative(c); return;
    case TAG_TOKENS_CACHED: f->usage.tokens_cached = read_not_negative(c); return;
    case TAG_COST: f->usage.cost_nano = read_not_negative(c); return;
    case TAG_QUEUED: f->queued_us = cursor_svarint(c); return;
    case TAG_TOOK: f->took_us = cursor_svarint(c); return;
    case TAG_RETRY_AFTER: f->retry_after_ms = cursor_svarint(c); return;
    case TAG_RUN: f->run = cursor_blob(c); return;
    case TAG_NAME: f->name = cursor_blob(c); return;
    case TAG_DIR: f->dir = cursor_blob(c); return;
    case TAG_SEED: f->seed = cursor_varint(c); return;
    case TAG_ID: f->id = cursor_blob(c); return;
    case TAG_FROM: f->from = cursor_blob(c); return;
    case TAG_VERB: f->verb = read_u32(c); return;
    case TAG_REUSED:
        f->reused = cursor_varint(c) == 1;
        c->bad |= !f->reused;
        return;
    case TAG_UPTO: f->upto = cursor_varint(c); return;
    case TAG_SHOWN: f->shown = cursor_blob(c); return;
    case TAG_BY: f->by = cursor_blob(c); return;
    case TAG_GENERATION: f->generation = read_u32(c); return;
    case TAG_SINCE: f->since_ms = read_not_negative(c); return;
    case TAG_CORRELATION: f->correlation = cursor_blob(c); return;
    case TAG_CPU: f->usage.cpu_us = read_not_negative(c); return;
    case TAG_PEAK: f->usage.peak_bytes = read_not_negative(c); return;
    case TAG_PAST: f->past = cursor_blob(c); return;
    case TAG_TOKENS_REASONING: f->usage.tokens_reasoning = read_not_negative(c); return;
    case TAG_END:
    case TAG_COUNT: break;
    }
    c->bad = true;
}

static bool is_known_fact(const Fact *f) {
    return f->kind >= FACT_ACCEPTED && f->kind <= FACT_RECOVERED && f->sent <= SENT_YES &&
           (f->kind == FACT_FINISHED ? f->outcome >= OUTCOME_OK && f->outcome <= OUTCOME_UNKNOWN
            : f->kind == FACT_CHILD  ? f->outcome <= OUTCOME_FAILED
                                     : !f->outcome) &&
           (!f->reused || f->outcome == OUTCOME_OK) &&
           (f->kind != FACT_ACCEPTED || f->verb <= RULES_NOW);
}

/* Texts are never NULL after reading, but for a payload that is not there. */
static void read_fact(Cursor *c, Cursor *data, bool forgotten, RowFact *ret) {
    const Str none = STR("");
    *ret = (RowFact){ .fact = { .kind = (FactKind)cursor_u8(c),
                                .address = none,
                                .error_kind = none,
                                .message = none,
                                .run = none,
                                .name = none,
                                .dir = none,
                                .id = none,
                                .from = none,
                                .shown = none,
                                .by = none,
                                .correlation = none,
                                .past = none } };
    for (unsigned last = TAG_END;;) {
        unsigned tag = cursor_u8(c);
        if (tag == TAG_END || c->bad)
            break;
        bool two_payloads = tag == TAG_PAYLOAD_LARGE && last == TAG_PAYLOAD;
        if (tag <= last || tag >= TAG_COUNT || two_payloads) {
            c->bad = true;
            return;
        }
        read_field(c, data, forgotten, (Tag)tag, ret);
        last = tag;
    }
    if (!is_known_fact(&ret->fact))
        c->bad = true;
}

static void read_move(Cursor *c, uint32_t n_facts, Move *ret) {
    *ret = (Move){ .cause = read_u32(c), .address = cursor_blob(c), .choice = STR("") };
    ret->from = (Status)cursor_u8(c);
    ret->to = (Status)cursor_u8(c);
    uint8_t flags = cursor_u8(c);
    if (flags & MOVE_HAS_ATTEMPT)
        ret->attempt = read_u32(c);
    if (flags & MOVE_HAS_ARGS) {
        Str b = cursor_bytes(c, 8);
        for (size_t i = 0; i < b.len; i++)
            ret->args |= (uint64_t)(uint8_t)b.p[i] << 8 * i;
    }
    if (flags & MOVE_HAS_CHOICE)
        ret->choice = cursor_blob(c);
    if (ret->cause >= n_facts || ret->from > STATUS_WAITING || ret->to > STATUS_WAITING ||
        flags > MOVE_FLAGS)
        c->bad = true;
}

static void read_moves(Cursor *c, Arena *a, Row *ret) {
    size_t room = 0;
    ret->moves_bytes = (Str){ c->p, (size_t)(c->end - c->p) };
    while (!c->bad && c->p < c->end) {
        if (ret->n_moves == room) {
            room = room ? room * 2 : 8;
            Move *more = arena_alloc(a, room * sizeof *more);
            if (ret->n_moves)
                memcpy(more, ret->moves, ret->n_moves * sizeof *more);
            ret->moves = more;
        }
        read_move(c, (uint32_t)ret->n_facts, &ret->moves[ret->n_moves++]);
    }
}

int row_read(Str body, Str data, bool forgotten, Arena *a, Row *ret) {
    Cursor c = cursor_on(body), payloads = cursor_on(data);
    Row row = { 0 };
    uint8_t version = cursor_u8(&c);
    row.engine = cursor_varint(&c);
    row.epoch = cursor_varint(&c);
    uint64_t n = cursor_varint(&c);
    /* A fact is two bytes at least, which bounds the array by the size of the body. */
    if (c.bad || version != ROW_VERSION || n == 0 || n > (size_t)(c.end - c.p) / 2)
        return ROW_E_CORRUPT;
    row.n_facts = (size_t)n;
    row.facts = arena_alloc(a, row.n_facts * sizeof *row.facts);
    for (size_t i = 0; i < row.n_facts && !c.bad; i++)
        read_fact(&c, &payloads, forgotten, &row.facts[i]);
    read_moves(&c, a, &row);
    if (c.bad || !cursor_done(&payloads))
        return ROW_E_CORRUPT;
    *ret = row;
    return 0;
}
