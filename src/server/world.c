/* /v1/events: what happened, as runs told each other or somebody outside told them; and /v1/listeners: whose `on` starts runs.
 *
 * An event is a run that was over at once (engine/events.h): its input is the event with those it was told to. What it made begin
 * stands in the moves of the runs that listen. */
#include "server/call.h"

#include "base/json.h"

#define LIST_DEFAULT 50
#define LIST_MAX 1000
#define SCAN_MAX 50000 /* newest runs looked through */
#define PAGE 256

/* ---- history --------------------------------------------------------------------------------------------------------- */

typedef struct Began { /* what the runs that listen made begin */
    Str event, run;
    struct Began *next;
} Began;
typedef struct Listener {
    Str id;
    struct Listener *next;
} Listener;
typedef struct Listing {
    ApiCall *call;
    Store *store;
    Str type, correlation;
    Began *began;
    Listener *known;
    ListBuilder list;
    uint64_t max;
} Listing;

/* "event:ID starts RUN" */
static void note_move(Listing *l, Str choice) {
    ptrdiff_t at = str_find(choice, STR(" starts "));
    if (!is_event_run(choice) || at < 0 ||
        str_starts(str_slice(choice, (size_t)at, choice.len), STR(" starts no run")))
        return;
    Began *b = ARENA_NEW(&l->call->arena, Began);
    *b = (Began){ str_slice(choice, 0, (size_t)at), str_slice(choice, (size_t)at + 8, choice.len),
                  l->began };
    l->began = b;
}

static void read_listener(Listing *l, Str id) {
    StoreRun run;
    Arena *a = &l->call->arena;
    for (const Listener *known = l->known; known; known = known->next)
        if (str_eq(known->id, id))
            return;
    Listener *one = ARENA_NEW(a, Listener);
    *one = (Listener){ id, l->known };
    l->known = one;
    if (l->store->ops->load(l->store, id, true, a, &run))
        return;
    for (size_t i = 0; i < run.n_rows; i++) {
        const StoreRow *row = &run.rows[i];
        Row read;
        if (row_read(row->body, row->data, row->forgotten, a, &read))
            continue;
        for (size_t m = 0; m < read.n_moves; m++)
            note_move(l, read.moves[m].choice);
    }
}

static Value began_by(Listing *l, Str event, Value to) {
    ListBuilder list = list_builder(&l->call->arena);
    for (uint32_t i = 0; value_is(to, V_LIST) && i < to.len; i++)
        if (str_starts(value_as_str(to.items[i]), STR(LISTENER_PREFIX)))
            read_listener(l, value_as_str(to.items[i]));
    for (const Began *b = l->began; b; b = b->next)
        if (str_eq(b->event, event))
            list_add(&list, value_str(b->run));
    return list_done(&list);
}

/* The input of the event's run; absent where it was forgotten or cannot be read. */
static Value read_event(Listing *l, Str id) {
    Arena *a = &l->call->arena;
    StoreRun run;
    Row row;
    Value event;
    if (l->store->ops->load(l->store, id, true, a, &run) || !run.n_rows ||
        row_read(run.rows[0].body, run.rows[0].data, run.rows[0].forgotten, a, &row))
        return VALUE_ABSENT;
    Str input = row.facts[0].fact.payload;
    if (row.facts[0].large && l->store->ops->payload(l->store, id, &row.facts[0].hash, a, &input))
        return VALUE_ABSENT;
    return input.p && json_read(a, input, &event, NULL) == 0 ? event : VALUE_ABSENT;
}

static bool is_text(Value v, Str text) {
    return value_is(v, V_STRING) && str_eq(value_as_str(v), text);
}

static void take_run(Listing *l, const StoreRun *run) {
    Arena *a = &l->call->arena;
    if (!is_event_run(run->id) || l->list.n >= l->max)
        return;
    Value event = read_event(l, run->id);
    if (value_absent(event))
        event = value_with(a, VALUE_EMPTY_MAP, STR("forgotten"), value_bool(true));
    if ((l->type.len && !is_text(value_getz(event, "type"), l->type)) ||
        (l->correlation.len && !is_text(value_getz(event, "correlation"), l->correlation)))
        return;
    event = value_with(a, event, STR("run"), value_str(arena_str(a, run->id)));
    list_add(&l->list,
             value_with(a, event, STR("began"), began_by(l, run->id, value_getz(event, "to"))));
}

