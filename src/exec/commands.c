/* The `run` callee: { command, env, cwd, stdin }.
 *
 *   start -> slot -> three pipes -> spawn port ... stdout, stderr, stdin served by the loop ... ended -> complete
 *
 * A command is over when its end is known and both its outputs are at their end, so that no byte is lost. Its tree is gone
 * by then; a descriptor that some process outside the tree still holds is not waited for long.
 *
 * Two lives: the Attempt is the engine's and may go once it is completed; the Command is ours and stays until libuv has
 * closed its pipes. */
#include "exec/command_output.h"
#include "exec/command_prepare.h"
#include "exec/exec.h"
#include "exec/pipes.h"

#include "base/json.h"
#include "base/limits.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* After the end, how long an output may stay open: bytes in the pipe arrive at once, what keeps it open is not ours. */
#define LINGER_MS 1000
/* Of standard output, in the payload of a failure: many programs complain there. */
#define FAILURE_OUTPUT_BYTES (4 * KIB)
#define READ_BYTES (64 * KIB)

typedef struct Command {
    Exec *x;
    Attempt *a; /* NULL once completed */
    Slot slot;
    uint64_t number; /* of the spawn port */
    CommandParts parts;
    uv_pipe_t in, out, err;
    uv_write_t write;
    uv_timer_t linger;
    int handles; /* open or closing */
    bool out_open, err_open, ended, too_big, stopped;
    Buf output;
    Tail log;
    SpawnEnd end;
    char *read_buffer;
} Command;

static Command *command_of(Slot *slot) {
    return (Command *)((char *)slot - offsetof(Command, slot));
}

/* ---- end of life ------------------------------------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle) {
    Command *c = handle->data;
    if (--c->handles > 0)
        return;
    free(c->read_buffer);
    free(c);
}

static void close_handle(void *handle) {
    if (!uv_is_closing(handle))
        uv_close(handle, handle_closed);
}

/* Nothing of the attempt is touched after this; the command itself goes when its last handle is closed. */
static void retire(Command *c) {
    c->a = NULL;
    buf_deinit(&c->output);
    tail_deinit(&c->log);
    slots_leave(&c->x->commands, &c->slot);
    if (c->handles == 0) {
        free(c);
        return;
    }
    close_handle(&c->in);
    close_handle(&c->out);
    close_handle(&c->err);
    close_handle(&c->linger);
}

/* ---- what is told ------------------------------------------------------------------------------------------------------ */

static Str message_no_sandbox(const Command *c, Arena *a) {
    int error = c->end.error;
    if (error == EXDEV)
        return STR(
            "run: a path of its `sandbox` holds the data directory of baton, or lies in it: name "
            "folders beside it, or keep it elsewhere (`--data`)");
    if (error == ENOTSUP)
        return STR(
            "run: the kernel cannot hold what its `sandbox` asks for: `baton doctor` says what is "
            "there");
    if (error == ENOENT)
        return STR("run: a path of its `sandbox` is not there: make it before the run");
    return arena_fmt(a, "run: its `sandbox` cannot be set up: %s", strerror(error));
}

static Str message_never_ran(const Command *c, Arena *a) {
    const char *why = strerror(c->end.error), *program = c->parts.argv[0];
    switch (c->end.stage) {
    case SPAWN_NO_DIRECTORY:
        return arena_fmt(a, "run: cannot enter the directory %s: %s", c->parts.cwd, why);
    case SPAWN_NO_SANDBOX: return message_no_sandbox(c, a);
    case SPAWN_NO_PROCESS: return arena_fmt(a, "run: cannot start a process: %s", why);
    case SPAWN_NO_PROGRAM:
    case SPAWN_RAN: break;
    }
    if (c->end.error == ENOEXEC)
        return arena_fmt(a, "run: %s is no program and has no `#!` line", program);
    if (c->end.error != ENOENT)
        return arena_fmt(a, "run: cannot start %s: %s", program, why);
    if (strchr(program, '/'))
        return arena_fmt(a, "run: %s is not there (looked for from %s), or its `#!` program is not",
                         program, c->parts.cwd);
    return arena_fmt(a, "run: no program %s in PATH (%s)", program, c->parts.path);
}

