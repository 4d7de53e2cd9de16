/* /v1/tools: what was accepted of the tools of each server (exec/mcp/trust.h), and accepting what it offers now. */
#include "server/call.h"

#include "exec/mcp/tools.h"

/* Servers of one installation; more nobody looks through. */
#define SETS_MAX 1000

typedef struct Taking { /* what is to be written back */
    StoreMail *mail;
    size_t n;
    int64_t now_ms;
    Value body;
    int err;
} Taking;

static bool read_kept(ApiCall *call, Store *store, StoreMail **ret, size_t *ret_n) {
    *ret = ARENA_ARRAY(&call->arena, StoreMail, SETS_MAX);
    if (store->ops->kept(store, STR(MCP_KEPT_FOR), STR(""), 0, SETS_MAX, &call->arena, *ret,
                         ret_n) == 0)
        return true;
    work_problem(call, 500, KIND_INTERNAL, arena_str(&call->arena, str_from(store->read_problem)));
    return false;
}

static Value entry_of(ApiCall *call, const StoreMail *mail) {
    Value entry;
    return json_read(&call->arena, mail->body, &entry, NULL) == 0 && value_is(entry, V_MAP)
               ? entry
               : VALUE_EMPTY_MAP;
}

/* ---- the list ---- */

static Value tool_value(ApiCall *call, Value entry, Str name, Value known) {
    Arena *a = &call->arena;
    Value face = value_getz(known, "face"), at_ms = value_getz(known, "at_ms");
    Value offered = value_getz(value_get(value_getz(entry, "offered"), name), "face");
    MapBuilder m = map_builder(a);
    map_addz(&m, "tool", value_str(name));
    map_addz(&m, "hash", value_str(mcp_face_hash(a, face)));
    map_addz(&m, "accepted_ms", value_is(at_ms, V_INT) ? at_ms : VALUE_NULL);
    map_addz(&m, "face", face);
    if (!value_absent(offered)) {
        map_addz(&m, "offered", offered);
        map_addz(&m, "offered_hash", value_str(mcp_face_hash(a, offered)));
        map_addz(&m, "difference", value_str(mcp_difference(a, face, offered)));
    }
    return map_done(&m, NULL);
}

static Value set_value(ApiCall *call, const StoreMail *mail) {
    Arena *a = &call->arena;
    Value entry = entry_of(call, mail), tools = value_getz(entry, "tools");
    ListBuilder l = list_builder(a);
    for (uint32_t i = 0; value_is(tools, V_MAP) && i < tools.len; i++)
        list_add(&l, tool_value(call, entry, value_plain(a, value_entry(tools, i).key),
                                value_entry(tools, i).value));
    MapBuilder m = map_builder(a);
    map_addz(&m, "set", value_getz(entry, "set"));
    map_addz(&m, "server", value_getz(entry, "server"));
    map_addz(&m, "tools", list_done(&l));
    return map_done(&m, NULL);
}

static void list_work(ApiCall *call, Store *store) {
    StoreMail *mail;
    size_t n;
    ListBuilder l = list_builder(&call->arena);
    if (!read_kept(call, store, &mail, &n))
        return;
    for (size_t i = 0; i < n; i++)
        list_add(&l, set_value(call, &mail[i]));
    call->result = value_with(&call->arena, VALUE_EMPTY_MAP, STR("sets"), list_done(&l));
}

void tools_list(ApiCall *call) { call_read(call, list_work, call_result); }

/* ---- accepting ---- */

static bool is_set(Value entry, Str name) {
    Value set = value_getz(entry, "set");
    return value_is(set, V_STRING) && str_eq(value_as_str(set), name);
}

static void look(ApiCall *call, Store *store) {
    Taking *t = call->own;
    Value tool = value_getz(t->body, "tool");
    Str set = value_as_str(value_getz(t->body, "set"));
    Str one = value_is(tool, V_STRING) ? value_as_str(tool) : STR("");
    StoreMail *mail;
    size_t n;
    bool known = false;
    if (!read_kept(call, store, &mail, &n))
        return;
    t->mail = mail;
    for (size_t i = 0; i < n; i++) {
        Value entry = entry_of(call, &mail[i]);
        if (!is_set(entry, set))
            continue;
        known = true;
        Value taken = mcp_accepted(&call->arena, entry, one, t->now_ms);
        if (value_absent(taken))
            continue;
        mail[t->n] = mail[i];
        mail[t->n].to = STR(MCP_KEPT_FOR);
        mail[t->n].not_before_ms = STORE_KEPT;
        mail[t->n++].body = value_text(&call->arena, taken);
    }
    if (!known)
        work_problem(call, 404, KIND_NOT_FOUND,
                     arena_fmt(&call->arena,
                               "no set `%.*s` was used here; `baton tools` lists them",
                               STR_FMT(set)));
    else if (!t->n)
        work_problem(
            call, 409, KIND_CONFLICT,
            arena_fmt(&call->arena, "nothing of `%.*s` waits to be accepted", STR_FMT(set)));
}

static void write_back(ApiCall *call, Store *store) {
    Taking *t = call->own;
    StoreBatch batch = { .mail_again = t->mail, .n_mail_again = t->n, .now_ms = t->now_ms };
    t->err = store->ops->append(store, &batch);
}

static void written(ApiCall *call) {
    Taking *t = call->own;
    if (t->err)
        call_problem(call, 500, KIND_INTERNAL,
                     t->err == -ERR_FULL ? STR("the disk is full; say so again when there is room")
                                         : STR("it could not be written down"));
    else
        call_json(call, 200,
                  value_with(&call->arena, VALUE_EMPTY_MAP, STR("sets"), value_int((int64_t)t->n)));
}

static void looked(ApiCall *call) {
    Taking *t = call->own;
    if (t->n)
        call_write(call, write_back, written);
    else
        call_result(call);
}

void tools_accept(ApiCall *call) {
    Value body;
    Str set;
    if (!call_needs_engine(call) || !call_body(call, &body) || !body_text(call, body, "set", &set))
        return;
    if (!set.len) {
        call_problem(call, 422, KIND_INVALID, STR("`set` names the set that is meant"));
        return;
    }
    Taking *t = ARENA_NEW(&call->arena, Taking);
    *t = (Taking){ .body = body, .now_ms = call->api->options.now_ms(call->api->options.ctx) };
    call->own = t;
    call_read(call, look, looked);
}
