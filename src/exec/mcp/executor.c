/* The `mcp` callee: { set, command, env | url, headers, tool, input } out, what the tool gave back.
 *
 *   start -> job -> server up -> known? accepted? fits? -> tools/call ... reply -> complete
 *                                     \ no: a definite failure, and nothing was sent
 *
 * Without `tool` it is the list of the tools that `input` names, of all if that is null, [{ name, description, schema }], for who tells a model of them.
 *
 * Two lives, as everywhere: the Attempt is the engine's, the job is ours until its timer is closed. */
#include "exec/mcp/mcp.h"

#include "base/time.h"

#include <stdlib.h>

/* A call without a timeout of its own: so long without an answer or a sign of progress, and in all. */
#define QUIET_MS 60000
#define CALL_MS (10 * 60 * 1000)
/* Older, a list that somebody asks for is asked for anew. */
#define LIST_FRESH_US (10 * 1000 * 1000)
/* Of a word of progress: for the message of a call that ran out of time. */
#define SAID_BYTES 200

static uint64_t now_us(void) { return uv_hrtime() / 1000; }

/* ---- the end --------------------------------------------------------------------------------------------------------- */

static void timer_closed(uv_handle_t *handle) { free(handle); }

static void retire(McpJob *job) {
    mcp_leave(job->server, job);
    uv_close((uv_handle_t *)job->timer, timer_closed);
    buf_deinit(&job->said);
    free(job);
}

static void complete(McpJob *job, const McpOutcome *o) {
    Attempt *a = job->a;
    Exec *x = job->server->x;
    uint64_t now = now_us(), from = job->sent_us ? job->sent_us : now;
    a->queued_us = (int64_t)(from - job->began_us);
    Completion done = { .outcome = o->outcome,
                        .sent = o->sent,
                        .kind = o->kind,
                        .message = o->message,
                        .payload = o->payload,
                        .took_us = (int64_t)(now - from) };
    retire(job);
    exec_complete(x, a, &done);
}

static void fail(McpJob *job, ErrorKind kind, Str message) {
    complete(job, &(McpOutcome){ OUTCOME_FAILED, SENT_NO, kind, message, STR("{}") });
}

void job_unsent(McpJob *job, Str why) {
    fail(job, KIND_UNAVAILABLE,
         arena_fmt(&job->a->arena, "mcp: no server of `%.*s`: %.*s", STR_FMT(job->server->set),
                   STR_FMT(why)));
}

/* ---- what it asks for ------------------------------------------------------------------------------------------------ */

static Str tool_of(const McpJob *job) {
    Value v = value_getz(job->a->request, "tool");
    return value_is(v, V_STRING) ? value_as_str(v) : STR("");
}

static Value input_of(const McpJob *job) { return value_getz(job->a->request, "input"); }

static Str full_name(const McpJob *job, Str tool) {
    return arena_fmt(&job->a->arena, "%.*s.%.*s", STR_FMT(job->server->set), STR_FMT(tool));
}

/* What the server calls it may have come since the list. True: it is looked for once more. */
static bool asks_again(McpJob *job, bool *once, void (*how)(McpServer *s)) {
    if (*once)
        return false;
    *once = true;
    job->waiting = true;
    how(job->server);
    return true;
}

static void refuse_unknown(McpJob *job, Str tool) {
    Arena *a = &job->a->arena;
    Value tools = job->server->tools;
    Str *names = ARENA_ARRAY(a, Str, (size_t)tools.len + 1);
    for (uint32_t i = 0; i < tools.len; i++)
        names[i] = value_plain(a, value_entry(tools, i).key);
    Str near = str_nearest(tool, names, tools.len);
    fail(job, KIND_NOT_FOUND,
         arena_fmt(a, "mcp: the server of `%.*s` has no tool `%.*s`%s%.*s%s",
                   STR_FMT(job->server->set), STR_FMT(tool), near.p ? "; did you mean `" : "",
                   STR_FMT(near.p ? near : STR("")), near.p ? "`?" : ""));
}

static void refuse_changed(McpJob *job, Str tool, Value accepted, Value face, int64_t at_ms) {
    Arena *a = &job->a->arena;
    McpServer *s = job->server;
    Buf when = BUF_INIT(64);
    time_write_ms(&when, at_ms);
    Str day = arena_str(a, str_slice(buf_str(&when), 0, MIN(when.len, (size_t)10)));
    buf_deinit(&when);
    Str difference =
        mcp_difference(a, accepted, face); /* what was accepted is written anew below */
    trust_offer(s->x, &s->trust, s->set, s->address, tool, face);
    fail(job, KIND_DENIED,
         arena_fmt(
             a,
             "mcp: `%.*s` is not what was accepted on %.*s: %.*s. It is not used until a person "
             "has looked: `baton tools accept %.*s`",
             STR_FMT(full_name(job, tool)), STR_FMT(day), STR_FMT(difference), STR_FMT(s->set)));
}

