/* Choosing the executor, and the few endings that all of them know. What is chosen depends on the attempt alone, so that
 * a stop finds the same executor as the start. */
#include "exec/exec.h"
#include "exec/secret_ask.h"
#include "exec/secrets.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_scripted(const Attempt *a) {
    Value model = value_getz(a->request, "model");
    return value_is(model, V_STRING) && str_starts(value_as_str(model), STR("scripted/"));
}

static const ExecOps *executor_of(const Attempt *a) {
    if (a->notice)
        return &exec_notice;
    switch (a->kind) {
    case CALLEE_ECHO: return &exec_echo;
    case CALLEE_RUN: return &exec_command;
    case CALLEE_HTTP: return &exec_http;
    case CALLEE_MODEL: return is_scripted(a) ? &exec_scripted : &exec_model;
    case CALLEE_A2A: return &exec_a2a;
    case CALLEE_MCP: return &exec_mcp;
    case CALLEE_HUMAN:
    case CALLEE_INBOX:
    case CALLEE_CALL:
    case CALLEE_SYSTEM: break; /* is no attempt, or the engine's own */
    }
    UNREACHABLE("kind of callee");
}

Exec *exec_new(const ExecOptions *options) {
    Exec *x = xcalloc(1, sizeof(*x));
    x->options = *options;
    x->commands.max = options->commands_max ? options->commands_max : 128;
    http_client_init(&x->http, options->loop, options->requests_max ? options->requests_max : 256);
    x->letters.loop = options->loop;
    return x;
}

void exec_close(Exec *x) {
    x->closing = true;
    asking_close(x);
    commands_close(x);
    remotes_close(x);
    mcp_close(x);
    http_client_close(&x->http);
    letters_close(&x->letters);
    if (x->fixtures)
        fixtures_close(x->fixtures);
}

Exec *exec_free(Exec *x) {
    if (!x)
        return NULL;
    http_client_deinit(&x->http);
    fixtures_free(x->fixtures);
    mcp_free(x);
    free(x);
    return NULL;
}

static void refuse_without(Exec *x, Attempt *a, Str name, Str problem) {
    exec_refuse(x, a, KIND_DENIED, "secret `%.*s`: %.*s", STR_FMT(name), STR_FMT(problem));
}

static void begin(Exec *x, Attempt *a);

static void asked(Exec *x, Attempt *a, Str name, Str problem) {
    if (problem.len)
        refuse_without(x, a, name, problem);
    else
        begin(x, a);
}

static void begin(Exec *x, Attempt *a) {
    const Secret *lacks;
    switch (secrets_fill(a, &lacks)) {
    case SECRET_THERE: executor_of(a)->start(x, a); return;
    case SECRET_UNASKED: asking_begin(x, a, lacks->name, asked); return;
    case SECRET_MISSING:
    case SECRET_LATE: refuse_without(x, a, lacks->name, lacks->problem); return;
    }
}

void exec_start(Exec *x, Attempt *a) {
    ASSERT(!x->closing);
    a->queued_us = 0;
    begin(x, a);
}

void exec_complete(Exec *x, Attempt *a, const Completion *c) {
    Completion clean = *c;
    if (a->n_secrets) {
        clean.message = secrets_hide_text(a, c->message);
        clean.payload = secrets_hide_json(a, c->payload);
    }
    x->options.complete(x->options.ctx, a, &clean);
}

void exec_handle(Exec *x, Attempt *a, Str handle) {
    if (x->options.handle)
        x->options.handle(x->options.ctx, a, handle);
}

void exec_stop(Exec *x, Attempt *a) {
    ASSERT(!x->closing);
    if (asking_stop(x, a))
        exec_stopped(x, a);
    else
        executor_of(a)->stop(x, a);
}

void exec_succeed(Exec *x, Attempt *a, Str payload) {
    exec_complete(x, a,
                  &(Completion){ .outcome = OUTCOME_OK, .sent = SENT_YES, .payload = payload });
}

void exec_refuse(Exec *x, Attempt *a, ErrorKind kind, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    exec_complete(x, a,
                  &(Completion){ .outcome = OUTCOME_FAILED,
                                 .sent = SENT_NO,
                                 .kind = kind,
                                 .message = str_from(text),
                                 .payload = STR("{}") });
}

void exec_stopped(Exec *x, Attempt *a) {
    exec_refuse(x, a, KIND_CANCELLED, "stopped before it began");
}

Str exec_excerpt(Arena *a, Str text, size_t max) {
    Buf b = BUF_INIT(max + 16);
    size_t at = 0;
    while (at < text.len && b.len < max) {
        size_t from = at;
        uint32_t c = str_next_codepoint(text, &at);
        if (c == 0xFFFD)
            buf_str_add(&b, STR("\xEF\xBF\xBD"));
        else
            buf_add(&b, text.p + from, at - from);
    }
    if (at < text.len)
        buf_str_add(&b, STR(" ..."));
    Str excerpt = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return excerpt;
}

/* ---- echo -------------------------------------------------------------------------------------------------------------- */

/* The built-in tool for measuring: gives back its arguments, at once. */
static void echo_arguments(Exec *x, Attempt *a) {
    Str text = value_text(&a->arena, value_absent(a->request) ? VALUE_NULL : a->request);
    if (!text.p)
        exec_refuse(x, a, KIND_LIMIT, "the arguments are larger than a value may be");
    else
        exec_succeed(x, a, text);
}

static void never_in_flight(UNUSED Exec *x, UNUSED Attempt *a) {
    UNREACHABLE("echo completes within its start");
}

const ExecOps exec_echo = { echo_arguments, never_in_flight };
