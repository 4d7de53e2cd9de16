/* The past, told from rows made by hand: tree, split, why, and the JSON form of rows. */
#include "base/json.h"
#include "base/limits.h"
#include "base/money.h"
#include "server/event.h"
#include "trace/draw.h"
#include "trace/why.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- making rows */

static Arena arena;
static HistoryRow rows[32];
static size_t n_rows;
static TraceTree *tree;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 0);
    n_rows = 0;
    memset(rows, 0, sizeof rows);
    tree = tree_new(NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    tree = tree_free(tree);
    arena_deinit(&arena);
    return 0;
}

static void row(RowFact *facts, size_t n_facts, Move *moves, size_t n_moves) {
    Row r = { .n_facts = n_facts, .n_moves = n_moves };
    r.facts = ARENA_ARRAY(&arena, RowFact, n_facts);
    memcpy(r.facts, facts, n_facts * sizeof *facts);
    r.moves = ARENA_ARRAY(&arena, Move, n_moves + 1);
    if (n_moves)
        memcpy(r.moves, moves, n_moves * sizeof *moves);
    rows[n_rows] = (HistoryRow){ .seq = n_rows + 1, .row = r };
    tree_take(tree, n_rows + 1, &r);
    n_rows++;
}
#define ROW(facts, moves) row(facts, ARRAY_LEN(facts), moves, ARRAY_LEN(moves))

static RowFact accepted(int64_t at) {
    return (RowFact){
        .fact = { .kind = FACT_ACCEPTED, .time_ms = at, .run = STR("r"), .name = STR("w") }
    };
}

static RowFact finished(int64_t at, const char *address, uint32_t attempt, int64_t queued_ms,
                        int64_t took_ms) {
    return (RowFact){ .fact = { .kind = FACT_FINISHED,
                                .time_ms = at,
                                .address = str_from(address),
                                .attempt = attempt,
                                .outcome = OUTCOME_OK,
                                .queued_us = queued_ms * 1000,
                                .took_us = took_ms * 1000 } };
}

static Move moved(uint32_t cause, const char *address, Status from, Status to) {
    return (Move){ .cause = cause, .address = str_from(address), .from = from, .to = to };
}

static Move opened(uint32_t cause, const char *address, Status from, uint32_t attempt) {
    Move m = moved(cause, address, from, STATUS_RUNNING);
    m.attempt = attempt;
    return m;
}

/* plan (1 s, of which 100 ms in a queue), then two items side by side, then write, each after the one before. */
static void make_research(void) {
    ROW(((RowFact[]){ accepted(1000) }),
        ((Move[]){ moved(0, "", STATUS_NEW, STATUS_RUNNING), opened(0, "plan", STATUS_NEW, 1) }));
    ROW(((RowFact[]){ finished(2000, "plan", 1, 100, 800) }),
        ((Move[]){ moved(0, "plan", STATUS_RUNNING, STATUS_OK),
                   moved(0, "research", STATUS_NEW, STATUS_RUNNING),
                   opened(0, "research[0]", STATUS_NEW, 1),
                   opened(0, "research[1]", STATUS_NEW, 1) }));
    ROW(((RowFact[]){ finished(2500, "research[0]", 1, 0, 500),
                      finished(3000, "research[1]", 1, 0, 1000) }),
        ((Move[]){ moved(0, "research[0]", STATUS_RUNNING, STATUS_OK),
                   moved(1, "research[1]", STATUS_RUNNING, STATUS_OK),
                   moved(1, "research", STATUS_RUNNING, STATUS_OK),
                   opened(1, "write", STATUS_NEW, 1) }));
}

static History history(void) { return (History){ .run = STR("r"), .rows = rows, .n = n_rows }; }

/* ---- tree */

static void steps_become_nodes_below_the_longest_address_that_is_one(void **state) {
    (void)state;
    make_research();
    TraceNode *item = tree_find(tree, STR("research[1]"));
    assert_non_null(item);
    assert_true(str_is(item->parent->address, "research"));
    assert_true(str_is(item->label, "[1]"));
    assert_int_equal(item->status, STATUS_OK);
    assert_int_equal(item->start_ms, 2000);
    assert_int_equal(item->end_ms, 3000);
    assert_int_equal(tree->in_flight, 1);
    assert_false(tree_ended(tree));
}

