/* Kernel tests that read like transcripts: tests/kernel/transcripts/NAME.txt holds a workflow and a conversation with it.
 * Lines that begin with "> " are facts; what the kernel made of each stands below it: moves, wants opened (+), closed (-)
 * and asked to stop (!), and the end (=). After every fact the invariants hold, and a run saved and loaded again has the same digest. Then all
 * of it is said again to a run that is loaded from its snapshot after every fact, and must answer the same.
 *
 *   > run {"topic":"x"}            > ok plan#1 {"a":1} [tokens=9]     > failed plan#1 unavailable: no route
 *   > refused plan#1 breaker_open: ..  > never plan#1 unavailable: ..   unknown, and it would be told the same again
 *   > unknown plan#1 timeout: ...  > dispatching pay#1                > timer nap wait       > at 5000
 *   > unsent plan#1                it was wanted and never let out, says the engine that stops
 *   > signal go {"x":1} id s1      > decide pay done {"id":7}         > pause | resume | cancel | crash
 *   > event paid {"x":1} id e1 correlation c1      > listen      instead of run: it only starts others
 *   > child part#1 ok {"a":1} spent {"calls":2}    its child run is over; > child part#1 failed kind: message
 *   > mail asks part#1 {"number":1,"limit":"calls","most":3,"had":2}   its child wants more; > mail granted {"number":1,...}
 *   > called {"run":"p",...}       the next run is the child of that one (Fact.shown)
 *   > limits {"calls":3}              what limits become, in the units of a plan
 *   > ask ADDRESS                  the request and key of an open attempt
 *   > fork [STEP] {"topic":"y"}    another run, that is offered what this one recorded before STEP
 *   > reused plan#1                takes what is offered
 *   > dispatching pay#1 generation 1 since 500 from r0      what it was granted under a business key; = is what it tells of it
 *   > taken pay#1 r0 {"id":7}      another run had done it
 *   > retry [from STEP] [failed ADDRESS...] [undone ADDRESS...]   goes on in place with what is over
 *
 * BATON_UPDATE=1 writes the files anew; read the difference before you keep it. */
#include "base/json.h"
#include "base/limits.h"
#include "kernel/outcomes.h"
#include "kernel/retry.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define DIRECTORY SOURCE_ROOT "/tests/kernel/transcripts/"

typedef struct Talk {
    Arena arena;
    Plan *plan;
    Run *run;
    int64_t now;
    bool reloads;              /* goes on with the run as loaded from its snapshot */
    Outcomes *noted, *offered; /* by this run; to it */
    Fact *facts;               /* that it has taken, for a retry */
    size_t n_facts, room_facts;
    Retried retries[8];
    size_t n_retries;
    Str caller; /* of the next run */
    Str past;   /* of targets, for the next start */
    Buf out;
} Talk;

/* ---- what is printed ---- */

static void print_moves(Talk *t, RowWriter *row) {
    Buf body = BUF_INIT(LIMIT_VALUE_BYTES);
    row_body(row, &body);
    Row back;
    assert_int_equal(row_read(buf_str(&body), buf_str(&row->data), false, &t->arena, &back), 0);
    for (size_t i = 0; i < back.n_moves; i++) {
        buf_str_add(&t->out, STR("  "));
        move_write_text(&t->out, &back.moves[i]);
        buf_char(&t->out, '\n');
    }
    buf_deinit(&body);
}

/* But what every question has. */
static void print_asked(Talk *t, const Want *w) {
    static const char *const known[] = { "run", "step", "asked_ms", "round", "said" };
    Arena a = ARENA_NULL;
    Value asked = want_ask(w, &a);
    MapBuilder m = map_builder(&a);
    for (size_t i = 0; i < asked.len; i++) {
        bool skip = false;
        for (size_t k = 0; k < ARRAY_LEN(known); k++)
            skip |= str_is(value_as_str(asked.map->entries[i].key), known[k]);
        if (!skip)
            map_adds(&m, value_as_str(asked.map->entries[i].key), asked.map->entries[i].value);
    }
    buf_char(&t->out, ' ');
    value_write(&t->out, map_done(&m, NULL));
    arena_deinit(&a);
}

