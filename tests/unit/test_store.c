/* The contract of the store port, run against every backend. */
#include "store/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sqlite3.h>

/* Where a test's store lives, and how another engine gets to it. */
typedef struct World {
    bool sqlite;
    StoreMemory *memory;
    Store *s;
    Arena arena;
    Hash heads[8]; /* of runs a, b, c ... */
} World;

static Store *open_sqlite(void) {
    Store *s = NULL;
    char problem[STORE_PROBLEM_BYTES] = "";
    StoreSqliteOptions options = { .install_key = test_key, .sweep_rows = 7 };
    int r = store_sqlite_open(test_dir("store"), &options, &s, problem);
    if (r)
        print_error("%d: %s\n", r, problem);
    assert_int_equal(r, 0);
    return s;
}

static void open_world(World *w) {
    w->s = w->sqlite ? open_sqlite() : store_memory_open_as(w->memory, 1);
}

static StoreLease enter(World *w) {
    StoreLease lease;
    assert_int_equal(w->s->ops->enter(w->s, 1000, 5000, &lease), 0);
    return lease;
}

/* As after a kill if not clean. */
static StoreLease reopen(World *w, bool clean) {
    if (clean)
        assert_int_equal(w->s->ops->leave(w->s, 2000), 0);
    store_close(w->s);
    open_world(w);
    return enter(w);
}

static int setup(void **state, bool sqlite) {
    World *w = xcalloc(1, sizeof *w);
    w->sqlite = sqlite;
    arena_init(&w->arena, 0);
    if (sqlite)
        remove_store(test_dir("store"));
    else
        w->memory = store_memory_new(test_key);
    open_world(w);
    enter(w);
    *state = w;
    return 0;
}

static int setup_memory(void **state) { return setup(state, false); }

static int setup_sqlite(void **state) { return setup(state, true); }

static int teardown(void **state) {
    World *w = *state;
    store_close(w->s);
    if (w->sqlite)
        remove_store(test_dir("store"));
    store_memory_free(w->memory);
    arena_deinit(&w->arena);
    free(w);
    return 0;
}

static const StoreRunInfo idle = {
    .state = STORE_IDLE, .created_ms = 5, .updated_ms = 6, .name = { "w", 1 }, .info = { "{}", 2 }
};
static const StoreRunInfo active = {
    .state = STORE_ACTIVE, .created_ms = 5, .updated_ms = 6, .name = { "w", 1 }, .info = { "{}", 2 }
};

static StorePayload closure(void) {
    return (StorePayload){ hash_bytes(STR("the closure")), STR("the closure") };
}

/* Row `seq` of run "a", "b" ...; the chain is kept in the world. */
static StoreAppend item(World *w, const char *run, uint64_t seq) {
    static Hash closure_hash;
    closure_hash = closure().hash;
    StoreAppend it = { .run = str_from(run), .seq = seq, .data = STR("data") };
    it.body = arena_fmt(&w->arena, "body %s %llu", run, (unsigned long long)seq);
    Hash *head = &w->heads[run[0] - 'a'], data_hash = hash_bytes(it.data);
    it.hash = *head = store_chain(seq == 1 ? &(Hash){ { 0 } } : head, it.body, &data_hash);
    if (seq == 1) {
        it.info = &idle;
        it.closure = &closure_hash;
    }
    return it;
}

static int append(World *w, StoreAppend *items, size_t n) {
    StorePayload c = closure();
    StoreBatch batch = { .items = items, .n = n, .closures = &c, .n_closures = 1, .now_ms = 3000 };
    return w->s->ops->append(w->s, &batch);
}

static StoreOutcome append_one(World *w, StoreAppend it) {
    assert_int_equal(append(w, &it, 1), 0);
    return it.outcome;
}

static void assert_ok(World *w, StoreAppend it) { assert_int_equal(append_one(w, it), STORE_OK); }

static StoreRun load(World *w, const char *id, bool all) {
    StoreRun run;
    assert_int_equal(w->s->ops->load(w->s, str_from(id), all, &w->arena, &run), 0);
    return run;
}

static void assert_str(Str a, const char *expected) {
    assert_int_equal(a.len, strlen(expected));
    assert_memory_equal(a.p, expected, a.len);
}

static void first_append_creates_the_run(void **state) {
    World *w = *state;
    assert_ok(w, item(w, "a", 1));
    StoreRun run = load(w, "a", false);
    assert_str(run.id, "a");
    assert_int_equal(run.head_seq, 1);
    assert_true(hash_eq(&run.head_hash, &w->heads[0]));
    assert_str(run.closure, "the closure");
    assert_null(run.snapshot.p);
    assert_int_equal(run.info.state, STORE_IDLE);
    assert_int_equal(run.info.created_ms, 5);
    assert_int_equal(run.info.updated_ms, 6);
    assert_str(run.info.info, "{}");
    assert_int_equal(run.n_rows, 1);
    assert_str(run.rows[0].body, "body a 1");
    assert_str(run.rows[0].data, "data");
    assert_false(run.rows[0].forgotten);
}

static void unknown_run_is_not_found(void **state) {
    World *w = *state;
    StoreRun run;
    Str bytes;
    Hash hash = hash_bytes(STR("x"));
    assert_int_equal(w->s->ops->load(w->s, STR("nobody"), false, &w->arena, &run),
                     STORE_E_NOT_FOUND);
    assert_int_equal(w->s->ops->payload(w->s, STR("nobody"), &hash, &w->arena, &bytes),
                     STORE_E_NOT_FOUND);
    assert_ok(w, item(w, "a", 1));
    assert_int_equal(w->s->ops->payload(w->s, STR("a"), &hash, &w->arena, &bytes),
                     STORE_E_NOT_FOUND);
}

static void append_out_of_order_is_a_conflict(void **state) {
    World *w = *state;
    assert_int_equal(append_one(w, item(w, "a", 2)), STORE_CONFLICT); /* no such run */
    assert_ok(w, item(w, "a", 1));
    assert_int_equal(append_one(w, item(w, "a", 1)), STORE_CONFLICT); /* exists */
    assert_int_equal(append_one(w, item(w, "a", 3)), STORE_CONFLICT); /* a gap */
    assert_int_equal(load(w, "a", true).n_rows, 1);
    StoreAppend first = item(w, "a", 1); /* the chain of the world moved on with the refused ones */
    w->heads[0] = first.hash;
    assert_ok(w, item(w, "a", 2));
    assert_int_equal(append_one(w, item(w, "a", 2)), STORE_CONFLICT);
    reopen(w, false);
    assert_int_equal(append_one(w, item(w, "a", 2)), STORE_CONFLICT);
    assert_int_equal(load(w, "a", true).head_seq, 2);
}

