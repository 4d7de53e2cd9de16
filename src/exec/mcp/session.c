#include "exec/mcp/session.h"

#include "base/limits.h"

#include <stdio.h>

#define META "io.modelcontextprotocol/"
/* Where a server looks for the key of an effect. */
#define META_KEY "baton/idempotencyKey"

static const char *const legacy_versions[] = { "2025-11-25", "2025-06-18", "2025-03-26",
                                               "2024-11-05" };

/* ---- out ------------------------------------------------------------------------------------------------------------- */

static Value client_info(Arena *a) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "name", value_str(STR("baton")));
    map_addz(&m, "version", value_str(STR(BATON_VERSION)));
    return map_done(&m, NULL);
}

/* A modern request says all that a legacy one leaves to `initialize`. */
static Value meta_of(const McpSession *s, const McpCall *call, int64_t id, bool modern, Arena *a) {
    (void)s;
    MapBuilder m = map_builder(a);
    if (modern) {
        map_addz(&m, META "protocolVersion", value_str(STR(MCP_MODERN)));
        map_addz(&m, META "clientCapabilities", VALUE_EMPTY_MAP);
        map_addz(&m, META "clientInfo", client_info(a));
    }
    if (call && call->watched)
        map_addz(&m, "progressToken", value_int(id));
    if (call && call->key.len)
        map_addz(&m, META_KEY, value_str(call->key));
    return m.n ? map_done(&m, NULL) : VALUE_ABSENT;
}

static void send_request(McpSession *s, int64_t id, Str method, Str name, Value params) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    mcp_write_request(&b, id, method, params);
    s->send(s->ctx, &(McpOut){ .text = buf_str(&b), .id = id, .method = method, .name = name });
    buf_deinit(&b);
}

static void send_notice(McpSession *s, Str method, Value params) {
    Buf b = BUF_INIT(MIB);
    mcp_write_notice(&b, method, params);
    s->send(s->ctx, &(McpOut){ .text = buf_str(&b), .id = -1, .method = method, .name = STR("") });
    buf_deinit(&b);
}

/* ---- beginning ------------------------------------------------------------------------------------------------------- */

static void greet(McpSession *s) {
    Arena a = ARENA_NULL;
    MapBuilder m = map_builder(&a);
    map_addz(&m, "protocolVersion", value_str(STR(MCP_LEGACY)));
    map_addz(&m, "capabilities", VALUE_EMPTY_MAP);
    map_addz(&m, "clientInfo", client_info(&a));
    s->state = MCP_GREETING;
    s->version[0] = 0;
    s->greet = ++s->last_id;
    send_request(s, s->greet, STR("initialize"), STR(""), map_done(&m, NULL));
    arena_deinit(&a);
}

static void probe(McpSession *s) {
    Arena a = ARENA_NULL;
    s->state = MCP_PROBING;
    s->probe = ++s->last_id;
    snprintf(s->version, sizeof s->version, "%s", MCP_MODERN);
    Value meta = meta_of(s, NULL, s->probe, true, &a);
    send_request(s, s->probe, STR("server/discover"), STR(""),
                 value_with(&a, VALUE_EMPTY_MAP, STR("_meta"), meta));
    arena_deinit(&a);
}

void mcp_begin(McpSession *s) {
    ASSERT(s->state == MCP_CLOSED);
    s->probe = s->greet = 0;
    if (s->era == MCP_ERA_LEGACY)
        greet(s);
    else
        probe(s);
}

void mcp_probe_late(McpSession *s) {
    if (s->state == MCP_PROBING)
        greet(s); /* the probe stays open: a slow server of the modern era may still answer it */
}

static void open_as(McpSession *s, McpEra era, Str version) {
    s->probe = s->greet = 0;
    s->era = era;
    s->state = MCP_OPEN;
    snprintf(s->version, sizeof s->version, "%.*s", STR_FMT(version));
    if (era == MCP_ERA_LEGACY)
        send_notice(s, STR("notifications/initialized"), VALUE_ABSENT);
    s->opened(s->ctx);
}

static void refuse(McpSession *s, Str why) {
    s->state = MCP_CLOSED;
    s->era = MCP_ERA_UNKNOWN;
    s->probe = s->greet = 0;
    s->refused(s->ctx, why);
}

static bool lists(Value list, const char *word) {
    for (uint32_t i = 0; value_is(list, V_LIST) && i < list.len; i++)
        if (value_is(list.items[i], V_STRING) && str_is(value_as_str(list.items[i]), word))
            return true;
    return false;
}

/* Whatever is no DiscoverResult comes from a server that does not know the question: what they answer differs. */
static void probed(McpSession *s, const McpMessage *m) {
    s->probe = 0;
    if (m->kind == MCP_RESULT && lists(value_getz(m->result, "supportedVersions"), MCP_MODERN))
        open_as(s, MCP_ERA_MODERN, STR(MCP_MODERN));
    else if (s->state == MCP_PROBING)
        greet(s);
}