static void print_notices(Talk *t) {
    size_t n;
    const Notice *notices = run_notices(t->run, &n);
    for (size_t i = 0; i < n; i++)
        buf_fmt(&t->out, "  ! %.*s to %.*s: %.*s\n",
                STR_FMT(value_as_str(value_getz(notices[i].body, "about"))),
                STR_FMT(notices[i].channel       ? notices[i].channel->name
                        : notices[i].address.len ? notices[i].address
                                                 : STR("inbox")),
                STR_FMT(notices[i].id));
    run_forget_notices(t->run);
}

static void print_keys(Talk *t) {
    static const char *const states[] = { "",     "under way", "doubt",  "undoing",
                                          "done", "free",      "undone", "unknown" };
    size_t n;
    const KeyChange *changes = run_key_changes(t->run, &n);
    for (size_t i = 0; i < n; i++) {
        const KeyChange *c = &changes[i];
        if (c->within)
            buf_fmt(&t->out, "  = all keys within `%.*s`: %s\n", STR_FMT(c->address),
                    states[c->state]);
        else
            buf_fmt(&t->out, "  = %.*s %.*s of generation %u, at %.*s: %s%s%.*s\n",
                    STR_FMT(c->callee), STR_FMT(c->key), c->generation, STR_FMT(c->address),
                    states[c->state], c->result.p ? " " : "", STR_FMT(c->result));
    }
    run_forget_key_changes(t->run);
}

/* What it says to other runs. */
static void print_posts(Talk *t) {
    size_t n;
    const Post *posts = run_posts(t->run, &n);
    for (size_t i = 0; i < n; i++) {
        buf_fmt(&t->out, "  @ %.*s%s%.*s ", STR_FMT(posts[i].id),
                str_eq(posts[i].id, posts[i].to) ? "" : " to ",
                STR_FMT(str_eq(posts[i].id, posts[i].to) ? STR("") : posts[i].to));
        value_write(&t->out, posts[i].body);
        buf_char(&t->out, '\n');
    }
    run_forget_posts(t->run);
}

static void print_wants_from(Talk *t, Want *first) {
    static const char *const kinds[] = { "",       "attempt", "timer", "approval",
                                         "signal", "child",   "doubt" };
    for (Want *w = first; w; w = w->next) {
        Str address = want_address(w, &t->arena);
        buf_fmt(&t->out, "  + %s %.*s", kinds[w->kind], STR_FMT(address));
        if (w->kind == WANT_ATTEMPT)
            buf_fmt(&t->out, "#%u %.*s %s", w->attempt, STR_FMT(w->callee->name),
                    effect_name(w->effect));
        if ((w->kind == WANT_ATTEMPT || w->kind == WANT_CHILD) && t->offered && !w->fresh &&
            outcomes_find(t->offered, w))
            buf_str_add(&t->out, STR(", recorded"));
        if (want_is_timed(w))
            buf_fmt(&t->out, " due %lld", (long long)w->due_ms);
        if (w->kind == WANT_SIGNAL)
            buf_fmt(&t->out, " %.*s", STR_FMT(w->key));
        if (w->kind == WANT_APPROVAL)
            print_asked(t, w);
        buf_char(&t->out, '\n');
        w->cookie = w; /* so that its closing is told */
    }
    size_t n, stopping = 0;
    const WantClosed *closed = run_closed(t->run, &n);
    for (size_t i = 0; i < n; i++)
        stopping += closed[i].stopping;
    if (stopping)
        buf_fmt(&t->out, "  ! %zu asked to stop\n", stopping);
    n -= stopping;
    if (n)
        buf_fmt(&t->out, "  - %zu want%s closed\n", n, n == 1 ? "" : "s");
    run_forget_closed(t->run);
    print_notices(t);
    print_keys(t);
    print_posts(t);
}