static void refused_item_leaves_nothing_and_the_others_go_on(void **state) {
    World *w = *state;
    StoreMail mail = { .id = STR("m"), .to = STR("a"), .body = STR("hello") };
    StoreOpen open = { .kind = 1, .due_ms = 10, .key = STR(""), .address = STR("x") };
    StoreAppend items[] = { item(w, "a", 1), item(w, "b", 7), item(w, "c", 1) };
    items[1].mail = &mail;
    items[1].n_mail = 1;
    items[1].opens = &open;
    items[1].n_opens = 1;
    items[1].set_opens = true;
    assert_int_equal(append(w, items, 3), 0);
    assert_int_equal(items[0].outcome, STORE_OK);
    assert_int_equal(items[1].outcome, STORE_CONFLICT);
    assert_int_equal(items[2].outcome, STORE_OK);
    StoreDue due[4];
    StoreMail found[4];
    size_t n;
    int64_t next;
    assert_int_equal(w->s->ops->opens(w->s, STR(""), 0, 0, 4, &w->arena, due, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(w->s->ops->mail(w->s, false, 99, 4, &w->arena, found, &n, &next), 0);
    assert_int_equal(n, 0);
    assert_int_equal(load(w, "c", false).head_seq, 1);
}

static void one_run_twice_in_a_batch(void **state) {
    World *w = *state;
    StoreAppend items[] = { item(w, "a", 1), item(w, "a", 2), item(w, "a", 2), item(w, "a", 3) };
    assert_int_equal(append(w, items, 3), 0);
    assert_int_equal(items[0].outcome, STORE_OK);
    assert_int_equal(items[1].outcome, STORE_OK);
    assert_int_equal(items[2].outcome, STORE_CONFLICT);
    assert_int_equal(load(w, "a", true).n_rows, 2);
}

static void append_without_entering_is_a_conflict(void **state) {
    World *w = *state;
    assert_int_equal(w->s->ops->leave(w->s, 2000), 0);
    assert_int_equal(append_one(w, item(w, "a", 1)), STORE_CONFLICT);
    StoreRun run;
    assert_int_equal(w->s->ops->load(w->s, STR("a"), false, &w->arena, &run), STORE_E_NOT_FOUND);
}

static void entering_says_whether_the_last_engine_left(void **state) {
    World *w = *state;
    StoreLease crashed = reopen(w, false);
    assert_int_equal(crashed.engine, 1);
    assert_true(crashed.recovered);
    StoreLease left = reopen(w, true);
    assert_false(left.recovered);
    assert_true(left.epoch > crashed.epoch);
    StoreLease again = reopen(w, false);
    assert_true(again.recovered);
    assert_true(again.epoch > left.epoch);
}

static void lease_of_the_only_engine_is_not_lost(void **state) {
    World *w = *state;
    bool lost = true;
    size_t runs = 9;
    assert_int_equal(w->s->ops->renew(w->s, 99999, 5000, &lost), 0);
    assert_false(lost);
    assert_int_equal(w->s->ops->takeover(w->s, 99999, &runs), 0);
    assert_int_equal(runs, 0);
}

static void rows_come_oldest_first_over_many_batches_and_reopenings(void **state) {
    World *w = *state;
    for (uint64_t seq = 1; seq <= 40; seq++) {
        assert_ok(w, item(w, "a", seq));
        if (seq % 3 == 0)
            assert_ok(w, item(w, "b", seq / 3));
        if (seq % 11 == 0)
            reopen(w, seq % 2);
        assert_int_equal(load(w, "a", false).head_seq, seq);
    }
    StoreRun run = load(w, "a", true);
    assert_int_equal(run.n_rows, 40);
    for (uint64_t i = 0; i < 40; i++) {
        assert_int_equal(run.rows[i].seq, i + 1);
        assert_true(i == 0 || run.rows[i].id > run.rows[i - 1].id);
    }
    assert_true(hash_eq(&run.head_hash, &w->heads[0]));
    assert_int_equal(load(w, "b", true).n_rows, 13);
}

static void snapshot_covers_the_rows_up_to_it(void **state) {
    World *w = *state;
    for (uint64_t seq = 1; seq <= 6; seq++) {
        StoreAppend it = item(w, "a", seq);
        if (seq == 2 || seq == 4)
            it.snapshot = seq == 2 ? STR("older") : STR("newer");
        assert_ok(w, it);
    }
    StoreRun run = load(w, "a", false);
    assert_str(run.snapshot, "newer");
    assert_int_equal(run.snapshot_seq, 4);
    assert_int_equal(run.n_rows, 2);
    assert_int_equal(run.rows[0].seq, 5);
    assert_int_equal(load(w, "a", true).n_rows, 6);
    StoreAppend last = item(w, "a", 7);
    last.snapshot = STR(""); /* empty is not absent */
    assert_ok(w, last);
    run = load(w, "a", false);
    assert_int_equal(run.n_rows, 0);
    assert_non_null(run.snapshot.p);
    assert_int_equal(run.snapshot_seq, 7);
}

static void info_stays_unless_given(void **state) {
    World *w = *state;
    assert_ok(w, item(w, "a", 1));
    assert_ok(w, item(w, "a", 2));
    assert_int_equal(load(w, "a", false).info.state, STORE_IDLE);
    StoreAppend it = item(w, "a", 3);
    StoreRunInfo done = { .state = STORE_DONE,
                          .created_ms = 5,
                          .updated_ms = 77,
                          .name = STR("w"),
                          .info = STR("{\"x\":1}") };
    it.info = &done;
    assert_ok(w, it);
    assert_ok(w, item(w, "a", 4));
    reopen(w, false);
    StoreRun run = load(w, "a", false);
    assert_int_equal(run.info.state, STORE_DONE);
    assert_int_equal(run.info.updated_ms, 77);
    assert_str(run.info.info, "{\"x\":1}");
    assert_int_equal(run.head_seq, 4);
}

static void payloads_belong_to_their_run(void **state) {
    World *w = *state;
    StorePayload p[] = { { hash_bytes(STR("one")), STR("one") }, { hash_bytes(STR("")), STR("") } };
    StoreAppend it = item(w, "a", 1);
    it.payloads = p;
    it.n_payloads = 2;
    assert_ok(w, it);
    it = item(w, "a", 2);
    it.payloads = p; /* again: no error */
    it.n_payloads = 1;
    assert_ok(w, it);
    assert_ok(w, item(w, "b", 1));
    Str bytes;
    assert_int_equal(w->s->ops->payload(w->s, STR("a"), &p[0].hash, &w->arena, &bytes), 0);
    assert_str(bytes, "one");
    assert_int_equal(w->s->ops->payload(w->s, STR("a"), &p[1].hash, &w->arena, &bytes), 0);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(w->s->ops->payload(w->s, STR("b"), &p[0].hash, &w->arena, &bytes),
                     STORE_E_NOT_FOUND);
}

static void count_problem(void *ctx, Str text) {
    print_error("%.*s\n", STR_FMT(text));
    ++*(size_t *)ctx;
}

static void a_run_is_moved_to_another_closure(void **state) {
    World *w = *state;
    StorePayload other = { hash_bytes(STR("another")), STR("another") };
    assert_ok(w, item(w, "a", 1));
    assert_ok(w, item(w, "b", 1));
    StoreAppend moved = item(w, "a", 2);
    moved.closure = &other.hash;
    moved.info = &idle;
    StoreBatch batch = { .items = &moved, .n = 1, .closures = &other, .n_closures = 1 };
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    assert_int_equal(moved.outcome, STORE_OK);
    assert_str(load(w, "a", false).closure, "another");
    assert_ok(w, item(w, "a", 3));
    StoreAppend again = item(w, "a", 4);
    again.info = &active;
    assert_ok(w, again);
    assert_str(load(w, "a", true).closure, "another");
    assert_str(load(w, "b", true).closure, "the closure");
    uint64_t rows;
    size_t problems = 0;
    assert_int_equal(w->s->ops->check(w->s, count_problem, &problems, &rows), 0);
}

static void closures_are_stored_once(void **state) {
    World *w = *state;
    assert_ok(w, item(w, "a", 1));
    StorePayload other = { hash_bytes(STR("another")), STR("another") };
    StoreAppend b = item(w, "b", 1), c = item(w, "c", 1);
    b.closure = &other.hash;
    StoreAppend items[] = { b, c };
    StoreBatch batch = { .items = items, .n = 2, .closures = &other, .n_closures = 1 };
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    assert_int_equal(items[0].outcome, STORE_OK);
    assert_int_equal(items[1].outcome, STORE_OK); /* its closure came with an earlier batch */
    assert_str(load(w, "a", false).closure, "the closure");
    assert_str(load(w, "b", false).closure, "another");
    assert_str(load(w, "c", false).closure, "the closure");
}

static size_t count_opens(World *w, const char *run) {
    StoreDue due[16];
    size_t n;
    assert_int_equal(w->s->ops->opens(w->s, str_from(run), 0, 0, 16, &w->arena, due, &n), 0);
    return n;
}

static void opens_are_replaced_only_when_set(void **state) {
    World *w = *state;
    StoreOpen opens[] = { { .kind = 3, .key = STR("approve"), .address = STR("s") },
                          { .kind = 4, .key = STR(""), .due_ms = 50, .address = STR("t") } };
    StoreAppend it = item(w, "a", 1);
    it.opens = opens;
    it.n_opens = 2;
    it.set_opens = true;
    assert_ok(w, it);
    assert_ok(w, item(w, "b", 1));
    assert_ok(w, item(w, "a", 2));
    assert_int_equal(count_opens(w, "a"), 2);
    assert_int_equal(count_opens(w, "b"), 0);
    assert_int_equal(count_opens(w, ""), 2);
    StoreDue due[2];
    size_t n;
    assert_int_equal(w->s->ops->opens(w->s, STR("a"), 0, 0, 1, &w->arena, due, &n), 0);
    assert_int_equal(n, 1);
    assert_str(due[0].key, "approve");
    assert_str(due[0].address, "s");
    assert_str(due[0].run, "a");
    assert_int_equal(due[0].kind, 3);
    it = item(w, "a", 3);
    it.set_opens = true;
    it.opens = &opens[1];
    it.n_opens = 1;
    assert_ok(w, it);
    assert_int_equal(count_opens(w, "a"), 1);
    it = item(w, "a", 4);
    it.set_opens = true;
    assert_ok(w, it);
    assert_int_equal(count_opens(w, ""), 0);
}

static void due_is_soonest_first_and_tells_the_next(void **state) {
    World *w = *state;
    const char *names[] = { "a", "b", "c" };
    int64_t times[] = { 300, 100, 200 };
    for (size_t i = 0; i < 3; i++) {
        StoreOpen opens[] = {
            { .kind = 1, .key = STR("signal"), .address = STR("s") },
            { .kind = 2, .key = STR(""), .due_ms = times[i], .address = STR("t") }
        };
        StoreAppend it = item(w, names[i], 1);
        it.opens = opens;
        it.n_opens = 2;
        it.set_opens = true;
        assert_ok(w, it);
    }
    StoreDue due[8];
    size_t n;
    int64_t next;
    assert_int_equal(w->s->ops->due(w->s, 99, 8, &w->arena, due, &n, &next), 0);
    assert_int_equal(n, 0);
    assert_int_equal(next, 100);
    assert_int_equal(w->s->ops->due(w->s, 200, 8, &w->arena, due, &n, &next), 0);
    assert_int_equal(n, 2);
    assert_str(due[0].run, "b");
    assert_str(due[1].run, "c");
    assert_int_equal(due[1].due_ms, 200);
    assert_int_equal(next, 300);
    assert_int_equal(w->s->ops->due(w->s, 200, 1, &w->arena, due, &n, &next), 0);
    assert_int_equal(n, 1);
    assert_int_equal(next, 200); /* it is due, and was only left out */
    assert_int_equal(w->s->ops->due(w->s, 1000, 3, &w->arena, due, &n, &next), 0);
    assert_int_equal(n, 3);
    assert_int_equal(next, 0);
}

static size_t mail_now(World *w, int64_t now_ms, StoreMail *ret, int64_t *ret_next) {
    size_t n;
    assert_int_equal(w->s->ops->mail(w->s, false, now_ms, 8, &w->arena, ret, &n, ret_next), 0);
    return n;
}

static void mail_is_posted_once_and_deleted_by_its_taker(void **state) {
    World *w = *state;
    StoreMail sent[] = { { .id = STR("1"), .to = STR("a"), .body = STR("first") },
                         { .id = STR("2"), .to = STR("webhook"), .body = STR("second") },
                         { .id = STR("1"), .to = STR("b"), .body = STR("again") } };
    StoreMail found[8];
    int64_t next;
    assert_int_equal(w->s->ops->post(w->s, sent, 3), 0);
    assert_int_equal(w->s->ops->post(w->s, sent, 2), 0);
    assert_int_equal(mail_now(w, 0, found, &next), 2);
    assert_str(found[0].id, "1");
    assert_str(found[0].to, "a");
    assert_str(found[0].body, "first");
    assert_str(found[1].to, "webhook");
    StoreAppend it = item(w, "a", 1);
    Str taken = STR("1");
    it.mail_taken = &taken;
    it.n_mail_taken = 1;
    StoreMail inserted = { .id = STR("3"), .to = STR("b"), .body = STR("third") };
    it.mail = &inserted;
    it.n_mail = 1;
    assert_ok(w, it);
    reopen(w, false);
    assert_int_equal(mail_now(w, 0, found, &next), 2);
    assert_str(found[0].id, "2");
    assert_str(found[1].id, "3");
    Str done = STR("2");
    StoreBatch batch = { .mail_done = &done, .n_mail_done = 1 };
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    assert_int_equal(mail_now(w, 0, found, &next), 1);
}

static size_t mail_to_world(World *w, int64_t now_ms, StoreMail *ret, int64_t *ret_next) {
    size_t n;
    assert_int_equal(w->s->ops->mail(w->s, true, now_ms, 2, &w->arena, ret, &n, ret_next), 0);
    return n;
}

static void mail_to_the_world_is_apart_and_may_be_put_off(void **state) {
    World *w = *state;
    StoreMail sent[] = {
        { .id = STR("1"), .to = STR("a"), .not_before_ms = 70, .body = STR("x") },
        { .id = STR("2"), .to = STR("@hook"), .body = STR("first") },
        { .id = STR("3"), .to = STR("@hook"), .body = STR("second") },
        { .id = STR("4"), .to = STR("@hook"), .not_before_ms = 90, .body = STR("x") }
    };
    StoreMail found[8];
    int64_t next;
    assert_int_equal(w->s->ops->post(w->s, sent, 4), 0);
    assert_int_equal(mail_now(w, 0, found, &next), 0);
    assert_int_equal(next, 70);
    assert_int_equal(mail_to_world(w, 0, found, &next), 2);
    assert_int_equal(next, 90);
    assert_str(found[0].id, "2");
    StoreMail again = { .id = STR("2"), .to = STR("@done"), .not_before_ms = 80, .body = STR("y") };
    StoreBatch batch = { .mail_again = &again, .n_mail_again = 1 };
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    reopen(w, false);
    assert_int_equal(mail_to_world(w, 0, found, &next), 1);
    assert_str(found[0].id, "3");
    assert_int_equal(next, 80);
    assert_int_equal(mail_to_world(w, 80, found, &next), 2);
    assert_str(found[1].to, "@done");
    assert_str(found[1].body, "y");
    assert_int_equal(found[1].not_before_ms, 80);
    assert_int_equal(mail_now(w, 100, found, &next), 1);
}

static size_t kept_for(World *w, const char *to, const char *id, uint64_t skip, StoreMail *ret) {
    size_t n;
    assert_int_equal(w->s->ops->kept(w->s, str_from(to), str_from(id), skip, 2, &w->arena, ret, &n),
                     0);
    return n;
}

static void mail_that_is_kept_is_there_until_it_is_changed(void **state) {
    World *w = *state;
    StoreMail sent[] = {
        { .id = STR("a:1"), .to = STR("@in"), .not_before_ms = STORE_KEPT, .body = STR("x") },
        { .id = STR("a:2"), .to = STR("@in"), .not_before_ms = STORE_KEPT, .body = STR("y") },
        { .id = STR("b:1"), .to = STR("@in"), .not_before_ms = STORE_KEPT, .body = STR("z") },
        { .id = STR("4"), .to = STR("@in"), .not_before_ms = 90, .body = STR("sent some day") },
        { .id = STR("5"), .to = STR("@else"), .not_before_ms = STORE_KEPT, .body = STR("x") }
    };
    StoreMail found[8];
    int64_t next;
    assert_int_equal(w->s->ops->post(w->s, sent, 5), 0);
    reopen(w, false);
    assert_int_equal(mail_to_world(w, STORE_KEPT - 1, found, &next), 1);
    assert_int_equal(kept_for(w, "@in", "", 0, found), 2);
    assert_str(found[0].id, "a:1");
    assert_str(found[1].body, "y");
    assert_int_equal(kept_for(w, "@in", "", 2, found), 1);
    assert_str(found[0].id, "b:1");
    assert_int_equal(kept_for(w, "@in", "5", 0, found), 0);
    assert_int_equal(kept_for(w, "@in", "4", 0, found), 0);
    StoreMail again = {
        .id = STR("a:2"), .to = STR("@seen"), .not_before_ms = STORE_KEPT, .body = STR("by ann")
    };
    StoreBatch batch = { .mail_again = &again, .n_mail_again = 1 };
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    reopen(w, false);
    assert_int_equal(kept_for(w, "@in", "", 0, found), 2);
    assert_str(found[1].id, "b:1");
    assert_int_equal(kept_for(w, "@in", "a:2", 0, found), 0);
    assert_int_equal(kept_for(w, "@seen", "a:2", 0, found), 1);
    assert_str(found[0].body, "by ann");
    assert_int_equal(found[0].not_before_ms, STORE_KEPT);
}

static void mail_waits_for_its_time(void **state) {
    World *w = *state;
    StoreMail sent[] = {
        { .id = STR("late"), .to = STR("a"), .not_before_ms = 500, .body = STR("x") },
        { .id = STR("soon"), .to = STR("a"), .not_before_ms = 100, .body = STR("x") },
        { .id = STR("now"), .to = STR("a"), .body = STR("x") }
    };
    StoreMail found[8];
    int64_t next;
    assert_int_equal(w->s->ops->post(w->s, sent, 3), 0);
    assert_int_equal(mail_now(w, 50, found, &next), 1);
    assert_str(found[0].id, "now");
    assert_int_equal(next, 100);
    assert_int_equal(mail_now(w, 100, found, &next), 2);
    assert_int_equal(next, 500);
    assert_int_equal(mail_now(w, 500, found, &next), 3);
    assert_str(found[2].id, "late");
    assert_int_equal(found[2].not_before_ms, 500);
    assert_int_equal(next, 0);
}

static void spend(World *w, const char *key, int64_t cost, const char *info) {
    StoreAccount account = {
        .key = str_from(key), .cost = cost, .tokens = cost * 2, .calls = 1, .info = str_from(info)
    };
    StoreBatch batch = { .accounts = &account, .n_accounts = 1 };
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
}

static void accounts_are_sums_that_are_written_over(void **state) {
    World *w = *state;
    StoreAccount *found;
    size_t n;
    assert_int_equal(w->s->ops->accounts(w->s, &w->arena, &found, &n), 0);
    assert_int_equal(n, 0);
    spend(w, "b|2026-11", 5, "{}");
    spend(w, "a|2026-11", 1, "{}");
    spend(w, "b|2026-11", 9, "{\"x\":1}");
    spend(w, "b|2026-11", 9, "{\"x\":1}");
    reopen(w, false);
    assert_int_equal(w->s->ops->accounts(w->s, &w->arena, &found, &n), 0);
    assert_int_equal(n, 2);
    assert_str(found[0].key, "a|2026-11");
    assert_int_equal(found[1].cost, 9);
    assert_int_equal(found[1].tokens, 18);
    assert_int_equal(found[1].calls, 1);
    assert_str(found[1].info, "{\"x\":1}");
}

/* ---- business keys ---- */

static void start_run(World *w, const char *run) { assert_ok(w, item(w, run, 1)); }

static Hash named(unsigned n) { return hash_bytes((Str){ (const char *)&n, sizeof n }); }

static StoreClaim claim(World *w, const char *run, const char *address, unsigned name,
                        uint32_t generation) {
    StoreClaim c = { .name = named(name),
                     .run = str_from(run),
                     .address = str_from(address),
                     .generation = generation };
    StoreBatch batch = { .claims = &c, .n_claims = 1, .answers = &w->arena, .now_ms = 77 };
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    return c;
}

/* The run's next row, which tells this of its keys. */
static void tell(World *w, const char *run, uint64_t seq, StoreKeyChange change) {
    StoreAppend it = item(w, run, seq);
    it.keys = &change;
    it.n_keys = 1;
    assert_ok(w, it);
}

static StoreKeyChange said(unsigned name, const char *address, KeyState state, const char *result) {
    return (StoreKeyChange){ .name = named(name),
                             .address = str_from(address),
                             .state = state,
                             .result = result ? str_from(result) : STR_NULL };
}

static StoreClaimAnswer looked_up(World *w, unsigned name, int64_t now_ms, Str *ret_result) {
    StoreClaim c = { .name = named(name), .run = STR("b"), .address = STR("x"), .cached_ms = 100 };
    StoreBatch batch = { .claims = &c, .n_claims = 1, .answers = &w->arena, .now_ms = now_ms };
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    *ret_result = c.key.result;
    return c.answer;
}

static StoreKeyChange cached(unsigned name, const char *result, int64_t since_ms) {
    StoreKeyChange change = said(name, "ask", KEY_CACHED, result);
    change.since_ms = since_ms;
    return change;
}

static void what_is_cached_is_given_for_a_time_and_claims_nothing(void **state) {
    World *w = *state;
    Str result;
    assert_ok(w, item(w, "a", 1));
    assert_ok(w, item(w, "b", 1));
    assert_int_equal(looked_up(w, 1, 1000, &result), CLAIM_GRANTED);
    assert_int_equal(looked_up(w, 1, 1000, &result), CLAIM_GRANTED);
    tell(w, "a", 2, cached(1, "41", 1000));
    reopen(w, false);
    assert_int_equal(looked_up(w, 1, 1100, &result), CLAIM_DONE);
    assert_str(result, "41");
    assert_int_equal(looked_up(w, 1, 1101, &result), CLAIM_GRANTED);
    tell(w, "b", 2, cached(1, "42", 1101)); /* whoever wrote it before */
    assert_int_equal(looked_up(w, 1, 1201, &result), CLAIM_DONE);
    assert_str(result, "42");
    assert_int_equal(looked_up(w, 2, 1201, &result), CLAIM_GRANTED);
    StoreAppend it = item(w, "b", 3);
    it.forget = true;
    assert_ok(w, it);
    assert_int_equal(looked_up(w, 1, 1201, &result), CLAIM_GRANTED);
}

static void of_what_is_cached_the_oldest_go(void **state) {
    World *w = *state;
    enum { MORE = STORE_CACHED_MAX + STORE_CACHED_MAX / 4 + 10 };
    StoreKeyChange *changes = calloc(MORE, sizeof *changes);
    Str result;
    StoreKey *keys;
    size_t n;
    for (unsigned i = 0; i < MORE; i++)
        changes[i] = cached(i + 1, "1", 1000);
    StoreAppend it = item(w, "a", 1);
    it.keys = changes;
    it.n_keys = MORE;
    assert_ok(w, it);
    assert_ok(w, item(w, "b", 1));
    assert_int_equal(looked_up(w, 1, 1000, &result), CLAIM_GRANTED);
    assert_int_equal(looked_up(w, MORE, 1000, &result), CLAIM_DONE);
    assert_int_equal(w->s->ops->keys(w->s, &w->arena, &keys, &n), 0);
    assert_in_range(n, STORE_CACHED_MAX, STORE_CACHED_MAX + STORE_CACHED_MAX / 4);
    free(changes);
}

static void a_key_is_held_by_one_until_that_says_what_became_of_it(void **state) {
    World *w = *state;
    start_run(w, "a");
    start_run(w, "b");
    assert_int_equal(claim(w, "a", "pay", 1, 0).answer, CLAIM_GRANTED);
    assert_int_equal(claim(w, "a", "pay", 1, 0).answer, CLAIM_GRANTED);
    assert_int_equal(claim(w, "a", "pay2", 1, 0).answer, CLAIM_TAKEN);
    StoreClaim taken = claim(w, "b", "pay", 1, 0);
    assert_int_equal(taken.answer, CLAIM_TAKEN);
    assert_str(taken.key.run, "a");
    assert_int_equal(taken.key.since_ms, 77);
    assert_int_equal(claim(w, "b", "pay", 2, 0).answer, CLAIM_GRANTED);
    tell(w, "b", 2, said(1, "pay", KEY_DONE, "1")); /* it is not b's */
    tell(w, "a", 2, said(1, "pay", KEY_DOUBT, NULL));
    assert_int_equal(claim(w, "b", "pay", 1, 0).key.state, KEY_DOUBT);
    tell(w, "a", 3, said(1, "pay", KEY_DONE, "{\"id\":7}"));
    reopen(w, false);
    StoreClaim done = claim(w, "b", "pay", 1, 5);
    assert_int_equal(done.answer, CLAIM_DONE);
    assert_str(done.key.result, "{\"id\":7}");
    assert_str(done.key.address, "pay");
}

static void what_was_not_done_is_free_and_what_was_undone_has_another_generation(void **state) {
    World *w = *state;
    start_run(w, "a");
    start_run(w, "b");
    claim(w, "a", "pay", 1, 0);
    tell(w, "a", 2, said(1, "pay", KEY_FREE, NULL));
    assert_int_equal(claim(w, "b", "pay", 1, 0).key.generation, 0);
    tell(w, "b", 2, said(1, "pay", KEY_DONE, "1"));
    tell(w, "b", 3, said(1, "pay", KEY_UNDOING, NULL));
    assert_int_equal(claim(w, "a", "pay", 1, 0).answer, CLAIM_TAKEN);
    tell(w, "b", 4, said(1, "pay", KEY_DONE, NULL)); /* given up */
    assert_str(claim(w, "a", "pay", 1, 0).key.result, "1");
    tell(w, "b", 5, said(1, "pay", KEY_UNDOING, NULL));
    tell(w, "b", 6, said(1, "pay", KEY_UNDONE, NULL));
    StoreClaim next = claim(w, "a", "pay", 1, 0);
    assert_int_equal(next.answer, CLAIM_GRANTED);
    assert_int_equal(next.key.generation, 1);
    assert_int_equal(claim(w, "a", "pay", 1, 4).key.generation, 4);
}

static void who_takes_over_what_was_given_up_is_told_so_until_he_says_more(void **state) {
    World *w = *state;
    start_run(w, "a");
    start_run(w, "b");
    claim(w, "a", "pay", 1, 0);
    tell(w, "a", 2, said(1, "pay", KEY_UNKNOWN, NULL));
    assert_str(claim(w, "b", "pay", 1, 0).key.giver, "a");
    assert_str(claim(w, "b", "pay", 1, 0).key.giver, "a"); /* after a crash, say */
    tell(w, "b", 2, said(1, "pay", KEY_UNDER_WAY, NULL));
    assert_str(claim(w, "b", "pay", 1, 0).key.giver, "");
    tell(w, "b", 3, said(1, "pay", KEY_UNKNOWN, NULL));
    assert_str(claim(w, "a", "pay", 1, 1).key.giver, ""); /* a person wants it done as new */
}

static void what_a_run_leaves_behind_is_settled_by_its_place(void **state) {
    World *w = *state;
    start_run(w, "a");
    claim(w, "a", "work/pay", 1, 0);
    claim(w, "a", "works", 2, 0);
    claim(w, "a", "work/ship", 3, 0);
    tell(w, "a", 2, said(1, "work/pay", KEY_DONE, "1"));
    tell(w, "a", 3, said(2, "works", KEY_DONE, "1"));
    tell(w, "a", 4,
         (StoreKeyChange){ .address = STR("work"), .state = KEY_UNDONE, .within = true });
    start_run(w, "b");
    assert_int_equal(claim(w, "b", "x", 1, 0).key.generation, 1);
    assert_int_equal(claim(w, "b", "x", 2, 0).answer, CLAIM_DONE);
    assert_int_equal(claim(w, "b", "x", 3, 0).answer, CLAIM_TAKEN);
    tell(w, "a", 5, (StoreKeyChange){ .address = STR(""), .state = KEY_UNKNOWN, .within = true });
    assert_str(claim(w, "b", "x", 3, 0).key.giver, "a");
    assert_int_equal(claim(w, "b", "y", 1, 0).answer, CLAIM_TAKEN);
}

static void a_forgotten_run_keeps_its_keys_and_not_its_results(void **state) {
    World *w = *state;
    start_run(w, "a");
    claim(w, "a", "pay", 1, 0);
    claim(w, "a", "ship", 2, 0);
    tell(w, "a", 2, said(1, "pay", KEY_DONE, "\"secret\""));
    StoreAppend it = item(w, "a", 3);
    it.forget = true;
    assert_ok(w, it);
    start_run(w, "b");
    StoreClaim done = claim(w, "b", "pay", 1, 0);
    assert_int_equal(done.answer, CLAIM_DONE);
    assert_true(done.key.forgotten);
    assert_null(done.key.result.p);
    assert_str(claim(w, "b", "ship", 2, 0).key.giver, "a");
}

/* A start that finds the run there must not hold its keys. */
static void a_claim_goes_with_its_row(void **state) {
    World *w = *state;
    start_run(w, "a");
    start_run(w, "b");
    StoreClaim c = { .name = named(1), .address = STR("pay") };
    StoreAppend it = item(w, "a", 1);
    it.claims = &c;
    it.n_claims = 1;
    StoreBatch batch = { .items = &it, .n = 1, .answers = &w->arena };
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    assert_int_equal(it.outcome, STORE_CONFLICT);
    assert_int_equal(c.answer, CLAIM_UNANSWERED);
    assert_int_equal(claim(w, "b", "pay", 1, 0).answer, CLAIM_GRANTED);
    it = item(w, "a", 2);
    it.claims = &c;
    it.n_claims = 1;
    batch.items = &it;
    assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    assert_int_equal(c.answer, CLAIM_TAKEN);
}

static void list_is_newest_first_in_pages(void **state) {
    World *w = *state;
    const char *names[] = { "a", "b", "c", "d", "e" };
    for (size_t i = 0; i < 5; i++) {
        StoreAppend it = item(w, names[i], 1);
        it.info = i % 2 ? &active : &idle;
        assert_ok(w, it);
    }
    assert_ok(w, item(w, "b", 2));
    StoreRun runs[5];
    size_t n;
    uint64_t before = 0;
    assert_int_equal(w->s->ops->list(w->s, 0, before, 3, &w->arena, runs, &n, &before), 0);
    assert_int_equal(n, 3);
    assert_str(runs[0].id, "e");
    assert_str(runs[2].id, "c");
    assert_null(runs[0].rows);
    assert_int_equal(w->s->ops->list(w->s, 0, before, 3, &w->arena, runs, &n, &before), 0);
    assert_int_equal(n, 2);
    assert_str(runs[0].id, "b");
    assert_int_equal(runs[0].head_seq, 2);
    assert_true(hash_eq(&runs[0].head_hash, &w->heads[1]));
    assert_int_equal(w->s->ops->list(w->s, 0, before, 3, &w->arena, runs, &n, &before), 0);
    assert_int_equal(n, 0);
    assert_int_equal(w->s->ops->list(w->s, STORE_ACTIVE, 0, 5, &w->arena, runs, &n, &before), 0);
    assert_int_equal(n, 2);
    assert_str(runs[0].id, "d");
    assert_int_equal(w->s->ops->list(w->s, STORE_DONE, 0, 5, &w->arena, runs, &n, &before), 0);
    assert_int_equal(n, 0);
}

static void owned_runs_come_by_state_in_pages(void **state) {
    World *w = *state;
    const char *names[] = { "a", "b", "c", "d", "e" };
    for (size_t i = 0; i < 5; i++) {
        StoreAppend it = item(w, names[i], 1);
        it.info = i == 1 ? &idle : &active;
        assert_ok(w, it);
    }
    Str ids[5];
    size_t n;
    uint64_t after = 0;
    assert_int_equal(w->s->ops->owned(w->s, STORE_ACTIVE, after, 3, &w->arena, ids, &n, &after), 0);
    assert_int_equal(n, 3);
    assert_str(ids[0], "a");
    assert_str(ids[1], "c");
    assert_int_equal(w->s->ops->owned(w->s, STORE_ACTIVE, after, 3, &w->arena, ids, &n, &after), 0);
    assert_int_equal(n, 1);
    assert_str(ids[0], "e");
    assert_int_equal(w->s->ops->owned(w->s, STORE_ACTIVE, after, 3, &w->arena, ids, &n, &after), 0);
    assert_int_equal(n, 0);
}

static void workload_survives_every_kind_of_stop_and_checks_clean(void **state) {
    World *w = *state;
    Load l;
    load_init(&l, 42);
    uint64_t rows = 0, written = 0;
    for (int i = 0; i < 200; i++) {
        StoreBatch batch = load_batch(&l, 8, 1000 + 40 * i);
        assert_int_equal(w->s->ops->append(w->s, &batch), 0);
        for (size_t k = 0; k < batch.n; k++)
            assert_int_equal(batch.items[k].outcome, STORE_OK);
        written += batch.n;
        if (i % 37 == 36) {
            Hash before, after;
            assert_int_equal(digest(w->s, &before), 0);
            reopen(w, i % 2);
            assert_int_equal(digest(w->s, &after), 0);
            assert_true(hash_eq(&before, &after));
        }
    }
    size_t problems = 0;
    assert_int_equal(w->s->ops->check(w->s, count_problem, &problems, &rows), 0);
    assert_int_equal(problems, 0);
    assert_int_equal(rows, written);
    load_deinit(&l);
}

static void a_store_that_was_removed_takes_nothing_more(void **state) {
    World *w = *state;
    assert_ok(w, item(w, "a", 1));
    remove_store(test_dir("store"));
    StoreAppend it = item(w, "a", 2);
    assert_int_equal(append(w, &it, 1), -ERR_IO);
    assert_non_null(strstr(w->s->problem, "removed"));
}

static void install_key_stays(void **state) {
    World *w = *state;
    assert_memory_equal(w->s->install_key, test_key, 32);
    reopen(w, true);
    assert_memory_equal(w->s->install_key, test_key, 32);
}

/* ---- Memory only: several engines, power cuts, faults on command ---- */

static Store *second_engine(World *w) {
    StoreLease lease;
    Store *s = store_memory_open(w->memory);
    assert_int_equal(s->ops->enter(s, 1000, 5000, &lease), 0);
    assert_int_equal(lease.engine, 2);
    return s;
}

static void takeover_moves_runs_and_fences_the_late_engine(void **state) {
    World *w = *state;
    Store *first = w->s, *second = second_engine(w);
    StoreMail mail = { .id = STR("m"), .to = STR("a"), .body = STR("x") }, found[4];
    StoreMail world = { .id = STR("n"), .to = STR("webhook"), .body = STR("x") };
    size_t runs, n;
    bool lost;
    int64_t next;
    assert_ok(w, item(w, "a", 1));
    assert_int_equal(second->ops->post(second, &mail, 1), 0);
    assert_int_equal(first->ops->post(first, &world, 1), 0);
    assert_int_equal(second->ops->mail(second, false, 0, 4, &w->arena, found, &n, &next), 0);
    assert_int_equal(n, 0); /* mail for a run goes to its owner, other mail stays with its sender */
    assert_int_equal(second->ops->renew(second, 6000, 5000, &lost), 0);
    assert_int_equal(second->ops->takeover(second, 6000, &runs), 0);
    assert_int_equal(runs, 0); /* it ends at 6000: not before */
    assert_int_equal(second->ops->takeover(second, 6001, &runs), 0);
    assert_int_equal(runs, 1);
    assert_int_equal(second->ops->mail(second, false, 0, 4, &w->arena, found, &n, &next), 0);
    assert_int_equal(n, 2);
    assert_int_equal(append_one(w, item(w, "a", 2)), STORE_CONFLICT);
    assert_int_equal(append_one(w, item(w, "b", 1)),
                     STORE_CONFLICT); /* a fenced engine starts nothing either */
    assert_int_equal(first->ops->renew(first, 6002, 5000, &lost), 0);
    assert_true(lost);
    w->s = second;
    StoreAppend retry = item(w, "a", 1);
    w->heads[0] = retry.hash;
    assert_ok(w, item(w, "a", 2));
    w->s = first;
    store_close(second);
}

static void entering_again_fences_the_engine_before(void **state) {
    World *w = *state;
    assert_ok(w, item(w, "a", 1));
    Store *again = store_memory_open_as(w->memory, 1);
    StoreLease lease;
    assert_int_equal(again->ops->enter(again, 1000, 5000, &lease), 0);
    assert_true(lease.recovered);
    assert_int_equal(append_one(w, item(w, "a", 2)), STORE_CONFLICT);
    store_close(again);
}

static void cut_may_keep_the_first_unsynced_batches_each_whole(void **state) {
    World *w = *state;
    Load l;
    Hash at[13], now;
    load_init(&l, 7);
    store_memory_hold(w->memory, true);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(digest(w->s, &at[i]), 0);
        StoreBatch batch = load_batch(&l, 6, 1000);
        assert_int_equal(w->s->ops->append(w->s, &batch), 0);
    }
    assert_int_equal(store_memory_unsynced(w->memory), 12);
    store_memory_cut(w->memory, 5);
    assert_int_equal(store_memory_unsynced(w->memory), 0);
    assert_int_equal(digest(w->s, &now), 0);
    assert_true(hash_eq(&now, &at[5]));
    load_deinit(&l);
}

static void cut_goes_back_to_the_last_sync(void **state) {
    World *w = *state;
    Load l;
    Hash synced, now;
    load_init(&l, 9);
    store_memory_hold(w->memory, true);
    for (size_t i = 0; i < 40; i++) {
        StoreBatch batch = load_batch(&l, 6, 1000);
        assert_int_equal(w->s->ops->append(w->s, &batch), 0);
        if (i != 19)
            continue;
        store_memory_sync(w->memory);
        assert_int_equal(digest(w->s, &synced), 0);
    }
    assert_int_equal(digest(w->s, &now), 0);
    assert_false(hash_eq(&now, &synced));
    store_memory_cut(w->memory, 0);
    assert_int_equal(digest(w->s, &now), 0);
    assert_true(hash_eq(&now, &synced));
    load_deinit(&l);
}

static void faults_come_on_command(void **state) {
    World *w = *state;
    StoreAppend it = item(w, "a", 1);
    store_memory_fault(w->memory, STORE_FAULT_FULL, 2);
    assert_int_equal(append(w, &it, 1), -ERR_FULL);
    assert_int_equal(append(w, &it, 1), -ERR_FULL);
    assert_int_equal(it.outcome, STORE_PENDING);
    store_memory_fault(w->memory, STORE_FAULT_UNKNOWN_LOST, 1);
    assert_int_equal(append(w, &it, 1), 0);
    assert_int_equal(it.outcome, STORE_UNKNOWN);
    StoreRun run;
    assert_int_equal(w->s->ops->load(w->s, STR("a"), false, &w->arena, &run), STORE_E_NOT_FOUND);
    store_memory_fault(w->memory, STORE_FAULT_UNKNOWN_DONE, 1);
    assert_int_equal(append(w, &it, 1), 0);
    assert_int_equal(it.outcome, STORE_UNKNOWN);
    assert_int_equal(load(w, "a", false).head_seq, 1);
    StoreAppend second = item(w, "a", 2);
    store_memory_fault(w->memory, STORE_FAULT_IO, 1);
    assert_int_equal(append(w, &second, 1), -ERR_IO);
    assert_int_equal(load(w, "a", false).head_seq, 1);
    store_memory_fault(w->memory, STORE_FAULT_IO_DONE, 1);
    assert_int_equal(append(w, &second, 1), -ERR_IO);
    assert_int_equal(second.outcome, STORE_PENDING);
    assert_int_equal(load(w, "a", false).head_seq, 2);
}

/* ---- SQLite only ---- */

static void second_process_finds_the_directory_in_use(void **state) {
    World *w = *state;
    Store *other = NULL;
    char problem[STORE_PROBLEM_BYTES] = "", pid[24];
    StoreSqliteOptions options = { .install_key = test_key };
    assert_int_equal(store_sqlite_open(test_dir("store"), &options, &other, problem), -ERR_BUSY);
    assert_null(other);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(problem, pid));
    assert_ok(w, item(w, "a", 1));
}

