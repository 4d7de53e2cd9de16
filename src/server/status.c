/* GET /v1/status: what the engine is doing. */
#include "server/call.h"
#include "server/document.h"

#include <unistd.h>

void status_get(ApiCall *call) {
    const ApiOptions *o = &call->api->options;
    MapBuilder m = map_builder(&call->arena);
    map_addz(&m, "version", value_str(STR(BATON_VERSION)));
    map_addz(&m, "dir", value_str(str_from(o->dir)));
    map_addz(&m, "running", value_bool(o->engine != NULL));
    if (o->engine) {
        EngineStats s = engine_stats(o->engine);
        map_addz(&m, "pid", value_int(getpid()));
        map_addz(&m, "since", value_time_text(call->api->started_ms, &call->arena));
        map_addz(&m, "clients", value_uint(call->api->n_calls));
        map_addz(&m, "resident", value_uint(s.resident));
        map_addz(&m, "in_flight", value_uint(s.in_flight));
        map_addz(&m, "queued_rows", value_uint(s.queued_rows));
        map_addz(&m, "rows", value_uint(s.rows));
        map_addz(&m, "batches", value_uint(s.batches));
        map_addz(&m, "facts", value_uint(s.facts));
        map_addz(&m, "attempts", value_uint(s.attempts));
        map_addz(&m, "commit_us_last", value_uint(s.commit_us_last));
    }
    call_json(call, 200, map_done(&m, NULL));
}