/* The face of a tool that may be used. VALUE_ABSENT: it may not, or it is asked for once more; the job is not to be touched. */
static Value usable(McpJob *job, Str tool) {
    McpServer *s = job->server;
    Value face = value_get(s->tools, tool), accepted;
    int64_t at_ms;
    if (value_absent(face)) {
        if (!asks_again(job, &job->relisted, mcp_relist))
            refuse_unknown(job, tool);
        return VALUE_ABSENT;
    }
    switch (trust_ask(&s->trust, tool, face, &accepted, &at_ms)) {
    case TRUST_NEW: trust_accept(s->x, &s->trust, s->set, s->address, tool, face); return face;
    case TRUST_KNOWN: return face;
    case TRUST_CHANGED: break;
    }
    if (!asks_again(job, &job->reread, mcp_retrust))
        refuse_changed(job, tool, accepted, face, at_ms);
    return VALUE_ABSENT;
}

/* ---- lists ----------------------------------------------------------------------------------------------------------- */

static Value listed(Arena *a, Value name, Value face) {
    MapBuilder m = map_builder(a);
    Value description = value_getz(face, "description");
    map_addz(&m, "name", name);
    map_addz(&m, "description", value_is(description, V_STRING) ? description : value_str(STR("")));
    map_addz(&m, "schema", value_getz(face, "inputSchema"));
    map_addz(&m, "hash", value_str(mcp_face_hash(a, face)));
    return map_done(&m, NULL);
}

/* null: all that the server has. */
static Value names_of(McpJob *job) {
    Value names = input_of(job), tools = job->server->tools;
    ListBuilder l = list_builder(&job->a->arena);
    if (value_is(names, V_LIST))
        return names;
    for (uint32_t i = 0; i < tools.len; i++)
        list_add(&l, value_entry(tools, i).key);
    return list_done(&l);
}

static void give_list(McpJob *job) {
    Arena *a = &job->a->arena;
    Value names = names_of(job);
    ListBuilder l = list_builder(a);
    if (now_us() - job->server->listed_us > LIST_FRESH_US &&
        asks_again(job, &job->relisted, mcp_relist))
        return;
    for (uint32_t i = 0; value_is(names, V_LIST) && i < names.len; i++) {
        Value face = usable(job, value_plain(a, names.items[i]));
        if (value_absent(face))
            return;
        list_add(&l, listed(a, names.items[i], face));
    }
    Str text = value_text(a, list_done(&l));
    complete(job, &(McpOutcome){ OUTCOME_OK, SENT_YES, KIND_NONE, STR(""), text });
}

/* ---- calls ----------------------------------------------------------------------------------------------------------- */

static void answered(McpCall *call, const McpReply *reply) {
    McpJob *job = call->ctx;
    if (reply->end == MCP_EXPIRED && !job->again) {
        job->again = true;
        job->sent = false;
        mcp_forgotten(job->server);
        mcp_want(job->server, job);
        return;
    }
    McpOutcome o = mcp_outcome(&job->a->arena, full_name(job, tool_of(job)), reply);
    complete(job, &o);
}

static void quiet(uv_timer_t *timer);

static void watch(McpJob *job) {
    uint64_t spent_ms = (now_us() - job->began_us) / 1000;
    if (!job->a->timeout_ms) /* else it is the engine's to keep, from before the queue */
        uv_timer_start(job->timer, quiet,
                       MIN((uint64_t)QUIET_MS, CALL_MS - MIN((uint64_t)CALL_MS, spent_ms)), 0);
}

static void progressed(McpCall *call, Str message) {
    McpJob *job = call->ctx;
    buf_reset(&job->said);
    Str said = exec_excerpt(&job->a->arena, message, SAID_BYTES);
    buf_str_add(&job->said, said);
    watch(job);
}