static void parts_of_an_agent_hang_below_its_turns(void **state) {
    (void)state;
    ROW(((RowFact[]){ accepted(1) }), ((Move[]){ moved(0, "group/ask", STATUS_NEW, STATUS_RUNNING),
                                                 opened(0, "group/ask.1", STATUS_NEW, 1),
                                                 opened(0, "group/ask.1.2", STATUS_NEW, 1) }));
    TraceNode *call = tree_find(tree, STR("group/ask.1.2"));
    assert_true(str_is(call->parent->address, "group/ask.1"));
    assert_int_equal(call->kind, TRACE_TOOL);
    assert_int_equal(call->parent->kind, TRACE_MODEL);
    assert_int_equal(address_turn_depth(STR("group/ask.1.2")), 2);
    assert_int_equal(address_turn_depth(STR("group/ask[1]~2")), 0);
}

static void second_who_stands_in_is_beside_the_first(void **state) {
    (void)state;
    ROW(((RowFact[]){ accepted(1) }), ((Move[]){ moved(0, "ask~3", STATUS_NEW, STATUS_RUNNING),
                                                 opened(0, "ask~3:fallback", STATUS_NEW, 1),
                                                 opened(0, "ask~3:fallback~2", STATUS_NEW, 1),
                                                 opened(0, "ask~3:fallback~2.1", STATUS_NEW, 1) }));
    assert_true(str_is(tree_find(tree, STR("ask~3:fallback~2"))->parent->address, "ask~3"));
    assert_true(
        str_is(tree_find(tree, STR("ask~3:fallback~2.1"))->parent->address, "ask~3:fallback~2"));
}

/* Its place is in the engine, which says it; the tree shows it and counts its time as waiting. */
static void what_is_held_says_for_what(void **state) {
    (void)state;
    make_research();
    tree_hold(tree, STR("write"), STR("a slot of the pool of tool t"), 3000);
    DrawOptions options = { .now_ms = 5000 };
    Buf b = BUF_INIT(64 * KIB);
    draw_tree(&b, tree, &options);
    assert_true(str_find(buf_str(&b), STR("waits for a slot of the pool of tool t since 2s")) >= 0);
    buf_deinit(&b);
}

static void row_seen_before_is_ignored(void **state) {
    (void)state;
    make_research();
    size_t nodes = tree->n_nodes;
    tree_take(tree, 2, &rows[1].row);
    assert_int_equal(tree->n_nodes, nodes);
    assert_int_equal(tree_find(tree, STR("plan"))->status, STATUS_OK);
}

static void attempt_opened_and_ended_in_one_row_is_both(void **state) {
    (void)state;
    ROW(((RowFact[]){ accepted(10), finished(20, "a", 1, 0, 5) }),
        ((Move[]){ opened(0, "a", STATUS_NEW, 1), moved(1, "a", STATUS_RUNNING, STATUS_OK) }));
    TraceNode *a = tree_find(tree, STR("a"));
    assert_int_equal(a->n_attempts, 1);
    assert_int_equal(a->attempts[0].opened_ms, 10);
    assert_int_equal(a->attempts[0].ended_ms, 20);
    assert_int_equal(tree->in_flight, 0);
}

static void recovery_ends_what_was_in_flight_as_unknown(void **state) {
    (void)state;
    ROW(((RowFact[]){ accepted(10) }), ((Move[]){ opened(0, "a", STATUS_NEW, 1) }));
    ROW(((RowFact[]){ { .fact = { .kind = FACT_RECOVERED, .time_ms = 50 } } }),
        ((Move[]){ opened(0, "a", STATUS_RUNNING, 2) }));
    TraceNode *a = tree_find(tree, STR("a"));
    assert_int_equal(a->attempts[0].outcome, OUTCOME_UNKNOWN);
    assert_int_equal(a->attempts[0].ended_ms, 50);
    assert_int_equal(a->n_attempts, 2);
    assert_int_equal(tree->in_flight, 1);
    assert_int_equal(tree->recoveries, 1);
}

