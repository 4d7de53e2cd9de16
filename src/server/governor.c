/* GET /v1/governor: how near each limit is, the busiest first, and which of them is the ceiling now. */
#include "server/call.h"

#include <stdlib.h>

static int64_t waiting_of(Value limit) { return (int64_t)value_getz(limit, "waiting").u; }

static int by_waiting(const void *x, const void *y) {
    const Value *a = x, *b = y;
    int64_t n = waiting_of(*a), m = waiting_of(*b);
    if (n != m)
        return n > m ? -1 : 1;
    return value_compare(value_getz(*a, "name"), value_getz(*b, "name"));
}

static Value sorted(Value list, Arena *a) {
    ListBuilder l = list_builder(a);
    for (size_t i = 0; i < list.len; i++)
        list_add(&l, list.items[i]);
    if (l.n)
        qsort(l.items, l.n, sizeof(Value), by_waiting);
    return list_done(&l);
}

/* The one that most wait for. */
static Value ceiling_of(Value limits, Arena *a) {
    if (!limits.len || !waiting_of(limits.items[0]))
        return VALUE_NULL;
    Value first = limits.items[0];
    MapBuilder m = map_builder(a);
    map_addz(&m, "of", value_getz(first, "of"));
    map_addz(&m, "name", value_getz(first, "name"));
    map_addz(&m, "limit", value_getz(first, "ceiling"));
    map_addz(&m, "waiting", value_getz(first, "waiting"));
    return map_done(&m, NULL);
}

void governor_get(ApiCall *call) {
    const ApiOptions *o = &call->api->options;
    Arena *a = &call->arena;
    Value limits = VALUE_ABSENT;
    MapBuilder m = map_builder(a);
    map_addz(&m, "running", value_bool(o->engine != NULL));
    map_addz(&m, "now", value_time_text(o->now_ms(o->ctx), a));
    if (o->engine) {
        EngineStats stats = engine_stats(o->engine);
        limits = sorted(engine_governors(o->engine, a), a);
        map_addz(&m, "in_flight", value_uint(stats.in_flight));
        map_addz(&m, "attempts", value_uint(stats.attempts));
        map_addz(&m, "ceiling", ceiling_of(limits, a));
    }
    map_addz(&m, "limits", value_absent(limits) ? value_list(NULL, 0) : limits);
    call_json(call, 200, map_done(&m, NULL));
}