static void print_wants(Talk *t) { print_wants_from(t, run_opened(t->run)); }

static void print_end(Talk *t) {
    if (run_status(t->run) == RUN_RUNNING)
        return;
    buf_fmt(&t->out, "  = %s", run_status_name(run_status(t->run)));
    if (run_status(t->run) == RUN_OK) {
        buf_char(&t->out, ' ');
        value_write(&t->out, run_output(t->run));
    } else if (run_finished(t->run)) {
        buf_char(&t->out, ' ');
        value_write(&t->out, run_error(t->run));
    }
    buf_char(&t->out, '\n');
}

/* ---- what always holds ---- */

static void saved_and_loaded_is_the_same(Talk *t) {
    Buf saved = BUF_INIT(LIMIT_VALUE_BYTES);
    Run *back = NULL;
    run_save(t->run, &saved);
    assert_int_equal(run_load(t->plan, buf_str(&saved), &back), 0);
    Hash a = run_digest(t->run), b = run_digest(back);
    assert_memory_equal(a.b, b.b, HASH_BYTES);
    if (t->reloads) {
        Run *before = t->run;
        t->run = back;
        back = before;
        for (Want *w = run_wants(t->run); w; w = w->next)
            w->cookie = w;
    }
    run_free(back);
    buf_deinit(&saved);
}

static void check(Talk *t) {
    const char *broken = run_check(t->run);
    if (broken)
        fail_msg("invariant: %s\n%.*s", broken, STR_FMT(buf_str(&t->out)));
    saved_and_loaded_is_the_same(t);
}

/* ---- facts from words ---- */

static Str word(Str *line) {
    size_t i = 0, n;
    while (i < line->len && line->p[i] == ' ')
        i++;
    n = i;
    while (n < line->len && line->p[n] != ' ')
        n++;
    Str w = str_slice(*line, i, n);
    *line = str_slice(*line, n < line->len ? n + 1 : n, line->len);
    return w;
}

static void address_and_attempt(Str *line, Fact *f) {
    Str w = word(line);
    ptrdiff_t at = (ptrdiff_t)w.len - 1; /* the last: a step may be called #2 */
    while (at >= 0 && w.p[at] != '#')
        at--;
    uint64_t n = 0;
    f->address = at < 0 ? w : str_slice(w, 0, (size_t)at);
    if (at >= 0)
        assert_true(str_to_u64(str_slice(w, (size_t)at + 1, w.len), &n));
    f->attempt = (uint32_t)n;
}

static Str kind_and_message(Str *line, Fact *f) {
    Str kind = word(line);
    f->error_kind = str_ends(kind, STR(":")) ? str_slice(kind, 0, kind.len - 1) : kind;
    f->message = *line;
    return *line;
}

static void finished(Str verb, Str *line, Fact *f) {
    f->kind = FACT_FINISHED;
    address_and_attempt(line, f);
    if (str_is(verb, "ok")) {
        ptrdiff_t at = str_find(*line, STR(" tokens="));
        uint64_t tokens = 0;
        f->outcome = OUTCOME_OK;
        f->payload = at < 0 ? *line : str_slice(*line, 0, (size_t)at);
        if (at >= 0)
            assert_true(str_to_u64(str_slice(*line, (size_t)at + 8, line->len), &tokens));
        f->usage.tokens_out = (int64_t)tokens;
        if (!f->payload.len)
            f->payload = STR_NULL;
        return;
    }
    f->retry_after_ms = str_is(verb, "never") ? -1 : 0;
    f->outcome = str_is(verb, "failed")    ? OUTCOME_FAILED
                 : str_is(verb, "refused") ? OUTCOME_REFUSED
                                           : OUTCOME_UNKNOWN;
    f->sent = f->outcome == OUTCOME_UNKNOWN ? SENT_MAYBE : SENT_NO;
    kind_and_message(line, f);
}

