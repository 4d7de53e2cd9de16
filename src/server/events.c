/* GET /v1/runs/{run}/events: server-sent events, one for each durable row, then `end` with the run's document.
 *
 *   watch the run -----------> rows that arrive are kept
 *   read the journal (reader)  rows after Last-Event-ID are sent, then those kept, then each as it arrives
 *
 * An id is the row's number, so a stream that breaks goes on where it was. Nothing is sent that is not durable. */
#include "server/call.h"
#include "server/document.h"
#include "server/event.h"

#include "trace/history.h"

#include <stdlib.h>

struct Stream {
    EngineWatcher *watcher;
    uint64_t after; /* the last row that was sent */
    uint64_t head;  /* the last row when the journal was read: the reader\'s, until it is done */
    bool loaded;    /* the journal was read: rows go out at once */
    Buf kept;       /* events that arrived before that, as text */
    bool over;      /* the run ended */
    bool payloads;  /* what came back goes with the facts */
};

void stream_close(ApiCall *call) {
    Stream *s = call->stream;
    if (!s)
        return;
    if (s->watcher)
        engine_unwatch(s->watcher);
    buf_deinit(&s->kept);
    free(s);
    call->stream = NULL;
}

static void write_event(Buf *b, const char *name, uint64_t id, Value v) {
    if (id)
        buf_fmt(b, "id: %llu\n", (unsigned long long)id);
    buf_fmt(b, "event: %s\ndata: ", name);
    value_write(b, v);
    buf_str_add(b, STR("\n\n"));
}

static bool ends_run(const Row *row) {
    for (size_t i = 0; i < row->n_moves; i++) {
        if (row->moves[i].address.len == 0 && status_final(row->moves[i].to))
            return true;
    }
    return false;
}

static void send_value(ApiCall *call, const char *name, uint64_t id, Value v) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    write_event(&b, name, id, v);
    if (!buf_over(&b))
        call_send(call, buf_str(&b));
    buf_deinit(&b);
}

static void document_work(ApiCall *call, Store *store) {
    StoreRun stored;
    if (work_load(call, store, false, &stored))
        call->result = document_whole(store, &stored, &call->arena);
}

static void end_with_document(ApiCall *call) {
    send_value(call, "end", 0, call->result);
    call_end(call);
}

/* Called within the engine's turn; the call may be freed by the time this returns. */
static void event_arrived(void *ctx, const EngineEvent *event) {
    ApiCall *call = ctx;
    Stream *s = call->stream;
    if (s->over || event->seq <= s->after)
        return;
    Arena a = ARENA_NULL;
    Row row;
    if (row_read(event->body, event->data, false, &a, &row) == 0) {
        Value v = event_value(event->seq, &row, s->payloads, &a);
        if (!s->loaded) {
            write_event(&s->kept, "row", event->seq, v);
        } else {
            s->after = event->seq;
            send_value(call, "row", event->seq, v);
        }
        s->over = ends_run(&row);
    }
    if (s->over && event->state && s->loaded)
        call->result = document_live(event->state, &call->arena);
    arena_deinit(&a);
    if (!s->over || !s->loaded)
        return;
    if (event->state)
        end_with_document(call);
    else
        call_read(call, document_work, end_with_document);
}

static void history_work(ApiCall *call, Store *store) {
    StoreRun stored;
    History history;
    Str problem;
    if (!work_load(call, store, true, &stored))
        return;
    if (history_read(&stored, &call->arena, &history, &problem) != 0) {
        work_problem(call, 500, KIND_INTERNAL, problem);
        return;
    }
    Stream *s = call->stream;
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    if (s->payloads)
        history_fill(&history, store, &call->arena);
    for (size_t i = 0; i < history.n; i++) {
        const HistoryRow *row = &history.rows[i];
        if (row->seq > s->after)
            write_event(&b, "row", row->seq,
                        event_value(row->seq, &row->row, s->payloads, &call->arena));
    }
    if (stored.info.state == STORE_DONE)
        call->result = document_whole(store, &stored, &call->arena);
    s->head = stored.head_seq;
    work_text(call, &b);
}

/* Events kept while the journal was read may be in both: only those after it are new. */
static void send_kept(ApiCall *call, Stream *s) {
    Str rest = buf_str(&s->kept);
    while (rest.len > 0) {
        ptrdiff_t n = str_find(rest, STR("\n\n"));
        Str one = str_slice(rest, 0, n < 0 ? rest.len : (size_t)n + 2);
        rest = str_slice(rest, one.len, rest.len);
        ptrdiff_t line = str_find(one, STR("\n"));
        uint64_t id = 0;
        if (line < 4 || !str_to_u64(str_slice(one, 4, (size_t)line), &id) || id <= s->after)
            continue;
        s->after = id;
        call_send(call, one);
    }
    buf_deinit(&s->kept);
    s->kept = BUF_INIT(LIMIT_VALUE_BYTES);
}

static void history_loaded(ApiCall *call) {
    Stream *s = call->stream;
    if (call->status >= 400) {
        call_result(call);
        return;
    }
    call_stream(call, "text/event-stream");
    if (call->text.len)
        call_send(call, call->text);
    call->text = STR_NULL;
    s->loaded = true;
    s->after = MAX(s->after, s->head);
    send_kept(call, s);
    if (!value_is(call->result, V_NULL))
        end_with_document(call);
    else if (s->over)
        call_read(call, document_work, end_with_document);
    else if (!s->watcher)
        call_end(call); /* without an engine nothing more will happen */
}

void run_events(ApiCall *call) {
    Stream *s = xcalloc(1, sizeof *s);
    s->kept = BUF_INIT(LIMIT_VALUE_BYTES);
    s->payloads = str_is(call_param(call, "payloads"), "1");
    call->stream = s;
    Str after = call->request.last_event_id.len ? call->request.last_event_id
                                                : call_param(call, "after");
    if (after.p && after.len && !str_to_u64(after, &s->after)) {
        call_problem(call, 400, KIND_INVALID,
                     STR("Last-Event-ID must be the id of an event of this run"));
        return;
    }
    if (call->api->options.engine)
        s->watcher = engine_watch(call->api->options.engine, call->run, event_arrived, call);
    call_read(call, history_work, history_loaded);
}
