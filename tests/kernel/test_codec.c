/* Rows and values, written and read back. The golden files hold the bytes that stores have: UPDATE_GOLDEN=1 writes new
 * ones, and a change of an old one is a change of the format. */
#include "base/limits.h"
#include "kernel/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

/* ---- golden files ---------------------------------------------------------------------------------------------------- */

static Str read_golden(const char *path, Arena *a) {
    FILE *f = fopen(path, "r");
    if (!f)
        return STR_NULL;
    Buf hex = BUF_INIT(MIB);
    for (int c = fgetc(f); c != EOF; c = fgetc(f)) {
        if (c != '\n')
            buf_char(&hex, (char)c);
    }
    fclose(f);
    Str s = arena_str(a, buf_str(&hex));
    buf_deinit(&hex);
    return s;
}

static void assert_golden(const char *name, Str bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/kernel/golden/%s.hex", SOURCE_ROOT, name);
    Arena a;
    arena_init(&a, 0);
    Buf hex = BUF_INIT(MIB);
    for (size_t i = 0; i < bytes.len; i++)
        buf_fmt(&hex, "%02x", (unsigned char)bytes.p[i]);
    if (getenv("UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        for (size_t i = 0; i < hex.len; i += 80)
            fprintf(f, "%.*s\n", (int)MIN((size_t)80, hex.len - i), hex.p + i);
        fclose(f);
    }
    Str golden = read_golden(path, &a);
    assert_non_null(golden.p);
    if (!str_eq(golden, buf_str(&hex)))
        fail_msg("%s is not what is written now:\n%.*s\n%.*s", path, STR_FMT(golden),
                 STR_FMT(buf_str(&hex)));
    buf_deinit(&hex);
    arena_deinit(&a);
}

/* ---- examples -------------------------------------------------------------------------------------------------------- */

static const Fact accepted = {
    .kind = FACT_ACCEPTED,
    .time_ms = 1763692380123,
    .payload = { "{\"topic\":\"tides\"}", 17 },
    .run = { "r-1", 3 },
    .name = { "research", 8 },
    .dir = { "/srv/flows", 10 },
    .seed = 0xfedcba9876543210,
};
static const Fact finished = {
    .kind = FACT_FINISHED,
    .time_ms = 1763692380456,
    .address = { "work.fetch[3]~2", 15 },
    .attempt = 2,
    .payload = { "{\"x\":1}", 7 },
    .outcome = OUTCOME_OK,
    .sent = SENT_YES,
    .usage = { .tokens_in = 1200, .tokens_out = 34, .tokens_cached = 1000, .cost_nano = 2600000 },
    .queued_us = 15,
    .took_us = 81234,
};
static const Fact failed = {
    .kind = FACT_FINISHED,
    .time_ms = 1763692380999,
    .address = { "pay", 3 },
    .attempt = 1,
    .payload = { "{\"status\":503}", 14 },
    .outcome = OUTCOME_UNKNOWN,
    .sent = SENT_MAYBE,
    .error_kind = { "unavailable", 11 },
    .message = { "HTTP 503 from pay.example", 25 },
    .retry_after_ms = 2500,
};
static const Fact others[] = {
    { .kind = FACT_DISPATCHING, .time_ms = 1, .address = { "pay", 3 }, .attempt = 1 },
    { .kind = FACT_TIMER, .time_ms = 2, .address = { "nap", 3 }, .purpose = 3 },
    { .kind = FACT_SIGNAL,
      .time_ms = 3,
      .name = { "go", 2 },
      .id = { "s1", 2 },
      .from = { "ann", 3 },
      .payload = { "1", 1 } },
    { .kind = FACT_DECISION,
      .time_ms = 4,
      .address = { "pay", 3 },
      .verb = DECISION_DONE,
      .from = { "bo", 2 },
      .payload = { "null", 4 } },
    { .kind = FACT_CONTROL,
      .time_ms = 5,
      .verb = CONTROL_PAUSE,
      .from = { "bo", 2 },
      .message = { "lunch", 5 } },
    { .kind = FACT_RECOVERED, .time_ms = 6, .name = { "engine 1/7", 10 } },
    { .kind = FACT_PROGRESS, .time_ms = 7, .address = { "x", 1 }, .payload = { "{}", 2 } },
    { .kind = FACT_EVENT, .time_ms = 8 },
    { .kind = FACT_CHILD, .time_ms = 9 },
    { .kind = FACT_MAIL, .time_ms = 10 },
    { .kind = FACT_MIGRATED, .time_ms = -11 },
};
static const Move opened = {
    .cause = 0,
    .address = { "plan", 4 },
    .from = STATUS_NEW,
    .to = STATUS_RUNNING,
    .attempt = 1,
    .args = 0x1122334455667788,
    .choice = { "needs draft", 11 },
};
static const Move done = {
    .cause = 0, .address = { "draft", 5 }, .from = STATUS_RUNNING, .to = STATUS_OK
};

typedef struct World {
    Arena arena;
    RowWriter w;
    Buf body;
} World;

static int set_up(void **state) {
    World *x = xcalloc(1, sizeof *x);
    arena_init(&x->arena, 0);
    row_init(&x->w);
    x->body = BUF_INIT(64 * MIB);
    *state = x;
    return 0;
}

static int tear_down(void **state) {
    World *x = *state;
    arena_deinit(&x->arena);
    row_deinit(&x->w);
    buf_deinit(&x->body);
    free(x);
    return 0;
}

static void assert_same_fact(const Fact *a, const Fact *b) {
    Buf ta = BUF_INIT(MIB), tb = BUF_INIT(MIB);
    fact_write_text(&ta, a);
    fact_write_text(&tb, b);
    assert_true(str_eq(buf_str(&ta), buf_str(&tb)));
    buf_deinit(&ta);
    buf_deinit(&tb);
    assert_int_equal(a->seed, b->seed);
    assert_int_equal(a->verb, b->verb);
    assert_int_equal(a->purpose, b->purpose);
    assert_int_equal(a->usage.tokens_cached, b->usage.tokens_cached);
    assert_int_equal(a->reused, b->reused);
    assert_true(str_eq(a->from, b->from));
    assert_true(str_eq(a->dir, b->dir) && str_eq(a->run, b->run) && str_eq(a->id, b->id));
}

static void read_back(World *x, Row *ret) {
    buf_reset(&x->body);
    row_body(&x->w, &x->body);
    assert_false(buf_over(&x->body));
    assert_int_equal(row_read(buf_str(&x->body), buf_str(&x->w.data), false, &x->arena, ret), 0);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static void every_kind_of_fact_comes_back_as_written(void **state) {
    World *x = *state;
    row_add_fact(&x->w, &accepted);
    row_add_fact(&x->w, &finished);
    row_add_fact(&x->w, &failed);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        row_add_fact(&x->w, &others[i]);
    Row row;
    read_back(x, &row);
    assert_int_equal(row.n_facts, 3 + ARRAY_LEN(others));
    assert_same_fact(&row.facts[0].fact, &accepted);
    assert_same_fact(&row.facts[1].fact, &finished);
    assert_same_fact(&row.facts[2].fact, &failed);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_same_fact(&row.facts[3 + i].fact, &others[i]);
    assert_golden("row_facts", buf_str(&x->body));
    assert_golden("row_data", buf_str(&x->w.data));
}

static void moves_come_back_and_keep_their_bytes(void **state) {
    World *x = *state;
    row_add_fact(&x->w, &finished);
    row_add_move(&x->w, &done);
    row_add_move(&x->w, &opened);
    Row row;
    read_back(x, &row);
    assert_int_equal(row.n_moves, 2);
    assert_int_equal(row.moves[1].args, opened.args);
    assert_int_equal(row.moves[1].attempt, 1);
    assert_true(str_eq(row.moves[1].choice, opened.choice));
    assert_true(str_eq(row.moves[0].address, done.address));
    assert_int_equal(row.moves[0].to, STATUS_OK);
    assert_true(str_eq(row.moves_bytes, buf_str(&x->w.moves)));
    assert_golden("row_step", buf_str(&x->body));
}

/* A run that takes outcomes of another: tags that rows of earlier releases do not have. */
static void what_is_reused_comes_back_as_written(void **state) {
    World *x = *state;
    Fact first = accepted, taken = finished;
    first.from = STR("r-0");
    first.id = STR("work/fetch");
    first.upto = 12;
    taken.reused = true;
    row_add_fact(&x->w, &first);
    row_add_fact(&x->w, &taken);
    Row row;
    read_back(x, &row);
    assert_same_fact(&row.facts[0].fact, &first);
    assert_same_fact(&row.facts[1].fact, &taken);
    assert_golden("row_reused", buf_str(&x->body));
}

/* What a model reasoned, and what would be answered the same again. */
static void what_a_model_reasoned_comes_back_as_written(void **state) {
    World *x = *state;
    Fact thought = finished, never = failed;
    thought.usage.tokens_reasoning = 20;
    never.retry_after_ms = -1;
    row_add_fact(&x->w, &thought);
    row_add_fact(&x->w, &never);
    Row row;
    read_back(x, &row);
    assert_same_fact(&row.facts[0].fact, &thought);
    assert_int_equal(row.facts[0].fact.usage.tokens_reasoning, 20);
    assert_int_equal(row.facts[1].fact.retry_after_ms, -1);
    assert_golden("row_reasoned", buf_str(&x->body));
}

/* What was granted under a business key, and whose outcome it was. */
static void what_was_granted_comes_back_as_written(void **state) {
    World *x = *state;
    Fact granted = others[0], taken = finished;
    granted.generation = 3;
    granted.since_ms = 1763692380000;
    granted.from = STR("r-0");
    taken.reused = true;
    taken.from = STR("r-0");
    taken.id = STR("work/pay");
    row_add_fact(&x->w, &granted);
    row_add_fact(&x->w, &taken);
    Row row;
    read_back(x, &row);
    assert_same_fact(&row.facts[0].fact, &granted);
    assert_int_equal(row.facts[0].fact.generation, 3);
    assert_int_equal(row.facts[0].fact.since_ms, 1763692380000);
    assert_same_fact(&row.facts[1].fact, &taken);
    assert_golden("row_granted", buf_str(&x->body));
}

static void a_payload_that_is_not_there_stays_absent(void **state) {
    World *x = *state;
    row_add_fact(&x->w, &others[0]);
    Row row;
    read_back(x, &row);
    assert_null(row.facts[0].fact.payload.p);
    assert_non_null(row.facts[0].fact.message.p);
}

static void a_large_payload_travels_beside_the_row_by_hash(void **state) {
    World *x = *state;
    char *text = xmalloc(LIMIT_PAYLOAD_INLINE_BYTES + 1);
    memset(text, '7', LIMIT_PAYLOAD_INLINE_BYTES + 1);
    Fact small = finished, large = finished;
    small.payload = (Str){ text, LIMIT_PAYLOAD_INLINE_BYTES };
    large.payload = (Str){ text, LIMIT_PAYLOAD_INLINE_BYTES + 1 };
    row_add_fact(&x->w, &large);
    row_add_fact(&x->w, &small);
    Row row;
    read_back(x, &row);
    Hash h = hash_bytes(large.payload);
    assert_true(row.facts[0].large);
    assert_null(row.facts[0].fact.payload.p);
    assert_true(hash_eq(&row.facts[0].hash, &h));
    assert_false(row.facts[1].large);
    assert_true(str_eq(row.facts[1].fact.payload, small.payload));
    assert_int_equal(x->w.n_large, 1);
    assert_true(str_eq(x->w.large[0].bytes, large.payload));
    assert_true(hash_eq(&x->w.large[0].hash, &h));
    assert_int_equal(x->w.data.len, LIMIT_PAYLOAD_INLINE_BYTES);
    free(text);
}

static void erased_data_leaves_a_body_that_reads(void **state) {
    World *x = *state;
    row_add_fact(&x->w, &finished);
    row_add_fact(&x->w, &others[0]);
    buf_reset(&x->body);
    row_body(&x->w, &x->body);
    Row row;
    assert_int_equal(row_read(buf_str(&x->body), STR(""), true, &x->arena, &row), 0);
    assert_true(row.facts[0].erased);
    assert_null(row.facts[0].fact.payload.p);
    assert_false(row.facts[1].erased);
    assert_int_equal(row_read(buf_str(&x->body), STR(""), false, &x->arena, &row), ROW_E_CORRUPT);
}

static void a_row_that_is_reset_forgets_everything(void **state) {
    World *x = *state;
    row_add_fact(&x->w, &accepted);
    row_add_move(&x->w, &opened);
    row_reset(&x->w);
    assert_true(row_empty(&x->w));
    row_add_fact(&x->w, &others[1]);
    Row row;
    read_back(x, &row);
    assert_int_equal(row.n_facts, 1);
    assert_int_equal(row.n_moves, 0);
    assert_int_equal(x->w.data.len, 0);
}

static void a_row_cut_anywhere_is_refused_or_has_fewer_moves(void **state) {
    World *x = *state;
    row_add_fact(&x->w, &accepted);
    row_add_fact(&x->w, &finished);
    buf_reset(&x->body);
    row_body(&x->w, &x->body);
    for (size_t n = 0; n < x->body.len; n++) {
        Row row;
        Str cut = { x->body.p, n };
        assert_int_equal(row_read(cut, buf_str(&x->w.data), false, &x->arena, &row), ROW_E_CORRUPT);
    }
}

static void nonsense_is_refused(void **state) {
    World *x = *state;
    static const struct {
        const char *what, *bytes;
        size_t n;
    } cases[] = {
        { "empty", "", 0 },
        { "another version", "\x02\x00\x00\x01\x02\x00\x00\x00\x00\x01\x00", 11 },
        { "no facts", "\x01\x00\x00\x00", 4 },
        { "more facts than bytes", "\x01\x00\x00\x7f\x02\x00", 6 },
        { "unknown kind", "\x01\x00\x00\x01\x0e\x00", 6 },
        { "kind zero", "\x01\x00\x00\x01\x00\x00", 6 },
        { "unknown tag", "\x01\x00\x00\x01\x02\x7f\x00\x00", 8 },
        { "a failure that is reused", "\x01\x00\x00\x01\x03\x07\x02\x19\x01\x00", 10 },
        { "a timer that is reused", "\x01\x00\x00\x01\x05\x19\x01\x00", 8 },
        { "reused in other words", "\x01\x00\x00\x01\x03\x07\x01\x19\x00\x00", 10 },
        { "tags that descend", "\x01\x00\x00\x01\x02\x03\x01\x01\x02\x00", 10 },
        { "a tag twice", "\x01\x00\x00\x01\x02\x03\x01\x03\x01\x00", 10 },
        { "finished without outcome", "\x01\x00\x00\x01\x03\x00", 6 },
        { "outcome of a timer", "\x01\x00\x00\x01\x05\x07\x01\x00", 8 },
        { "text longer than the row", "\x01\x00\x00\x01\x02\x02\x7f\x00", 8 },
        { "payload without data", "\x01\x00\x00\x01\x02\x05\x01\x00", 8 },
        { "negative tokens", "\x01\x00\x00\x01\x03\x07\x01\x0b\x01\x00", 10 },
        { "a move of no fact", "\x01\x00\x00\x01\x02\x00\x01\x00\x00\x01\x00", 11 },
        { "a move to nowhere", "\x01\x00\x00\x01\x02\x00\x00\x00\x00\x0a\x00", 11 },
        { "a move with unknown flags", "\x01\x00\x00\x01\x02\x00\x00\x00\x00\x01\x08", 11 },
    };
    Row row;
    Str good = { "\x01\x00\x00\x01\x02\x00\x00\x00\x00\x01\x00", 11 };
    assert_int_equal(row_read(good, STR(""), false, &x->arena, &row), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Str body = { cases[i].bytes, cases[i].n };
        if (row_read(body, STR(""), false, &x->arena, &row) != ROW_E_CORRUPT)
            fail_msg("%s was read", cases[i].what);
    }
}

static void data_that_no_fact_names_is_refused(void **state) {
    World *x = *state;
    row_add_fact(&x->w, &others[0]);
    buf_reset(&x->body);
    row_body(&x->w, &x->body);
    Row row;
    assert_int_equal(row_read(buf_str(&x->body), STR("x"), false, &x->arena, &row), ROW_E_CORRUPT);
}

/* ---- values ---------------------------------------------------------------------------------------------------------- */

static Value make_example(Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "null", VALUE_NULL);
    map_addz(&m, "true", value_bool(true));
    map_addz(&m, "int", value_int(INT64_MIN));
    map_addz(&m, "uint", value_uint(UINT64_MAX));
    map_addz(&m, "double", value_double(-0.5));
    map_addz(&m, "text", value_str(STR("a\0b")));
    map_addz(&m, "bytes", (Value){ .type = V_BYTES, .len = 2, .s = "\xff\x00" });
    map_addz(&m, "time", (Value){ .type = V_TIMESTAMP, .len = 999999999, .i = -62135596800 });
    map_addz(&m, "duration", (Value){ .type = V_DURATION, .i = -5 });
    map_addz(&m, "type", (Value){ .type = V_TYPE, .len = 3, .s = "int" });
    map_addz(&m, "none", (Value){ .type = V_OPTIONAL });
    Value *one = ARENA_NEW(a, Value);
    *one = value_int(1);
    map_addz(&m, "some", (Value){ .type = V_OPTIONAL, .opt = one });
    map_add(&m, value_int(7), VALUE_EMPTY_LIST);
    map_add(&m, value_bool(false), VALUE_EMPTY_MAP);
    ListBuilder l = list_builder(a);
    for (int i = 0; i < 3000; i++)
        list_add(&l, value_int(i % 2 ? i : -i));
    map_addz(&m, "list", list_done(&l));
    return map_done(&m, NULL);
}

static void a_value_of_every_type_comes_back_the_same(void **state) {
    World *x = *state;
    Value v = make_example(&x->arena);
    value_encode(&x->body, v);
    Cursor c = cursor_on(buf_str(&x->body));
    Value again = value_decode(&c, &x->arena);
    assert_true(cursor_done(&c));
    assert_true(value_same(v, again));
    assert_true(value_same(value_entry(again, 12).key, value_int(7)));
    assert_golden("value", str_slice(buf_str(&x->body), 0, 200));
}

static void an_address_comes_back_the_same(void **state) {
    World *x = *state;
    Value v = { .type = V_NET, .len = 3, .s = "::1" };
    value_encode(&x->body, v);
    Cursor c = cursor_on(buf_str(&x->body));
    assert_true(value_same(v, value_decode(&c, &x->arena)) && cursor_done(&c));
}

static void nothing_at_all_comes_back_as_nothing(void **state) {
    World *x = *state;
    value_encode(&x->body, VALUE_ABSENT);
    Cursor c = cursor_on(buf_str(&x->body));
    assert_true(value_absent(value_decode(&c, &x->arena)));
    assert_true(cursor_done(&c));
}

static void a_value_cut_anywhere_is_bad(void **state) {
    World *x = *state;
    value_encode(&x->body, make_example(&x->arena));
    for (size_t n = 0; n < 300; n++) {
        Cursor c = cursor_on((Str){ x->body.p, n });
        assert_true(value_absent(value_decode(&c, &x->arena)));
        assert_true(c.bad);
    }
}

static void nonsense_values_are_bad(void **state) {
    World *x = *state;
    static const struct {
        const char *what, *bytes;
        size_t n;
    } cases[] = {
        { "unknown type", "\x0e", 1 },
        { "bool of two", "\x02\x02", 2 },
        { "absent in a list", "\x08\x01\x00", 3 },
        { "list longer than its bytes", "\x08\x7f\x01", 3 },
        { "null as key", "\x09\x01\x01\x01", 4 },
        { "the same key twice", "\x09\x02\x03\x02\x01\x03\x02\x01", 8 },
        { "too many nanoseconds", "\x0a\x00\x80\x94\xeb\xdc\x03", 7 },
        { "a year beyond 9999", "\x0a\x80\x80\x80\x80\x80\x80\x01\x00", 9 },
        { "optional of neither", "\x0d\x02\x01", 3 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Cursor c = cursor_on((Str){ cases[i].bytes, cases[i].n });
        value_decode(&c, &x->arena);
        if (!c.bad)
            fail_msg("%s was read", cases[i].what);
    }
}

static void a_value_nested_without_end_is_bad(void **state) {
    World *x = *state;
    for (int i = 0; i < 100000; i++)
        buf_str_add(&x->body, STR("\x08\x01"));
    Cursor c = cursor_on(buf_str(&x->body));
    value_decode(&c, &x->arena);
    assert_true(c.bad);
    Value v = VALUE_NULL;
    for (int i = 0; i < 300; i++) {
        Value *item = ARENA_NEW(&x->arena, Value);
        *item = v;
        v = value_list(item, 1);
    }
    buf_reset(&x->body);
    value_encode(&x->body, v);
    assert_true(buf_over(&x->body));
}

/* ---- text ------------------------------------------------------------------------------------------------------------ */

static void assert_text(World *x, const Fact *f, const char *want) {
    buf_reset(&x->body);
    fact_write_text(&x->body, f);
    buf_char(&x->body, '\0');
    assert_string_equal(x->body.p, want);
}

static void facts_and_moves_print_on_one_line(void **state) {
    World *x = *state;
    Fact f = { .kind = FACT_FINISHED,
               .time_ms = 1200,
               .address = STR("plan"),
               .attempt = 1,
               .outcome = OUTCOME_OK,
               .payload = STR("{\"x\":1}") };
    assert_text(x, &f, "@1200 finished plan#1 ok {\"x\":1}");
    assert_text(
        x, &failed,
        "@1763692380999 finished pay#1 unknown unavailable (maybe sent): HTTP 503 from pay.example"
        " retry_after_ms=2500 {\"status\":503}");
    assert_text(x, &others[0], "@1 dispatching pay#1");
    assert_text(x, &others[1], "@2 timer nap wait");
    assert_text(x, &others[2], "@3 signal go id s1 from ann 1");
    assert_text(x, &others[3], "@4 decision pay done from bo null");
    assert_text(x, &others[4], "@5 control pause from bo: lunch");
    assert_text(x, &others[5], "@6 recovered engine 1/7");
    buf_reset(&x->body);
    move_write_text(&x->body, &opened);
    buf_char(&x->body, '\0');
    assert_string_equal(x->body.p, "plan new > running #1 (needs draft)");
}

static void every_error_kind_is_found_by_its_name(void **state) {
    (void)state;
    for (int k = KIND_NONE + 1; k < KIND_COUNT; k++)
        assert_int_equal(error_kind_from(str_from(error_kind_name((ErrorKind)k))), k);
    assert_int_equal(error_kind_from(STR("out_of_coffee")), KIND_NONE);
    assert_int_equal(error_kind_from(STR("")), KIND_NONE);
}

/* ---- speed ----------------------------------------------------------------------------------------------------------- */

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A guard against a slip of an order of magnitude, not a benchmark: under sanitizers and on a busy machine it holds. */
static void a_chain_step_is_encoded_in_well_under_ten_microseconds(void **state) {
    World *x = *state;
    enum { STEPS = 100000 };
    int64_t start = now_ns();
    for (int i = 0; i < STEPS; i++) {
        row_reset(&x->w);
        buf_reset(&x->body);
        row_add_fact(&x->w, &finished);
        row_add_move(&x->w, &done);
        row_add_move(&x->w, &opened);
        row_body(&x->w, &x->body);
    }
    int64_t each = (now_ns() - start) / STEPS;
    print_message("[          ] a chain step: %zu bytes, %lld ns\n", x->body.len, (long long)each);
    assert_true(each < 10000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_fact_comes_back_as_written),
        TEST(moves_come_back_and_keep_their_bytes),
        TEST(what_is_reused_comes_back_as_written),
        TEST(what_was_granted_comes_back_as_written),
        TEST(what_a_model_reasoned_comes_back_as_written),
        TEST(a_payload_that_is_not_there_stays_absent),
        TEST(a_large_payload_travels_beside_the_row_by_hash),
        TEST(erased_data_leaves_a_body_that_reads),
        TEST(a_row_that_is_reset_forgets_everything),
        TEST(a_row_cut_anywhere_is_refused_or_has_fewer_moves),
        TEST(nonsense_is_refused),
        TEST(data_that_no_fact_names_is_refused),
        TEST(a_value_of_every_type_comes_back_the_same),
        TEST(an_address_comes_back_the_same),
        TEST(nothing_at_all_comes_back_as_nothing),
        TEST(a_value_cut_anywhere_is_bad),
        TEST(nonsense_values_are_bad),
        TEST(a_value_nested_without_end_is_bad),
        TEST(facts_and_moves_print_on_one_line),
        TEST(every_error_kind_is_found_by_its_name),
        TEST(a_chain_step_is_encoded_in_well_under_ten_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