static void child(Str *line, Fact *f) {
    Arena a = ARENA_NULL;
    Value spent = VALUE_NULL;
    address_and_attempt(line, f);
    f->kind = FACT_CHILD;
    f->run = STR("child");
    ptrdiff_t at = str_find(*line, STR(" spent "));
    if (at >= 0) {
        f->shown = str_slice(*line, (size_t)at + 7, line->len);
        *line = str_slice(*line, 0, (size_t)at);
        assert_int_equal(json_read(&a, f->shown, &spent, NULL), 0);
        f->usage.tokens_in =
            value_getz(spent, "tokens").type == V_INT ? value_getz(spent, "tokens").i : 0;
    }
    arena_deinit(&a);
    if (str_is(word(line), "ok")) {
        f->outcome = OUTCOME_OK;
        f->payload = line->len ? *line : STR_NULL;
        return;
    }
    f->outcome = OUTCOME_FAILED;
    kind_and_message(line, f);
}

static void mail(Str *line, Fact *f) {
    f->kind = FACT_MAIL;
    f->name = word(line);
    f->run = str_is(f->name, "asks") ? STR("child") : STR("p");
    if (str_is(f->name, "asks"))
        address_and_attempt(line, f);
    f->payload = *line;
}

/* As the engine does. */
static void price(const Talk *t, Fact *f) {
    for (const Want *w = run_wants(t->run); w; w = w->next) {
        Arena a = ARENA_NULL;
        if (w->kind == WANT_ATTEMPT && str_eq(want_address(w, &a), f->address))
            f->usage.cost_nano = want_cost(w, &f->usage);
        arena_deinit(&a);
    }
}

static void reused(Talk *t, Str line, Fact *f) {
    f->kind = FACT_FINISHED;
    address_and_attempt(&line, f);
    for (Want *w = run_wants(t->run); w; w = w->next) {
        const Recorded *o =
            w->kind == WANT_ATTEMPT || w->kind == WANT_CHILD ? outcomes_find(t->offered, w) : NULL;
        if (!o || !str_eq(o->address, f->address))
            continue;
        f->outcome = OUTCOME_OK;
        f->payload = o->payload;
        f->usage = o->usage;
        f->reused = true;
    }
    assert_true(f->reused);
}

static uint32_t purpose_from(Str s) {
    return str_is(s, "retry")      ? TIMER_RETRY
           : str_is(s, "wait")     ? TIMER_WAIT
           : str_is(s, "deadline") ? TIMER_DEADLINE
           : str_is(s, "work")     ? TIMER_WORK
           : str_is(s, "ask")      ? TIMER_ASK
           : str_is(s, "remind")   ? TIMER_REMIND
           : str_is(s, "escalate") ? TIMER_ESCALATE
           : str_is(s, "probe")    ? TIMER_PROBE
           : str_is(s, "state")    ? TIMER_STATE
           : str_is(s, "return")   ? TIMER_RETURN
           : str_is(s, "doubt")    ? TIMER_DOUBT
           : str_is(s, "hedge")    ? TIMER_HEDGE
                                   : TIMER_GROUP;
}

static void signal_words(Str *line, Fact *f) {
    f->kind = FACT_SIGNAL;
    f->name = word(line);
    f->from = STR("ann");
    ptrdiff_t at = str_find(*line, STR(" id "));
    f->payload = at < 0 ? *line : str_slice(*line, 0, (size_t)at);
    f->id = at < 0 ? STR("") : str_slice(*line, (size_t)at + 4, line->len);
    if (!f->payload.len)
        f->payload = STR_NULL;
}