static Str last_line(Str log) {
    while (log.len && log.p[log.len - 1] == '\n')
        log.len--;
    size_t from = log.len;
    while (from && log.p[from - 1] != '\n')
        from--;
    return str_slice(log, from, log.len);
}

/* Which of its bounds ended it; NULL: none, as far as can be told. A shell says of what it ran that a signal killed it. */
static const char *bound_reached(const SpawnEnd *end) {
    int signal = end->signal ? end->signal : end->code > 128 ? end->code - 128 : 0;
    return end->stage != SPAWN_RAN || end->lost ? NULL
           : signal == SIGXCPU                  ? "processor time (`cpu`)"
           : signal == SIGXFSZ                  ? "the size of a file (`file`)"
                                                : NULL;
}

/* Who asks for more memory than there is for it is told no, and most then end by themselves. */
static bool was_near_its_memory(const Command *c) {
    uint64_t most = c->x->options.bounds.memory_bytes;
    return most && (uint64_t)c->end.peak_bytes > most / 4 * 3;
}

static Str message_ended(const Command *c, Arena *a, Str log) {
    const char *program = c->parts.argv[0];
    if (c->too_big)
        return arena_fmt(a, "run: %s wrote more than %u bytes to standard output and was killed",
                         program, LIMIT_PAYLOAD_BYTES);
    if (c->end.lost)
        return arena_fmt(a, "run: the helper process died; how %s ended is not known", program);
    if (c->end.stage != SPAWN_RAN)
        return message_never_ran(c, a);
    if (c->stopped)
        return arena_fmt(a, "run: %s was stopped", program);
    if (bound_reached(&c->end))
        return arena_fmt(a,
                         "run: %s was ended by its limit of %s; BATON_COMMAND_LIMITS of the engine "
                         "says how much there is",
                         program, bound_reached(&c->end));
    if (was_near_its_memory(c))
        return arena_fmt(a, "run: %s ended with %lld MiB in use, near its limit of memory", program,
                         (long long)(c->end.peak_bytes / MIB));
    if (c->end.signal)
        return arena_fmt(a, "run: %s was killed by signal %d (%s)", program, c->end.signal,
                         strsignal(c->end.signal));
    Str line = exec_excerpt(a, last_line(log), 200);
    return arena_fmt(a, "run: %s ended with exit code %d%s%.*s", program, c->end.code,
                     line.len ? ": " : "", STR_FMT(line));
}

static Str failure_payload(const Command *c, Arena *a, Str log) {
    MapBuilder m = map_builder(a);
    if (c->end.signal)
        map_addz(&m, "signal", value_int(c->end.signal));
    else if (c->end.stage == SPAWN_RAN && !c->end.lost)
        map_addz(&m, "exit", value_int(c->end.code));
    map_addz(&m, "log", value_str(exec_excerpt(a, log, LIMIT_LOG_BYTES)));
    if (c->output.len)
        map_addz(&m, "output",
                 value_str(exec_excerpt(a, buf_str(&c->output), FAILURE_OUTPUT_BYTES)));
    Str text = value_text(a, map_done(&m, NULL));
    return text.p ? text : STR("{}");
}

/* What one that went well had to say stands in the journal with each attempt: little of it, from the start of a line. */
static Str last_part(Arena *a, Str log) {
    if (log.len > LIMIT_MESSAGE_BYTES) {
        log = str_slice(log, log.len - LIMIT_MESSAGE_BYTES, log.len);
        ptrdiff_t line = str_find(log, STR("\n"));
        log = str_slice(log, line >= 0 ? (size_t)line + 1 : 0, log.len);
    }
    return exec_excerpt(a, log, LIMIT_MESSAGE_BYTES);
}