static void thousand_nodes_are_all_found(void **state) {
    (void)state;
    RowFact fact = accepted(1);
    Move *moves = ARENA_ARRAY(&arena, Move, 1000);
    for (size_t i = 0; i < 1000; i++)
        moves[i] = opened(0, arena_fmt(&arena, "each[%zu]", i).p, STATUS_NEW, 1);
    row(&fact, 1, moves, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_non_null(tree_find(tree, arena_fmt(&arena, "each[%zu]", i)));
    assert_int_equal(tree->n_nodes, 1000);
}

static void pause_is_kept_until_resumed(void **state) {
    (void)state;
    make_research();
    RowFact pause = {
        .fact = { .kind = FACT_CONTROL, .time_ms = 3100, .verb = CONTROL_PAUSE, .from = STR("ann") }
    };
    RowFact resume = { .fact = { .kind = FACT_CONTROL,
                                 .time_ms = 3200,
                                 .verb = CONTROL_RESUME,
                                 .from = STR("ann") } };
    row(&pause, 1, NULL, 0);
    assert_true(tree->paused && str_is(tree->paused_by, "ann"));
    row(&resume, 1, NULL, 0);
    assert_false(tree->paused);
}

/* ---- split */

static void columns_add_up_and_name_the_time(void **state) {
    (void)state;
    make_research();
    TraceSplit s;
    split_node(tree_find(tree, STR("plan")), 0, &s);
    assert_int_equal(s.total_us, 1000 * 1000);
    assert_int_equal(s.us[SPLIT_TOOL], 800 * 1000);
    assert_int_equal(s.us[SPLIT_QUEUE], 100 * 1000);
    assert_int_equal(s.us[SPLIT_OWN], 100 * 1000);
    split_node(tree->root, 3500, &s);
    int64_t sum = 0;
    for (int c = 0; c < SPLIT_COUNT; c++)
        sum += s.us[c];
    assert_int_equal(sum, s.total_us);
    assert_int_equal(s.total_us, 2500 * 1000);
}

static void work_side_by_side_counts_once_as_time_and_twice_as_work(void **state) {
    (void)state;
    make_research();
    TraceSplit s;
    split_node(tree_find(tree, STR("research")), 0, &s);
    assert_int_equal(s.us[SPLIT_TOOL], 1000 * 1000);
    assert_int_equal(s.work_us, 1500 * 1000);
}

static void doubt_is_time_of_people_and_retry_of_the_timer(void **state) {
    (void)state;
    ROW(((RowFact[]){ accepted(1000) }), ((Move[]){ opened(0, "a", STATUS_NEW, 1) }));
    RowFact failed = finished(1100, "a", 1, 0, 100);
    failed.fact.outcome = OUTCOME_FAILED;
    row(&failed, 1, (Move[]){ moved(0, "a", STATUS_RUNNING, STATUS_RETRYING) }, 1);
    RowFact timer = { .fact = { .kind = FACT_TIMER, .time_ms = 1400, .address = STR("a") } };
    row(&timer, 1, (Move[]){ opened(0, "a", STATUS_RETRYING, 2) }, 1);
    RowFact lost = { .fact = { .kind = FACT_RECOVERED, .time_ms = 1500 } };
    row(&lost, 1, (Move[]){ moved(0, "a", STATUS_RUNNING, STATUS_IN_DOUBT) }, 1);
    TraceSplit s;
    split_node(tree_find(tree, STR("a")), 2500, &s);
    assert_int_equal(s.us[SPLIT_TIMER], 300 * 1000);
    assert_int_equal(s.us[SPLIT_PEOPLE], 1000 * 1000);
    assert_int_equal(s.us[SPLIT_TOOL], 200 * 1000);
}

/* ---- why */

static Why why(const char *step) {
    History h = history();
    Why w;
    Str problem;
    assert_int_equal(why_find(&h, tree, NULL, STR("r"), str_from(step), &arena, &w, &problem), 0);
    return w;
}

static void chain_leads_back_to_the_accepted_run(void **state) {
    (void)state;
    make_research();
    Why w = why("write");
    assert_int_equal(w.n_links, 3);
    assert_true(str_is(w.links[0].address, "write"));
    assert_true(str_is(w.links[0].through, "research"));
    assert_true(str_is(w.links[1].address, "research[1]"));
    assert_true(str_is(w.links[2].address, "plan"));
    assert_int_equal(w.links[2].cause->kind, FACT_ACCEPTED);
}

static void cause_is_the_fact_of_the_row_that_the_move_names(void **state) {
    (void)state;
    make_research();
    Why w = why("research[0]");
    assert_int_equal(w.status, STATUS_OK);
    assert_int_equal(w.links[0].cause->time_ms,
                     2500); /* its own end, not its sibling's in the same row */
}

static void retried_step_tells_its_retries_and_when_it_began(void **state) {
    (void)state;
    ROW(((RowFact[]){ accepted(1000) }), ((Move[]){ opened(0, "a", STATUS_NEW, 1) }));
    RowFact failed = finished(1100, "a", 1, 0, 100);
    failed.fact.outcome = OUTCOME_FAILED;
    row(&failed, 1, (Move[]){ moved(0, "a", STATUS_RUNNING, STATUS_RETRYING) }, 1);
    RowFact timer = { .fact = { .kind = FACT_TIMER, .time_ms = 1400, .address = STR("a") } };
    row(&timer, 1, (Move[]){ opened(0, "a", STATUS_RETRYING, 2) }, 1);
    Why w = why("a");
    assert_int_equal(w.n_links, 3);
    assert_int_equal(w.links[0].attempt, 2);
    assert_int_equal(w.links[1].to, STATUS_RETRYING);
    assert_int_equal(w.links[1].cause->attempt, 1);
    assert_int_equal(w.links[2].time_ms, 1000);
    Buf b = BUF_INIT(16384);
    why_write(&b, &w, &(Ink){ 0 });
    assert_true(str_find(buf_str(&b), STR("a began attempt 2, because its timer was due")) >= 0);
    assert_true(str_find(buf_str(&b), STR("a was to be tried again, because attempt 1 failed")) >=
                0);
    buf_deinit(&b);
}

static void run_paused_by_a_limit_says_so(void **state) {
    (void)state;
    ROW(((RowFact[]){ accepted(1000) }), ((Move[]){ opened(0, "a", STATUS_NEW, 1) }));
    RowFact timer = { .fact = { .kind = FACT_TIMER, .time_ms = 1400 } };
    Move pause = moved(0, "", STATUS_RUNNING, STATUS_RUNNING);
    pause.choice = STR("paused: limit of deadline reached");
    row(&timer, 1, &pause, 1);
    Why w = why("a");
    assert_true(tree->paused);
    assert_int_equal(w.n_waits, 2);
    assert_true(str_eq(w.waits[0], STR("the run, which is paused: limit of deadline reached")));
}

static void step_in_doubt_says_who_settles_it(void **state) {
    (void)state;
    ROW(((RowFact[]){ accepted(1000) }), ((Move[]){ opened(0, "pay", STATUS_NEW, 1) }));
    RowFact lost = { .fact = { .kind = FACT_RECOVERED, .time_ms = 1500 } };
    row(&lost, 1, (Move[]){ moved(0, "pay", STATUS_RUNNING, STATUS_IN_DOUBT) }, 1);
    Why w = why("pay");
    assert_int_equal(w.n_waits, 1);
    assert_true(str_find(w.waits[0], STR("a person")) >= 0);
    assert_int_equal(w.n_remedies, 4);
    assert_true(str_starts(w.remedies[0], STR("baton resolve r pay --done")));
}

static void unknown_step_names_the_nearest(void **state) {
    (void)state;
    make_research();
    History h = history();
    Why w;
    Str problem;
    assert_int_equal(why_find(&h, tree, NULL, STR("r"), STR("wirte"), &arena, &w, &problem),
                     WHY_E_UNKNOWN);
    assert_true(str_find(problem, STR("did you mean `write`")) >= 0);
}

/* ---- drawing */

static void drawn_tree_has_a_line_for_each_node(void **state) {
    (void)state;
    make_research();
    Buf b = BUF_INIT(64 * KIB);
    draw_tree(&b, tree, &(DrawOptions){ .now_ms = 3500 });
    const char *expected = "▸ w  2.5s\n"
                           "├─ ✓ plan  1s\n"
                           "├─ ✓ research  1s\n"
                           "│  ├─ ✓ [0]  500ms\n"
                           "│  └─ ✓ [1]  1s\n"
                           "└─ ▸ write  500ms\n";
    buf_char(&b, '\0');
    assert_string_equal(b.p, expected);
    buf_deinit(&b);
}

static void what_data_says_cannot_steer_a_terminal(void **state) {
    (void)state;
    Buf b = BUF_INIT(KIB);
    words_clean(&b,
                STR("a\033[2Jb\xc2\x9b"
                    "c\xe2\x80\xae"
                    "d\xff"),
                100);
    for (size_t i = 0; i < b.len; i++)
        assert_true((unsigned char)b.p[i] >= ' ');
    assert_true(str_find(buf_str(&b), STR("\xc2\x9b")) < 0);
    assert_true(str_find(buf_str(&b), STR("\xe2\x80\xae")) < 0);
    buf_deinit(&b);
}

static void long_folded_tree_keeps_what_runs(void **state) {
    (void)state;
    RowFact facts[1] = { accepted(1) };
    Move *moves = ARENA_ARRAY(&arena, Move, 300);
    size_t n = 0;
    for (size_t i = 0; i < 100; i++) {
        const char *address = arena_fmt(&arena, "step_%zu", i).p;
        moves[n++] = opened(0, address, STATUS_NEW, 1);
        if (i != 57)
            moves[n++] = moved(0, address, STATUS_RUNNING, STATUS_OK);
    }
    row(facts, 1, moves, n);
    Buf b = BUF_INIT(64 * KIB);
    draw_tree(&b, tree, &(DrawOptions){ .now_ms = 5, .lines = 10 });
    size_t lines = 0;
    for (size_t i = 0; i < b.len; i++)
        lines += b.p[i] == '\n';
    assert_in_range(lines, 2, 10);
    assert_true(str_find(buf_str(&b), STR("step_57")) >= 0);
    buf_deinit(&b);
}

static void money_is_written_without_zeros_at_the_end(void **state) {
    (void)state;
    static const struct {
        int64_t nano;
        const char *text;
    } cases[] = {
        { 2100000, "0.0021" }, { 1500000000, "1.50" }, { 0, "0.00" }, { -1, "-0.000000001" }
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Buf b = BUF_INIT(64);
        money_write(&b, cases[i].nano);
        buf_char(&b, '\0');
        assert_string_equal(b.p, cases[i].text);
        buf_deinit(&b);
    }
}

/* ---- rows as JSON */

static void row_read_back_from_json_draws_the_same_tree(void **state) {
    (void)state;
    make_research();
    TraceTree *copy = tree_new(NULL);
    for (size_t i = 0; i < n_rows; i++) {
        Row back;
        uint64_t seq;
        Value v = event_value(rows[i].seq, &rows[i].row, false, &arena);
        Str text = value_text(&arena, v);
        Value read;
        assert_int_equal(json_read(&arena, text, &read, NULL), 0);
        assert_int_equal(event_row(read, &arena, &seq, &back), 0);
        tree_take(copy, seq, &back);
    }
    Str one = value_text(&arena, draw_json(tree, 4000, &arena)),
        two = value_text(&arena, draw_json(copy, 4000, &arena));
    assert_true(str_eq(one, two));
    tree_free(copy);
}

static void json_that_is_no_row_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = { "1", "{}", "{\"seq\":1,\"facts\":{},\"moves\":[]}",
                                         "{\"facts\":[],\"moves\":[]}" };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        Value v;
        Row back;
        uint64_t seq;
        assert_int_equal(json_read(&arena, str_from(texts[i]), &v, NULL), 0);
        assert_int_equal(event_row(v, &arena, &seq, &back), EVENT_E_INVALID);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(steps_become_nodes_below_the_longest_address_that_is_one),
        CASE(parts_of_an_agent_hang_below_its_turns),
        CASE(second_who_stands_in_is_beside_the_first),
        CASE(what_is_held_says_for_what),
        CASE(row_seen_before_is_ignored),
        CASE(attempt_opened_and_ended_in_one_row_is_both),
        CASE(recovery_ends_what_was_in_flight_as_unknown),
        CASE(thousand_nodes_are_all_found),
        CASE(pause_is_kept_until_resumed),
        CASE(columns_add_up_and_name_the_time),
        CASE(work_side_by_side_counts_once_as_time_and_twice_as_work),
        CASE(doubt_is_time_of_people_and_retry_of_the_timer),
        CASE(chain_leads_back_to_the_accepted_run),
        CASE(cause_is_the_fact_of_the_row_that_the_move_names),
        CASE(retried_step_tells_its_retries_and_when_it_began),
        CASE(run_paused_by_a_limit_says_so),
        CASE(step_in_doubt_says_who_settles_it),
        CASE(unknown_step_names_the_nearest),
        CASE(drawn_tree_has_a_line_for_each_node),
        CASE(what_data_says_cannot_steer_a_terminal),
        CASE(long_folded_tree_keeps_what_runs),
        CASE(money_is_written_without_zeros_at_the_end),
        CASE(row_read_back_from_json_draws_the_same_tree),
        CASE(json_that_is_no_row_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