static void event_words(Talk *t, Str *line, Fact *f) {
    f->kind = FACT_EVENT;
    f->name = word(line);
    ptrdiff_t at = str_find(*line, STR(" id "));
    Str data = str_slice(*line, 0, (size_t)at);
    *line = str_slice(*line, (size_t)at + 4, line->len);
    f->id = word(line);
    word(line);
    f->correlation = word(line);
    f->from = STR("r9:told");
    f->payload =
        arena_fmt(&t->arena,
                  "{\"id\":\"%.*s\",\"type\":\"%.*s\",\"data\":%.*s,\"correlation\":\"%.*s\","
                  "\"source\":\"r9:told\",\"time\":\"2026-11-21T08:00:00Z\"}",
                  STR_FMT(f->id), STR_FMT(f->name), STR_FMT(data), STR_FMT(f->correlation));
}

static void decision_words(Str *line, Fact *f) {
    static const char *const verbs[] = { "?",    "done",    "not_done", "retry",  "fail",
                                         "undo", "approve", "reject",   "revise", "answer" };
    f->kind = FACT_DECISION;
    f->from = STR("ann");
    f->address = word(line);
    Str verb = word(line);
    for (uint32_t i = 1; i < ARRAY_LEN(verbs); i++)
        if (str_is(verb, verbs[i]))
            f->verb = i;
    /* `by bo`, `shown HASH`, `words "..."`, in this order, then the value. */
    if (str_starts(*line, STR("by ")))
        word(line), f->from = word(line);
    if (str_starts(*line, STR("shown ")))
        word(line), f->shown = word(line);
    if (str_starts(*line, STR("words \""))) {
        *line = str_slice(*line, 7, line->len);
        ptrdiff_t end = str_find(*line, STR("\""));
        f->message = str_slice(*line, 0, (size_t)end);
        *line = str_slice(*line, MIN((size_t)end + 2, line->len), line->len);
    }
    f->payload = line->len ? *line : STR_NULL;
}

static bool control_word(Str verb, Str line, Fact *f) {
    static const char *const verbs[] = { "", "pause", "resume", "cancel", "retry", "limits" };
    f->kind = FACT_CONTROL;
    f->from = STR("ann");
    for (uint32_t i = 1; i < ARRAY_LEN(verbs); i++)
        if (str_is(verb, verbs[i]))
            f->verb = i;
    f->payload = line.len ? line : STR_NULL;
    return f->verb != 0;
}

static void grant_words(Str *line, Fact *f) {
    uint64_t n = 0;
    for (Str w = word(line); w.len; w = word(line)) {
        if (str_is(w, "from")) {
            f->from = word(line);
            continue;
        }
        assert_true(str_to_u64(word(line), &n));
        if (str_is(w, "generation"))
            f->generation = (uint32_t)n;
        else
            f->since_ms = (int64_t)n;
    }
}

static Fact fact_of(Talk *t, Str verb, Str line) {
    Fact f = { .time_ms = t->now };
    if (str_is(verb, "ok") || str_is(verb, "failed") || str_is(verb, "unknown") ||
        str_is(verb, "refused") || str_is(verb, "never")) {
        finished(verb, &line, &f), price(t, &f);
    } else if (str_is(verb, "child")) {
        child(&line, &f);
    } else if (str_is(verb, "mail")) {
        mail(&line, &f);
    } else if (str_is(verb, "reused")) {
        reused(t, line, &f);
    } else if (str_is(verb, "dispatching")) {
        f.kind = FACT_DISPATCHING;
        address_and_attempt(&line, &f);
        grant_words(&line, &f);
    } else if (str_is(verb, "taken")) {
        f.kind = FACT_FINISHED;
        address_and_attempt(&line, &f);
        f.outcome = OUTCOME_OK;
        f.reused = true;
        f.from = word(&line);
        f.id = f.address;
        f.payload = line;
    } else if (str_is(verb, "unsent")) {
        f.kind = FACT_PROGRESS;
        f.name = verb;
        address_and_attempt(&line, &f);
    } else if (str_is(verb, "handle")) {
        f.kind = FACT_PROGRESS;
        f.name = verb;
        address_and_attempt(&line, &f);
        f.payload = line;
    } else if (str_is(verb, "timer")) {
        f.kind = FACT_TIMER;
        Str address = word(&line);
        f.address = str_is(address, "(run)") ? STR("") : address;
        f.purpose = purpose_from(word(&line));
    } else if (str_is(verb, "signal")) {
        signal_words(&line, &f);
    } else if (str_is(verb, "event")) {
        event_words(t, &line, &f);
    } else if (str_is(verb, "decide")) {
        decision_words(&line, &f);
    } else if (str_is(verb, "crash")) {
        f.kind = FACT_RECOVERED;
    } else if (!control_word(verb, line, &f)) {
        fail_msg("no such fact: %.*s", STR_FMT(verb));
    }
    return f;
}