static CommandVerdict verdict_of(const Command *c) {
    CommandVerdict v = command_verdict(&c->end);
    if (c->too_big)
        return (CommandVerdict){ OUTCOME_UNKNOWN, SENT_YES, KIND_LIMIT };
    if (bound_reached(&c->end) || (c->end.signal && was_near_its_memory(c)))
        return (CommandVerdict){ OUTCOME_UNKNOWN, SENT_YES, KIND_LIMIT };
    /* What it makes of our SIGTERM is its own affair: killed or "exit 1", its work was cut. */
    if (c->stopped && v.outcome != OUTCOME_OK && c->end.stage == SPAWN_RAN)
        return (CommandVerdict){ OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CANCELLED };
    return v;
}

static void complete(Command *c) {
    Attempt *a = c->a;
    Exec *x = c->x;
    a->queued_us = slot_queued_us(&c->slot);
    CommandVerdict v = verdict_of(c);
    Completion done = { .outcome = v.outcome, .sent = v.sent, .kind = v.kind };
    done.took_us = slot_took_us(&c->slot);
    done.usage.cpu_us = c->end.cpu_us;
    done.usage.peak_bytes = c->end.peak_bytes;
    Buf payload = BUF_INIT(LIMIT_PAYLOAD_BYTES);
    if (v.outcome == OUTCOME_OK) {
        command_output(&payload, buf_str(&c->output));
        c->too_big = buf_over(&payload); /* escapes made a text longer than the cap */
        if (c->too_big) {
            done.outcome = OUTCOME_UNKNOWN;
            done.kind = KIND_LIMIT;
        }
        done.payload = buf_str(&payload);
    }
    Str log = tail_text(&c->log, &a->arena);
    if (done.outcome == OUTCOME_OK) {
        done.message = last_part(&a->arena, log);
    } else {
        done.message = message_ended(c, &a->arena, log);
        done.payload = failure_payload(c, &a->arena, log);
    }
    retire(c);
    exec_complete(x, a, &done);
    buf_deinit(&payload);
}

static void complete_if_over(Command *c) {
    if (c->a && c->ended && !c->out_open && !c->err_open)
        complete(c);
}

static void lingered(uv_timer_t *timer) {
    Command *c = timer->data;
    c->out_open = c->err_open = false;
    complete_if_over(c);
}

static void command_ended(void *ctx, const SpawnEnd *end) {
    Command *c = ctx;
    c->end = *end;
    c->ended = true;
    c->number = 0;
    uv_timer_start(&c->linger, lingered, LINGER_MS, 0);
    complete_if_over(c);
}

/* ---- pipes ------------------------------------------------------------------------------------------------------------- */

static void give_buffer(uv_handle_t *handle, UNUSED size_t suggested, uv_buf_t *ret) {
    Command *c = handle->data;
    if (!c->read_buffer)
        c->read_buffer = xmalloc(READ_BYTES);
    *ret = uv_buf_init(c->read_buffer, READ_BYTES);
}

static void kill_for_size(Command *c) {
    c->too_big = true;
    c->out_open = false;
    uv_read_stop((uv_stream_t *)&c->out);
    if (c->number)
        c->x->options.spawn.stop(c->x->options.spawn.ctx, c->number, true);
}

static void output_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    Command *c = stream->data;
    if (!c->a || n == 0)
        return;
    if (n < 0) {
        c->out_open = false;
    } else {
        buf_add(&c->output, buf->base, (size_t)n);
        if (buf_over(&c->output))
            kill_for_size(c);
    }
    complete_if_over(c);
}

static void log_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    Command *c = stream->data;
    if (!c->a || n == 0)
        return;
    if (n < 0)
        c->err_open = false;
    else
        tail_add(&c->log, (Str){ buf->base, (size_t)n });
    complete_if_over(c);
}

/* A command that does not read its input is no failure: its exit code says how it went. */
static void input_written(uv_write_t *write, UNUSED int status) {
    Command *c = write->data;
    close_handle(&c->in);
}

