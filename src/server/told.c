/* /v1/deliveries and /v1/notices: what people were told, through which channels, and what they are to look at though nobody waits
 * for it. Both are mail of the store (engine/deliver.c, engine/seen.c). */
#include "server/people.h"

/* ---- deliveries ----------------------------------------------------------------------------------------------------------- */

#define DELIVERIES_MAX 1000

static const char *state_of(const StoreMail *mail, Value body) {
    bool failed = value_is(value_getz(body, "error"), V_STRING);
    if (!value_absent(value_getz(body, "needless")))
        return "not sent";
    if (str_is(mail->to, "@told"))
        return failed ? "given up" : "sent";
    return failed ? "failing" : "waiting";
}

static Value delivery_of(const StoreMail *mail, Value body, Arena *a) {
    static const char *const keys[] = { "run",   "step",    "workflow", "name",  "kind", "email",
                                        "about", "made_ms", "tries",    "at_ms", "error" };
    MapBuilder m = map_builder(a);
    map_addz(&m, "id", value_str(mail->id));
    map_addz(&m, "state", value_str(str_from(state_of(mail, body))));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        Value v = value_getz(body, keys[i]);
        if (!value_absent(v))
            map_addz(&m, keys[i], v);
    }
    if (str_is(mail->to, "@channel"))
        map_addz(&m, "next_ms", value_int(mail->not_before_ms));
    return map_done(&m, NULL);
}

static void deliveries_work(ApiCall *call, Store *store) {
    Arena *a = &call->arena;
    StoreMail *mail = ARENA_ARRAY(a, StoreMail, DELIVERIES_MAX);
    ListBuilder list = list_builder(a);
    Str run = call_param(call, "run");
    size_t n;
    int64_t next = 0;
    if (store->ops->mail(store, true, STORE_KEPT - 1, DELIVERIES_MAX, a, mail, &n, &next)) {
        work_problem(call, 500, KIND_INTERNAL, arena_str(a, str_from(store->read_problem)));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        Value body;
        if (json_read(a, mail[i].body, &body, NULL) == 0 &&
            (!run.p || people_is_text(value_getz(body, "run"), run)))
            list_add(&list, delivery_of(&mail[i], body, a));
    }
    MapBuilder m = map_builder(a);
    map_addz(&m, "deliveries", list_done(&list));
    map_addz(&m, "more", value_bool(n == DELIVERIES_MAX));
    call->result = map_done(&m, NULL);
}

void deliveries_list(ApiCall *call) { call_read(call, deliveries_work, call_result); }

/* ---- notices -------------------------------------------------------------------------------------------------------------- */

/* Each may show as much as fits a message. */
#define NOTICES_PAGE 100

static void add_all_but(MapBuilder *m, Value from, const char *const *keys, size_t n) {
    for (uint32_t i = 0; value_is(from, V_MAP) && i < from.len; i++) {
        ValueEntry e = value_entry(from, i);
        bool left_out = false;
        for (size_t k = 0; k < n; k++)
            left_out |= str_is(value_as_str(e.key), keys[k]);
        if (!left_out)
            map_add(m, e.key, e.value);
    }
}

static Value notice_of(const StoreMail *mail, Value body, Arena *a) {
    static const char *const outer[] = { "about", "message", "made_ms" };
    static const char *const inner[] = {
        "run", "step", "workflow", "kind", "can", "hash", "value"
    };
    MapBuilder m = map_builder(a);
    map_addz(&m, "id", value_str(mail->id));
    map_addz(&m, "kind", value_str(STR("notice")));
    add_all_but(&m, body, outer, ARRAY_LEN(outer));
    add_all_but(&m, value_getz(body, "message"), inner, ARRAY_LEN(inner));
    if (value_absent(value_getz(value_getz(body, "message"), "asked_ms")))
        map_addz(&m, "asked_ms", value_getz(body, "made_ms"));
    return map_done(&m, NULL);
}

static void notices_work(ApiCall *call, Store *store) {
    Arena *a = &call->arena;
    Wanted wanted = people_of(call);
    Str to = call_param(call, "seen").p ? STR("@seen") : STR("@inbox");
    StoreMail *mail = ARENA_ARRAY(a, StoreMail, NOTICES_PAGE);
    ListBuilder list = list_builder(a);
    Page page;
    bool more = true;
    if (!people_page(call, &page))
        return;
    page.max = MIN(page.max, (uint64_t)NOTICES_PAGE);
    while (more && list.n < page.max && page.at <= SCAN_MAX) {
        size_t n, i = 0;
        if (store->ops->kept(store, to, STR(""), page.at, NOTICES_PAGE, a, mail, &n)) {
            work_problem(call, 500, KIND_INTERNAL, arena_str(a, str_from(store->read_problem)));
            return;
        }
        for (; i < n && list.n < page.max; i++) {
            Value body;
            if (json_read(a, mail[i].body, &body, NULL))
                body = VALUE_EMPTY_MAP;
            Value notice = notice_of(&mail[i], body, a);
            if (people_wanted(&wanted, notice))
                list_add(&list, notice);
        }
        page.at += i;
        more = i < n || n == NOTICES_PAGE;
    }
    MapBuilder m = map_builder(a);
    map_addz(&m, "notices", list_done(&list));
    map_addz(&m, "next_page",
             more ? value_str(arena_fmt(a, "%llu", (unsigned long long)page.at)) : VALUE_NULL);
    call->result = map_done(&m, NULL);
}

void notices_list(ApiCall *call) { call_read(call, notices_work, call_result); }

void notices_seen(ApiCall *call) {
    Value body;
    Str id, from;
    if (!call_needs_engine(call) || !call_body(call, &body) || !body_text(call, body, "id", &id) ||
        !body_text(call, body, "from", &from))
        return;
    if (id.len == 0) {
        call_problem(call, 422, KIND_INVALID,
                     STR("send the `id` of a notice: GET this path gives it"));
        return;
    }
    call_expect(call);
    engine_seen(call->api->options.engine, id, from.len ? from : call->request.from, call_replied,
                call);
}