/* ---- the conversation ---- */

static void keep_fact(Talk *t, const Fact *f) {
    if (t->n_facts == t->room_facts) {
        t->room_facts = MAX(t->room_facts * 2, (size_t)16);
        t->facts = xrealloc(t->facts, t->room_facts * sizeof *t->facts);
    }
    t->facts[t->n_facts++] = *f;
}

static void start_of(Talk *t, Str source, Str before, Str input, Acceptance acceptance) {
    RowWriter row;
    Str problem = STR_NULL;
    Fact accepted = { .kind = FACT_ACCEPTED,
                      .time_ms = t->now,
                      .run = STR("r1"),
                      .dir = STR("/"),
                      .seed = 7,
                      .verb = RULES_NOW,
                      .purpose = acceptance,
                      .from = source,
                      .id = before,
                      .shown = t->caller,
                      .past = t->past,
                      .payload = input.len ? input : STR_NULL };
    row_init(&row);
    int err = run_start(t->plan, &accepted, &row, &t->run, &problem, &t->arena);
    if (err) {
        buf_fmt(&t->out, "  refused: %.*s\n", STR_FMT(problem));
    } else {
        keep_fact(t, &accepted);
        print_moves(t, &row);
        print_wants(t);
        print_end(t);
        check(t);
    }
    row_deinit(&row);
}

static void start(Talk *t, Str input) { start_of(t, STR(""), STR(""), input, ACCEPT_RUN); }

static void fork_run(Talk *t, Str line) {
    Str before = line.len && line.p[0] != '{' ? word(&line) : STR("");
    outcomes_forget_undone(t->noted, t->run);
    t->run = run_free(t->run);
    outcomes_free(t->offered);
    t->offered = t->noted;
    t->noted = outcomes_new(false);
    start_of(t, STR("r1"), before, line, ACCEPT_RUN);
}

static void ask(Talk *t, Str address) {
    static const uint8_t key[32] = { 1 };
    for (Want *w = run_wants(t->run); w; w = w->next)
        if (w->kind == WANT_ATTEMPT && str_eq(want_address(w, &t->arena), address)) {
            Str k = want_key(w, key, &t->arena);
            buf_fmt(&t->out, "  key %.*s\n  request ", STR_FMT(k));
            value_write(&t->out, want_request(w, &t->arena));
            buf_char(&t->out, '\n');
        }
}

static void apply(Talk *t, Str verb, Str line) {
    if (!t->run)
        fail_msg("there is no run: %.*s", STR_FMT(buf_str(&t->out)));
    RowWriter row;
    Fact f = fact_of(t, verb, line);
    row_init(&row);
    outcomes_note(t->noted, t->run, &f, STR(""));
    int err = run_apply(t->run, &f, &row);
    if (err) {
        buf_fmt(&t->out, err == RUN_E_IGNORED ? "  ignored\n" : "  corrupt\n");
        assert_true(row_empty(&row));
    } else {
        keep_fact(t, &f);
        print_moves(t, &row);
        print_wants(t);
        print_end(t);
    }
    check(t);
    row_deinit(&row);
}