static void serve_pipes(Command *c, const int ours[3]) {
    uv_pipe_open(&c->in, ours[0]);
    uv_pipe_open(&c->out, ours[1]);
    uv_pipe_open(&c->err, ours[2]);
    c->out_open = c->err_open = true;
    uv_read_start((uv_stream_t *)&c->out, give_buffer, output_came);
    uv_read_start((uv_stream_t *)&c->err, give_buffer, log_came);
    c->write.data = c;
    uv_buf_t input = uv_buf_init((char *)c->parts.input.p, (unsigned)c->parts.input.len);
    if (c->parts.input.len == 0 ||
        uv_write(&c->write, (uv_stream_t *)&c->in, &input, 1, input_written) != 0)
        close_handle(&c->in);
}

static void init_handles(Command *c) {
    uv_loop_t *loop = c->x->options.loop;
    uv_pipe_init(loop, &c->in, 0);
    uv_pipe_init(loop, &c->out, 0);
    uv_pipe_init(loop, &c->err, 0);
    uv_timer_init(loop, &c->linger);
    c->in.data = c->out.data = c->err.data = c->linger.data = c;
    c->handles = 4;
}

static void never_started(Command *c, int err) {
    c->end = (SpawnEnd){ .stage = SPAWN_NO_PROCESS, .error = err };
    complete(c);
}

/* Within a timeout a process can use as much as all processors give it, and no more once the engine is gone. */
static CommandBounds bounds_of(const Command *c) {
    CommandBounds b = c->x->options.bounds;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t fits = (uint64_t)(c->a->timeout_ms / 1000 + 1) * (uint64_t)MAX(processors, 1l);
    if (c->a->timeout_ms > 0 && (!b.cpu_s || fits < b.cpu_s))
        b.cpu_s = fits;
    return b;
}

static void command_begins(UNUSED void *ctx, Slot *slot) {
    Command *c = command_of(slot);
    int ours[3] = { -1, -1, -1 };
    SpawnOrder order = { .argv = c->parts.argv, .env = c->parts.env, .cwd = c->parts.cwd };
    order.bounds = bounds_of(c);
    order.sandbox = c->parts.sandbox;
    order.ended = command_ended;
    order.ctx = c;
    int err = pipes_make(ours, order.fds);
    if (err) {
        never_started(c, err);
        return;
    }
    SpawnPort *port = &c->x->options.spawn;
    c->number = port->spawn(port->ctx, &order);
    if (!c->number) {
        err = errno;
        pipes_close(ours);
        never_started(c, err);
        return;
    }
    init_handles(c);
    serve_pipes(c, ours);
}

/* ---- the executor ------------------------------------------------------------------------------------------------------ */

static void start_command(Exec *x, Attempt *a) {
    if (!x->options.spawn.spawn) {
        exec_refuse(x, a, KIND_DENIED, "run: commands are turned off here");
        return;
    }
    Command *c = xcalloc(1, sizeof(*c));
    const char *problem = command_prepare(a, &c->parts);
    if (problem) {
        free(c);
        exec_refuse(x, a, KIND_INVALID, "run: %s", problem);
        return;
    }
    c->x = x;
    c->a = a;
    a->state = c;
    c->output = BUF_INIT(LIMIT_PAYLOAD_BYTES);
    tail_init(&c->log, LIMIT_LOG_BYTES);
    x->commands.begin = command_begins;
    slots_enter(&x->commands, &c->slot);
}

static void stop_command(Exec *x, Attempt *a) {
    Command *c = a->state;
    if (c->slot.where == SLOT_WAITING) {
        a->queued_us = slot_queued_us(&c->slot);
        retire(c);
        exec_stopped(x, a);
        return;
    }
    c->stopped = true;
    if (c->number)
        x->options.spawn.stop(x->options.spawn.ctx, c->number, false);
}

const ExecOps exec_command = { start_command, stop_command };

void commands_close(Exec *x) {
    x->commands.max = 0; /* nothing waiting begins */
    while (x->commands.running) {
        Command *c = command_of(x->commands.running);
        if (c->number)
            x->options.spawn.forget(x->options.spawn.ctx, c->number);
        retire(c);
    }
    while (x->commands.first)
        retire(command_of(x->commands.first));
}