static void list_work(ApiCall *call, Store *store) {
    Arena *a = &call->arena;
    Listing l = { .call = call,
                  .store = store,
                  .type = call_param(call, "type"),
                  .correlation = call_param(call, "correlation"),
                  .list = list_builder(a),
                  .max = LIST_DEFAULT };
    Str limit = call_param(call, "limit");
    if (limit.p && (!str_to_u64(limit, &l.max) || l.max == 0 || l.max > LIST_MAX)) {
        work_problem(call, 400, KIND_INVALID, STR("`limit` must be 1..1000"));
        return;
    }
    StoreRun *runs = ARENA_ARRAY(a, StoreRun, PAGE);
    uint64_t next = 0;
    for (size_t scanned = 0, n = PAGE; n == PAGE && l.list.n < l.max && scanned < SCAN_MAX;
         scanned += n) {
        if (store->ops->list(store, (StoreState)0, next, PAGE, a, runs, &n, &next)) {
            work_problem(call, 500, KIND_INTERNAL, arena_str(a, str_from(store->read_problem)));
            return;
        }
        for (size_t i = 0; i < n; i++)
            take_run(&l, &runs[i]);
    }
    call->result = value_with(a, VALUE_EMPTY_MAP, STR("events"), list_done(&l.list));
}

void events_list(ApiCall *call) { call_read(call, list_work, call_result); }

/* ---- from outside ------------------------------------------------------------------------------------------------------ */

void events_create(ApiCall *call) {
    Value body;
    EngineEmit emit = { 0 };
    if (!call_needs_engine(call) || !call_body(call, &body) ||
        !body_text(call, body, "type", &emit.type) || !body_text(call, body, "id", &emit.id) ||
        !body_text(call, body, "correlation", &emit.correlation) ||
        !body_text(call, body, "from", &emit.source))
        return;
    if (!emit.type.len) {
        call_problem(call, 422, KIND_INVALID, STR("an event needs a `type`, like order.paid"));
        return;
    }
    emit.source = emit.source.len ? emit.source : call->request.from;
    Value data = value_getz(body, "data");
    emit.data_json = value_text(&call->arena, value_absent(data) ? VALUE_NULL : data);
    call_expect(call);
    engine_emit(call->api->options.engine, &emit, call_replied, call);
}

/* ---- who listens ------------------------------------------------------------------------------------------------------- */

static Value heard_by(Store *store, Str run, Arena *a) {
    StoreDue *opens = ARENA_ARRAY(a, StoreDue, PAGE);
    ListBuilder list = list_builder(a);
    size_t n = 0;
    if (store->ops->opens(store, run, WANT_SIGNAL, 0, PAGE, a, opens, &n) == 0)
        for (size_t i = 0; i < n; i++)
            if (is_event_run(opens[i].key))
                list_add(&list, value_str(str_slice(opens[i].key, sizeof EVENT_PREFIX - 1,
                                                    opens[i].key.len)));
    return list_done(&list);
}

static Value listener_of(Store *store, const StoreRun *run, Arena *a) {
    char hash[HASH_BYTES * 2 + 1];
    hash_hex(&run->closure_hash, hash);
    MapBuilder m = map_builder(a);
    map_addz(&m, "id", value_str(run->id));
    map_addz(&m, "workflow", value_str(run->info.name));
    map_addz(&m, "events", heard_by(store, run->id, a));
    map_addz(&m, "since", value_time_text(run->info.created_ms, a));
    map_addz(&m, "closure", value_str(arena_str(a, str_from(hash))));
    map_addz(&m, "paused", value_bool(run->info.state == STORE_PAUSED));
    return map_done(&m, NULL);
}

static void listeners_work(ApiCall *call, Store *store) {
    static const StoreState open[] = { STORE_IDLE, STORE_PAUSED, STORE_ACTIVE };
    Arena *a = &call->arena;
    ListBuilder list = list_builder(a);
    StoreRun *runs = ARENA_ARRAY(a, StoreRun, PAGE);
    for (size_t s = 0; s < ARRAY_LEN(open); s++) {
        uint64_t next = 0;
        for (size_t n = PAGE; n == PAGE;) {
            if (store->ops->list(store, open[s], next, PAGE, a, runs, &n, &next)) {
                work_problem(call, 500, KIND_INTERNAL, arena_str(a, str_from(store->read_problem)));
                return;
            }
            for (size_t i = 0; i < n; i++)
                if (str_starts(runs[i].id, STR(LISTENER_PREFIX)))
                    list_add(&list, listener_of(store, &runs[i], a));
        }
    }
    call->result = value_with(a, VALUE_EMPTY_MAP, STR("listeners"), list_done(&list));
}

void listeners_list(ApiCall *call) { call_read(call, listeners_work, call_result); }