/* As the engine does: the run is derived again from its facts, then the retry is applied. */
static void retry(Talk *t, Str line) {
    Fact f = { .kind = FACT_CONTROL, .verb = CONTROL_RETRY, .time_ms = t->now, .from = STR("ann") };
    Str failed[16], undone[16], problem;
    Retried what = { .failed = failed, .undone = undone };
    bool back = false;
    for (Str w = word(&line); w.len; w = word(&line)) {
        if (str_is(w, "from"))
            f.address = word(&line);
        else if (str_is(w, "failed") || str_is(w, "undone"))
            back = str_is(w, "undone");
        else if (back)
            undone[what.n_undone++] = w;
        else
            failed[what.n_failed++] = w;
    }
    f.payload = value_text(&t->arena, retried_write(&what, &t->arena));
    assert_true(t->n_retries < ARRAY_LEN(t->retries));
    t->retries[t->n_retries++] = retried_read(&f, &t->arena);
    t->run = run_free(t->run);
    assert_int_equal(run_start_again(t->plan, &t->facts[0], t->retries, t->n_retries, &t->run,
                                     &problem, &t->arena),
                     0);
    for (size_t i = 1; i < t->n_facts; i++)
        if (run_apply(t->run, &t->facts[i], NULL))
            run_pass_over(t->run, &t->facts[i]);
    run_forget_closed(t->run);
    run_forget_key_changes(t->run);
    run_forget_posts(t->run);
    run_forget_notices(t->run);
    RowWriter row;
    row_init(&row);
    assert_int_equal(run_apply(t->run, &f, &row), 0);
    keep_fact(t, &f);
    print_moves(t, &row);
    print_wants_from(t, run_wants(t->run));
    print_end(t);
    check(t);
    row_deinit(&row);
}

static void say(Talk *t, Str line) {
    buf_fmt(&t->out, "> %.*s\n", STR_FMT(line));
    Str verb = word(&line);
    uint64_t at = 0;
    if (str_is(verb, "run")) {
        t->run = run_free(t->run); /* a second one, where there was one */
        t->n_facts = 0;
        start(t, line);
    } else if (str_is(verb, "listen"))
        start_of(t, STR(""), STR(""), line, ACCEPT_LISTEN);
    else if (str_is(verb, "past"))
        t->past = line;
    else if (str_is(verb, "fork"))
        fork_run(t, line);
    else if (str_is(verb, "retry"))
        retry(t, line);
    else if (str_is(verb, "ask"))
        ask(t, line);
    else if (str_is(verb, "called"))
        t->caller = line;
    else if (str_is(verb, "at") && str_to_u64(line, &at))
        t->now = (int64_t)at;
    else
        apply(t, verb, line);
}

static Str next_line(Str *text) {
    ptrdiff_t at = str_find(*text, STR("\n"));
    Str line = at < 0 ? *text : str_slice(*text, 0, (size_t)at);
    *text = at < 0 ? str_slice(*text, text->len, text->len)
                   : str_slice(*text, (size_t)at + 1, text->len);
    return line;
}

#define FILES_MAX 4

/* The workflow, then other files, each after a line `--- NAME`. */
static size_t files_of(Str text, Str *names, Str *texts) {
    size_t n = 1;
    names[0] = STR("flow.yaml");
    texts[0] = str_slice(text, 0, 0);
    for (Str rest = text; rest.len;) {
        Str line = next_line(&rest);
        if (str_starts(line, STR("--- "))) {
            assert_true(n < FILES_MAX);
            names[n] = str_slice(line, 4, line.len);
            texts[n++] = str_slice(rest, 0, 0);
        } else {
            texts[n - 1].len = (size_t)(rest.p - texts[n - 1].p);
        }
    }
    return n;
}