/* What the lock makes impossible while it works: another engine entered. */
static void a_raised_epoch_fences_the_writer(void **state) {
    World *w = *state;
    sqlite3 *db;
    char path[400];
    assert_ok(w, item(w, "a", 1));
    snprintf(path, sizeof path, "%s/baton.db", test_dir("store"));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE meta SET epoch=epoch+1", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(append_one(w, item(w, "a", 2)), STORE_CONFLICT);
    assert_int_equal(load(w, "a", true).n_rows, 1);
}

/* As a version that did not know the table left it. */
static void drop_table(const char *sql) {
    sqlite3 *db;
    char path[400];
    snprintf(path, sizeof path, "%s/baton.db", test_dir("store"));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_store_of_before_gets_its_accounts_when_written_to(void **state) {
    World *w = *state;
    char problem[STORE_PROBLEM_BYTES];
    StoreSqliteOptions look = { .read_only = true };
    Store *reader = NULL;
    StoreAccount *found;
    size_t n = 9;
    w->s = store_close(w->s);
    drop_table("DROP INDEX open_heard;DROP TABLE account;DROP TABLE effect");
    assert_int_equal(store_sqlite_open(test_dir("store"), &look, &reader, problem), 0);
    assert_int_equal(reader->ops->accounts(reader, &w->arena, &found, &n), 0);
    assert_int_equal(n, 0);
    store_close(reader);
    reopen(w, false);
    spend(w, "b|2026-11|", 5, "{}");
    assert_int_equal(w->s->ops->accounts(w->s, &w->arena, &found, &n), 0);
    assert_int_equal(n, 1);
}

static void a_store_of_before_gets_its_keys_when_written_to(void **state) {
    World *w = *state;
    char problem[STORE_PROBLEM_BYTES];
    StoreSqliteOptions look = { .read_only = true };
    Store *reader = NULL;
    StoreKey *found;
    size_t n = 9;
    w->s = store_close(w->s);
    drop_table("DROP INDEX open_heard;DROP TABLE effect");
    assert_int_equal(store_sqlite_open(test_dir("store"), &look, &reader, problem), 0);
    assert_int_equal(reader->ops->keys(reader, &w->arena, &found, &n), 0);
    assert_int_equal(n, 0);
    store_close(reader);
    reopen(w, false);
    start_run(w, "a");
    assert_int_equal(claim(w, "a", "pay", 1, 0).answer, CLAIM_GRANTED);
    assert_int_equal(w->s->ops->keys(w->s, &w->arena, &found, &n), 0);
    assert_int_equal(n, 1);
}

static void assert_heard_by(World *w, Store *s, const char *key, const char *runs) {
    Str *found;
    size_t n = 9;
    Buf b = BUF_INIT(KIB);
    assert_int_equal(s->ops->heard(s, str_from(key), &w->arena, &found, &n), 0);
    for (size_t i = 0; i < n; i++)
        buf_fmt(&b, "%s%.*s", i ? " " : "", STR_FMT(found[i]));
    assert_true(str_is(buf_str(&b), runs));
    buf_deinit(&b);
}

static void hear(World *w, const char *run, uint64_t seq, const char *one, const char *other) {
    StoreOpen opens[] = { { .kind = 4, .key = str_from(one), .address = STR("") },
                          { .kind = 4, .key = str_from(other), .address = STR("") },
                          { .kind = 4, .key = STR("event:said"), .address = STR("step") },
                          { .kind = 2, .due_ms = 50, .address = STR("") } };
    StoreAppend it = item(w, run, seq);
    it.opens = opens;
    it.n_opens = 4;
    it.set_opens = true;
    assert_ok(w, it);
}

static void who_hears_a_key_is_found_oldest_first(void **state) {
    World *w = *state;
    hear(w, "b", 1, "event:paid", "event:lost");
    hear(w, "a", 1, "event:paid", "event:paid c1");
    hear(w, "c", 1, "event:paid c1", "event:paid c1");
    assert_heard_by(w, w->s, "event:paid", "b a");
    assert_heard_by(w, w->s, "event:paid c1", "a c");
    assert_heard_by(w, w->s, "event:paid c2", "");
    assert_heard_by(w, w->s, "event:said", ""); /* a step that waits, not the run */
    assert_heard_by(w, w->s, "", "");
    hear(w, "a", 2, "event:lost", "event:kept");
    assert_heard_by(w, w->s, "event:paid", "b");
    assert_heard_by(w, w->s, "event:lost", "b a");
}

static void a_store_of_before_finds_who_hears_and_gets_the_index_when_written_to(void **state) {
    World *w = *state;
    char problem[STORE_PROBLEM_BYTES];
    StoreSqliteOptions look = { .read_only = true };
    Store *reader = NULL;
    hear(w, "a", 1, "event:paid", "event:lost");
    w->s = store_close(w->s);
    drop_table("DROP INDEX open_heard");
    assert_int_equal(store_sqlite_open(test_dir("store"), &look, &reader, problem), 0);
    assert_heard_by(w, reader, "event:paid", "a");
    store_close(reader);
    reopen(w, false);
    assert_heard_by(w, w->s, "event:paid", "a");
    hear(w, "b", 1, "event:paid", "event:lost");
    assert_heard_by(w, w->s, "event:paid", "a b");
    w->s = store_close(w->s);
    drop_table("DROP INDEX open_heard"); /* it was there */
    reopen(w, false);
}

static void read_only_handle_sees_what_was_committed(void **state) {
    World *w = *state;
    char problem[STORE_PROBLEM_BYTES];
    StoreSqliteOptions options = { .read_only = true };
    Store *reader = NULL;
    for (uint64_t seq = 1; seq <= 10; seq++)
        assert_ok(w, item(w, "a", seq));
    assert_int_equal(store_sqlite_open(test_dir("store"), &options, &reader, problem), 0);
    StoreRun run;
    assert_int_equal(reader->ops->load(reader, STR("a"), true, &w->arena, &run), 0);
    assert_int_equal(run.n_rows, 10);
    assert_ok(w, item(w, "a", 11));
    assert_int_equal(reader->ops->load(reader, STR("a"), true, &w->arena, &run), 0);
    assert_int_equal(run.n_rows, 11);
    store_close(reader);
    assert_int_equal(store_sqlite_open("/nonexistent/place", &options, &reader, problem),
                     STORE_E_NOT_FOUND);
}

static void same_answers_as_the_memory_store(void **state) {
    World *w = *state;
    StoreMemory *m = store_memory_new(test_key);
    Store *model = store_memory_open_as(m, 1);
    StoreLease lease;
    Load l;
    assert_int_equal(model->ops->enter(model, 1000, 5000, &lease), 0);
    load_init(&l, 1234);
    for (int i = 0; i < 300; i++) {
        StoreBatch batch = load_batch(&l, 12, 1000 + 10 * i);
        assert_int_equal(w->s->ops->append(w->s, &batch), 0);
        assert_int_equal(model->ops->append(model, &batch), 0);
        if (i % 20)
            continue;
        Hash a, b;
        assert_int_equal(digest(w->s, &a), 0);
        assert_int_equal(digest(model, &b), 0);
        assert_true(hash_eq(&a, &b));
    }
    load_deinit(&l);
    store_close(model);
    store_memory_free(m);
}

static Hash stored_head(World *w, const char *run) {
    StoreRun r;
    assert_int_equal(w->s->ops->load(w->s, str_from(run), false, &w->arena, &r), 0);
    return r.head_hash;
}

/* Somewhere in the files of the directory. */
static bool on_the_disk(const char *text) {
    char command[512];
    snprintf(command, sizeof command, "grep -q -a -r -e '%s' '%s'", text, test_dir("store"));
    return system(command) == 0;
}

static void a_count(void *ctx, Str text) {
    print_error("%.*s\n", STR_FMT(text));
    (*(int *)ctx)++;
}

/* Row `seq` of run a, with what only it holds: in data, in a payload, in a snapshot, in what lists show. */
static StoreAppend telling(World *w, uint64_t seq, const StorePayload *payload) {
    static StoreRunInfo info;
    info = idle;
    info.info = STR("{\"error\":\"secretinfo\"}");
    StoreAppend it = item(w, "a", seq);
    Hash *head = &w->heads[0];
    Hash before = seq == 1 ? (Hash){ { 0 } } : stored_head(w, "a");
    it.data = arena_fmt(&w->arena, "secretdata of row %llu", (unsigned long long)seq);
    Hash data_hash = hash_bytes(it.data);
    it.hash = *head = store_chain(&before, it.body, &data_hash);
    it.info = &info;
    it.payloads = payload;
    it.n_payloads = 1;
    it.snapshot = STR("secretsnapshot");
    return it;
}

static void what_is_forgotten_is_gone_and_the_chain_holds(void **state) {
    World *w = *state;
    StoreRun run;
    uint64_t rows;
    int problems = 0;
    char large[9000];
    memset(large, 'x', sizeof large);
    memcpy(large + 8000, "secretpayload", 13);
    StorePayload payload = { hash_bytes((Str){ large, sizeof large }), { large, sizeof large } };
    for (uint64_t seq = 1; seq <= 12; seq++)
        assert_int_equal(append_one(w, telling(w, seq, &payload)), STORE_OK);
    assert_int_equal(append_one(w, item(w, "b", 1)), STORE_OK);
    StoreMail mail[] = { { .id = STR("a:s:1"), .to = STR("@hook"), .body = STR("secretmail") },
                         { .id = STR("a:s:2"), .to = STR("a"), .body = STR("kept") },
                         { .id = STR("ab:s:1"), .to = STR("@hook"), .body = STR("kept") } };
    assert_int_equal(w->s->ops->post(w->s, mail, 3), 0);
    StoreAppend it = item(w, "a", 13);
    StoreRunInfo over = idle;
    over.state = STORE_DONE;
    it.info = &over;
    it.forget = true;
    assert_int_equal(append_one(w, it), STORE_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(w->s->ops->load(w->s, STR("a"), true, &w->arena, &run), 0);
        assert_int_equal(run.n_rows, 13);
        assert_null(run.snapshot.p);
        for (size_t i = 0; i < 12; i++) {
            assert_true(run.rows[i].forgotten);
            assert_int_equal(run.rows[i].data.len, 0);
        }
        assert_false(run.rows[12].forgotten);
        Str bytes;
        assert_int_equal(w->s->ops->payload(w->s, STR("a"), &payload.hash, &w->arena, &bytes),
                         STORE_E_NOT_FOUND);
        assert_int_equal(w->s->ops->check(w->s, a_count, &problems, &rows), 0);
        assert_int_equal(problems, 0);
        assert_false(w->sqlite && on_the_disk("secret"));
        reopen(w, false);
    }
    StoreMail found[8];
    int64_t next;
    assert_int_equal(mail_to_world(w, 0, found, &next), 1);
    assert_str(found[0].id, "ab:s:1");
    assert_int_equal(mail_now(w, 0, found, &next), 1);
    StoreBatch late = { .mail_again = mail, .n_mail_again = 1 }; /* it was under way */
    assert_int_equal(w->s->ops->append(w->s, &late), 0);
    assert_int_equal(mail_to_world(w, 0, found, &next), 1);
    assert_int_equal(w->s->ops->load(w->s, STR("b"), true, &w->arena, &run), 0);
    assert_false(run.rows[0].forgotten);
    assert_int_equal(append_one(w, item(w, "b", 2)), STORE_OK);
}

#define FOR(backend, test)                                                                         \
    { #test " (" #backend ")", test, setup_##backend, teardown, NULL }
#define BOTH(test) FOR(memory, test), FOR(sqlite, test)

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(first_append_creates_the_run),
        BOTH(unknown_run_is_not_found),
        BOTH(append_out_of_order_is_a_conflict),
        BOTH(refused_item_leaves_nothing_and_the_others_go_on),
        BOTH(one_run_twice_in_a_batch),
        BOTH(append_without_entering_is_a_conflict),
        BOTH(entering_says_whether_the_last_engine_left),
        BOTH(lease_of_the_only_engine_is_not_lost),
        BOTH(rows_come_oldest_first_over_many_batches_and_reopenings),
        BOTH(snapshot_covers_the_rows_up_to_it),
        BOTH(info_stays_unless_given),
        BOTH(payloads_belong_to_their_run),
        BOTH(a_run_is_moved_to_another_closure),
        BOTH(what_is_forgotten_is_gone_and_the_chain_holds),
        BOTH(closures_are_stored_once),
        BOTH(opens_are_replaced_only_when_set),
        BOTH(who_hears_a_key_is_found_oldest_first),
        BOTH(due_is_soonest_first_and_tells_the_next),
        BOTH(mail_is_posted_once_and_deleted_by_its_taker),
        BOTH(what_is_cached_is_given_for_a_time_and_claims_nothing),
        BOTH(of_what_is_cached_the_oldest_go),
        BOTH(mail_that_is_kept_is_there_until_it_is_changed),
        BOTH(mail_to_the_world_is_apart_and_may_be_put_off),
        BOTH(mail_waits_for_its_time),
        BOTH(accounts_are_sums_that_are_written_over),
        BOTH(a_key_is_held_by_one_until_that_says_what_became_of_it),
        BOTH(what_was_not_done_is_free_and_what_was_undone_has_another_generation),
        BOTH(who_takes_over_what_was_given_up_is_told_so_until_he_says_more),
        BOTH(what_a_run_leaves_behind_is_settled_by_its_place),
        BOTH(a_forgotten_run_keeps_its_keys_and_not_its_results),
        BOTH(a_claim_goes_with_its_row),
        BOTH(list_is_newest_first_in_pages),
        BOTH(owned_runs_come_by_state_in_pages),
        BOTH(workload_survives_every_kind_of_stop_and_checks_clean),
        FOR(sqlite, a_store_that_was_removed_takes_nothing_more),
        BOTH(install_key_stays),
        FOR(memory, takeover_moves_runs_and_fences_the_late_engine),
        FOR(memory, entering_again_fences_the_engine_before),
        FOR(memory, cut_may_keep_the_first_unsynced_batches_each_whole),
        FOR(memory, cut_goes_back_to_the_last_sync),
        FOR(memory, faults_come_on_command),
        FOR(sqlite, second_process_finds_the_directory_in_use),
        FOR(sqlite, a_raised_epoch_fences_the_writer),
        FOR(sqlite, a_store_of_before_gets_its_accounts_when_written_to),
        FOR(sqlite, a_store_of_before_gets_its_keys_when_written_to),
        FOR(sqlite, a_store_of_before_finds_who_hears_and_gets_the_index_when_written_to),
        FOR(sqlite, read_only_handle_sees_what_was_committed),
        FOR(sqlite, same_answers_as_the_memory_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
