/* A loop, executors and one attempt at a time, for tests of src/exec. Include it after the headers of src/ it needs
 * (exec/executor.h, base/json.h): it names none itself, because what tests/unit includes decides what all are linked to. */
#ifndef BATON_TESTS_EXEC_WORLD_H
#define BATON_TESTS_EXEC_WORLD_H

#include <stdlib.h>

typedef struct World {
    uv_loop_t loop;
    Exec *exec;
    unsigned completions;
    Arena arena; /* of the copies below */
    Completion last;
    Attempt *last_attempt;
} World;

static inline Str copied(World *w, Str s) { return s.p ? arena_str(&w->arena, s) : STR(""); }

static inline void remember_completion(void *ctx, Attempt *a, const Completion *c) {
    World *w = ctx;
    w->completions++;
    w->last = *c;
    w->last.message = copied(w, c->message);
    w->last.payload = copied(w, c->payload);
    w->last_attempt = a;
    uv_stop(&w->loop); /* a completion from a timer must not be followed by a sleep in the poll */
}

static inline void world_open(World *w, ExecOptions options) {
    memset(w, 0, sizeof(*w));
    uv_loop_init(&w->loop);
    options.loop = &w->loop;
    options.complete = remember_completion;
    options.ctx = w;
    w->exec = exec_new(&options);
}

static inline void world_close(World *w) {
    exec_close(w->exec);
    while (uv_run(&w->loop, UV_RUN_DEFAULT) != 0) /* an uv_stop() may be pending */
        ;
    assert_int_equal(uv_loop_close(&w->loop), 0);
    w->exec = exec_free(w->exec);
    arena_deinit(&w->arena);
}

static inline Attempt *attempt_new(CalleeKind kind, const char *request) {
    Attempt *a = xcalloc(1, sizeof(*a));
    a->kind = kind;
    a->effect = EFFECT_UNSAFE;
    a->run = STR("run-1");
    a->address = STR("work.step[2]");
    a->step_name = STR("step");
    a->workflow = STR("flow");
    a->callee = STR("callee");
    a->attempt = 1;
    a->key = STR("");
    a->dir = STR("/tmp");
    JsonError error;
    assert_int_equal(json_read_copy(&a->arena, str_from(request), &a->request, &error), 0);
    return a;
}

static inline void attempt_free(Attempt *a) {
    arena_deinit(&a->arena);
    free(a);
}

/* Runs the loop until `n` completions are there. */
static inline void world_wait(World *w, unsigned n) {
    while (w->completions < n)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(w->completions, n);
}

/* Performs one attempt from start to end; the completion is in w->last. */
static inline void perform(World *w, Attempt *a) {
    unsigned before = w->completions;
    exec_start(w->exec, a);
    world_wait(w, before + 1);
    assert_ptr_equal(w->last_attempt, a);
}

#define assert_str_is(s, text)                                                                     \
    do {                                                                                           \
        Str _s = (s);                                                                              \
        if (!str_is(_s, text))                                                                     \
            fail_msg("expected `%s`, got `%.*s`", text, STR_FMT(_s));                              \
    } while (0)
#define assert_str_has(s, text)                                                                    \
    do {                                                                                           \
        Str _s = (s);                                                                              \
        if (str_find(_s, str_from(text)) < 0)                                                      \
            fail_msg("expected `%s` in `%.*s`", text, STR_FMT(_s));                                \
    } while (0)
#define assert_ended(w, o, s, k)                                                                   \
    do {                                                                                           \
        const Completion *_c = &(w)->last;                                                         \
        if (_c->outcome != (o) || _c->sent != (s) || _c->kind != (k))                              \
            fail_msg("ended with outcome %d, sent %d, kind %s: %.*s", _c->outcome, _c->sent,       \
                     error_kind_name(_c->kind), STR_FMT(_c->message));                             \
    } while (0)

#endif