static void send_call(McpJob *job, Str tool) {
    Arena *a = &job->a->arena;
    MapBuilder m = map_builder(a);
    Value input = input_of(job);
    map_addz(&m, "name", value_str(tool));
    map_addz(&m, "arguments", value_is(input, V_MAP) ? input : VALUE_EMPTY_MAP);
    job->sent = true;
    job->sent_us = now_us();
    job->call = (McpCall){ .method = STR("tools/call"),
                           .name = tool,
                           .params = map_done(&m, NULL),
                           .key = job->a->key.p ? job->a->key : STR(""),
                           .watched = true,
                           .done = answered,
                           .progressed = progressed,
                           .ctx = job };
    mcp_call(&job->server->session, &job->call);
}

void job_go(McpJob *job) {
    Str tool = tool_of(job);
    Value input = input_of(job);
    if (!tool.len) {
        give_list(job);
        return;
    }
    Value face = usable(job, tool);
    if (value_absent(face))
        return;
    Str misfit =
        mcp_misfit(&job->a->arena, face,
                   value_absent(input) || value_is(input, V_NULL) ? VALUE_EMPTY_MAP : input);
    if (misfit.p)
        fail(job, KIND_INVALID,
             arena_fmt(&job->a->arena, "mcp: `%.*s` takes no such arguments: %.*s",
                       STR_FMT(full_name(job, tool)), STR_FMT(misfit)));
    else
        send_call(job, tool);
}

/* ---- giving up ------------------------------------------------------------------------------------------------------- */

static void give_up(McpJob *job, ErrorKind kind, Str why) {
    bool sent = job->sent && !job->waiting;
    if (sent)
        mcp_cancel(&job->server->session, &job->call, why);
    complete(job, &(McpOutcome){ sent ? OUTCOME_UNKNOWN : OUTCOME_FAILED,
                                 sent ? SENT_MAYBE : SENT_NO, kind, why, STR("{}") });
}

static Str with_progress(McpJob *job, Str why) {
    return job->said.len ? arena_fmt(&job->a->arena, "%.*s; the last it said was: %.*s",
                                     STR_FMT(why), STR_FMT(buf_str(&job->said)))
                         : why;
}

static void quiet(uv_timer_t *timer) {
    McpJob *job = timer->data;
    Str name = full_name(job, tool_of(job));
    Str why = arena_fmt(&job->a->arena,
                        "mcp: %.*s gave no answer within %d s, nor a sign of progress",
                        STR_FMT(name), QUIET_MS / 1000);
    if ((now_us() - job->began_us) / 1000 >= CALL_MS)
        why =
            arena_fmt(&job->a->arena, "mcp: %.*s gave no answer within 10 minutes", STR_FMT(name));
    give_up(job, KIND_TIMEOUT, with_progress(job, why));
}

/* ---- the executor ---------------------------------------------------------------------------------------------------- */

static void start_mcp(Exec *x, Attempt *a) {
    bool runs = !value_absent(value_getz(a->request, "command"));
    if (runs && !x->options.spawn.spawn) {
        exec_refuse(x, a, KIND_DENIED, "mcp: commands are turned off here");
        return;
    }
    if (!x->mcp)
        x->mcp = xcalloc(1, sizeof *x->mcp);
    McpJob *job = xcalloc(1, sizeof *job);
    job->a = a;
    job->began_us = now_us();
    job->said = BUF_INIT(4 * SAID_BYTES);
    job->timer = xcalloc(1, sizeof *job->timer);
    uv_timer_init(x->options.loop, job->timer);
    job->timer->data = job;
    job->server = mcp_server_of(x, a);
    job->next = job->server->jobs;
    job->server->jobs = job;
    a->state = job;
    watch(job);
    mcp_want(job->server, job);
}

static void stop_mcp(UNUSED Exec *x, Attempt *a) {
    McpJob *job = a->state;
    give_up(job, KIND_CANCELLED,
            with_progress(job, job->sent ? STR("mcp: the call was cancelled")
                                         : STR("stopped before it began")));
}

const ExecOps exec_mcp = { start_mcp, stop_mcp };

void mcp_close(Exec *x) {
    for (McpServer *s = x->mcp ? x->mcp->servers : NULL, *next; s; s = next) {
        next = s->next;
        for (McpJob *job = s->jobs, *after; job; job = after) {
            after = job->next;
            uv_close((uv_handle_t *)job->timer, timer_closed);
            buf_deinit(&job->said);
            free(job);
        }
        s->jobs = NULL;
        s->session.calls = NULL;
        mcp_server_free(s);
    }
    if (x->mcp) {
        x->mcp->servers = NULL;
        mcp_children_close(x);
        mcp_wires_close(x);
    }
}

void mcp_free(Exec *x) {
    if (x->mcp)
        trust_jobs_free(x->mcp);
    free(x->mcp);
    x->mcp = NULL;
}