static Plan *compile(Talk *t, Str text) {
    Plan *plan = NULL;
    Diags diags = { .arena = &t->arena };
    Str names[FILES_MAX], texts[FILES_MAX];
    size_t n = files_of(text, names, texts);
    if (plan_compile(closure_make(&t->arena, names[0], names, texts, n), &plan, &diags)) {
        Buf b = BUF_INIT(MIB);
        for (size_t i = 0; i < diags.n; i++)
            diag_write(&b, &diags.items[i]);
        fail_msg("%.*s", STR_FMT(buf_str(&b)));
    }
    return plan;
}

static Str read_all(Arena *a, const char *path) {
    Buf b = BUF_INIT(MIB);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (ssize_t n = 1; n > 0; b.len += n > 0 ? (size_t)n : 0)
        n = read(fd, buf_room(&b, 65536), 65536);
    close(fd);
    Str s = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return s;
}

static void write_all(const char *path, Str head, Str transcript) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, head.p, head.len), (ssize_t)head.len);
    assert_int_equal(write(fd, transcript.p, transcript.len), (ssize_t)transcript.len);
    close(fd);
}

/* What is said, and what the run makes of it, in t->out. */
static void converse(Talk *t, Str transcript) {
    for (Str rest = transcript; rest.len;) {
        Str line = next_line(&rest);
        if (str_starts(line, STR("> ")))
            say(t, str_slice(line, 2, line.len));
        else if (str_starts(line, STR("#")))
            buf_fmt(&t->out, "%.*s\n", STR_FMT(line));
    }
}

static void transcript_holds_for(const char *path, bool reloads) {
    Talk t = {
        .now = 1000, .reloads = reloads, .noted = outcomes_new(false), .out = BUF_INIT(16 * MIB)
    };
    arena_init(&t.arena, 0);
    Str text = read_all(&t.arena, path);
    ptrdiff_t cut = str_find(text, STR("\n===\n"));
    assert_true(cut > 0);
    Str head = str_slice(text, 0, (size_t)cut + 5),
        expected = str_slice(text, (size_t)cut + 5, text.len);
    t.plan = compile(&t, str_slice(text, 0, (size_t)cut + 1));
    converse(&t, expected);
    if (getenv("BATON_UPDATE") && !reloads)
        write_all(path, head, buf_str(&t.out));
    else if (!str_eq(buf_str(&t.out), expected))
        fail_msg("%s%s: expected\n%.*s\nbut got\n%.*s", path,
                 reloads ? ", loaded after every fact" : "", STR_FMT(expected),
                 STR_FMT(buf_str(&t.out)));
    run_free(t.run);
    outcomes_free(t.noted);
    outcomes_free(t.offered);
    free(t.facts);
    plan_free(t.plan);
    buf_deinit(&t.out);
    arena_deinit(&t.arena);
}

static void transcript_holds(void **state) {
    transcript_holds_for(*state, false);
    transcript_holds_for(*state, true);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

int main(void) {
    static struct CMUnitTest tests[400];
    size_t n = 0;
    DIR *d = opendir(DIRECTORY);
    if (!d)
        return 1;
    for (struct dirent *e; (e = readdir(d));) {
        Str name = str_from(e->d_name);
        if (!str_ends(name, STR(".txt")))
            continue;
        if (n == ARRAY_LEN(tests)) /* none is left out in silence */
            return 1;
        char *path = xcalloc(1, sizeof(DIRECTORY) + name.len);
        memcpy(path, DIRECTORY, sizeof(DIRECTORY) - 1);
        memcpy(path + sizeof(DIRECTORY) - 1, name.p, name.len);
        tests[n++] = (struct CMUnitTest){ .name = path + sizeof(DIRECTORY) - 1,
                                          .test_func = transcript_holds,
                                          .initial_state = path };
    }
    closedir(d);
    qsort(tests, n, sizeof(tests[0]), by_name);
    return _cmocka_run_group_tests("transcripts", tests, n, NULL, NULL);
}