static void greeted(McpSession *s, const McpMessage *m, Arena *a) {
    Value version = m->kind == MCP_RESULT ? value_getz(m->result, "protocolVersion") : VALUE_ABSENT;
    s->greet = 0;
    if (m->kind == MCP_ERROR) {
        refuse(s, arena_fmt(a, "it refuses `initialize`: %.*s", STR_FMT(m->text)));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(legacy_versions); i++)
        if (value_is(version, V_STRING) && str_is(value_as_str(version), legacy_versions[i])) {
            open_as(s, MCP_ERA_LEGACY, value_as_str(version));
            return;
        }
    Str theirs = value_is(version, V_STRING) ? value_as_str(version) : STR("none");
    refuse(s, arena_fmt(a, "it speaks version `%.*s` of the protocol, which is not known here",
                        (int)MIN(theirs.len, 40), theirs.p));
}

/* ---- calls ----------------------------------------------------------------------------------------------------------- */

void mcp_call(McpSession *s, McpCall *call) {
    ASSERT(s->state == MCP_OPEN);
    Arena a = ARENA_NULL;
    call->id = ++s->last_id;
    call->next = s->calls;
    s->calls = call;
    Value meta = meta_of(s, call, call->id, s->era == MCP_ERA_MODERN, &a), params = call->params;
    if (!value_absent(meta))
        params = value_with(&a, params, STR("_meta"), meta);
    send_request(s, call->id, call->method, call->name, params);
    arena_deinit(&a);
}

/* Takes it out; NULL: there is none. */
static McpCall *take_call(McpSession *s, int64_t id) {
    for (McpCall **at = &s->calls; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            McpCall *call = *at;
            *at = call->next;
            return call;
        }
    return NULL;
}

void mcp_cancel(McpSession *s, McpCall *call, Str why) {
    Arena a = ARENA_NULL;
    if (!take_call(s, call->id))
        return;
    MapBuilder m = map_builder(&a);
    map_addz(&m, "requestId", value_int(call->id));
    map_addz(&m, "reason", value_str(why));
    send_notice(s, STR("notifications/cancelled"), map_done(&m, NULL));
    if (s->abandon)
        s->abandon(s->ctx, call->id);
    arena_deinit(&a);
}

static void end_call(McpCall *call, McpEnd end, Str why) {
    if (call)
        call->done(call, &(McpReply){ .end = end, .text = why, .result = VALUE_ABSENT });
}

void mcp_unanswered(McpSession *s, int64_t id, McpEnd end, Str why) {
    if (id == s->probe && id) {
        s->probe = 0;
        if (s->state == MCP_PROBING)
            greet(s);
    } else if (id == s->greet && id) {
        refuse(s, why);
    } else {
        end_call(take_call(s, id), end, why);
    }
}

void mcp_end(McpSession *s, McpEnd end, Str why) {
    s->state = MCP_CLOSED;
    s->probe = s->greet = 0;
    while (s->calls)
        end_call(take_call(s, s->calls->id), end, why);
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

static void answered(McpSession *s, const McpMessage *m, Arena *a) {
    if (m->id == s->probe && m->id > 0) {
        probed(s, m);
    } else if (m->id == s->greet && m->id > 0) {
        greeted(s, m, a);
    } else {
        McpCall *call = take_call(s, m->id);
        if (call)
            call->done(call, &(McpReply){ .end = m->kind == MCP_RESULT ? MCP_ANSWERED : MCP_FAULT,
                                          .result = m->result,
                                          .code = m->code,
                                          .text = m->text });
    }
}

/* We offer nothing that a server could ask for, but for a sign of life. */
static void asked(McpSession *s, const McpMessage *m) {
    Buf b = BUF_INIT(MIB);
    if (str_is(m->method, "ping"))
        mcp_write_result(&b, m->asked, VALUE_EMPTY_MAP);
    else
        mcp_write_error(&b, m->asked, -32601, STR("Method not found"));
    if (!buf_over(&b))
        s->send(s->ctx,
                &(McpOut){ .text = buf_str(&b), .id = -1, .method = STR(""), .name = STR("") });
    buf_deinit(&b);
}

static void progressed(McpSession *s, Value params) {
    Value token = value_getz(params, "progressToken"), message = value_getz(params, "message");
    McpCall *call = s->calls;
    while (call && !(value_is(token, V_INT) && call->id == token.i))
        call = call->next;
    if (call && call->watched && call->progressed)
        call->progressed(call, value_is(message, V_STRING) ? value_as_str(message) : STR(""));
}

static void noticed(McpSession *s, const McpMessage *m) {
    if (str_is(m->method, "notifications/progress"))
        progressed(s, m->params);
    else if (str_is(m->method, "notifications/tools/list_changed"))
        s->changed(s->ctx);
}

void mcp_take(McpSession *s, Str text) {
    Arena a;
    arena_init(&a, LIMIT_VALUE_BYTES);
    McpMessage m = mcp_read(&a, text);
    switch (s->state == MCP_CLOSED ? MCP_BAD : m.kind) {
    case MCP_RESULT:
    case MCP_ERROR: answered(s, &m, &a); break;
    case MCP_REQUEST: asked(s, &m); break;
    case MCP_NOTICE: noticed(s, &m); break;
    case MCP_BAD: break; /* what a server prints besides is no reason to end it */
    }
    arena_deinit(&a);
}
