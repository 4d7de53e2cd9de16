/* An outcome is definite where the server has said what became of the call: a result with `isError` is the tool's own word that
 * it failed, and the codes below mean that the call was not looked at. Of any other error nobody knows what it left behind. */
#include "exec/mcp/tools.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "spec/schema.h"

/* Of what a tool said that failed. */
#define MESSAGE_BYTES 1000

/* ---- faces ----------------------------------------------------------------------------------------------------------- */

static bool is_name(Value v) {
    if (!value_is(v, V_STRING) || v.len == 0 || v.len > 128)
        return false;
    for (uint32_t i = 0; i < v.len; i++)
        if ((unsigned char)v.s[i] <= ' ' || v.s[i] == 0x7f)
            return false;
    return true;
}

Value mcp_face(Arena *a, Value tool) {
    static const char *const fields[] = { "description", "inputSchema", "outputSchema" };
    MapBuilder m = map_builder(a);
    if (!is_name(value_getz(tool, "name")) || !value_is(value_getz(tool, "inputSchema"), V_MAP))
        return VALUE_ABSENT;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        Value v = value_getz(tool, fields[i]);
        if (!value_absent(v))
            map_addz(&m, fields[i], v);
    }
    return map_done(&m, NULL);
}

bool mcp_add_page(Arena *a, Value result, Value *tools, Str *ret_cursor) {
    Value list = value_getz(result, "tools"), cursor = value_getz(result, "nextCursor");
    if (!value_is(list, V_LIST))
        return false;
    MapBuilder m = map_builder(a);
    for (uint32_t i = 0; value_is(*tools, V_MAP) && i < tools->len; i++)
        map_add(&m, value_entry(*tools, i).key, value_entry(*tools, i).value);
    for (uint32_t i = 0; i < list.len; i++) {
        Value face = mcp_face(a, list.items[i]);
        if (!value_absent(face))
            map_add(&m, value_getz(list.items[i], "name"), face);
    }
    *tools = map_done(&m, NULL);
    *ret_cursor = value_is(cursor, V_STRING) ? value_as_str(cursor) : STR_NULL;
    return true;
}

/* ---- differences ----------------------------------------------------------------------------------------------------- */

static Str shown(Arena *a, Value v) {
    Str text = value_absent(v) ? STR("nothing") : value_text(a, v);
    if (!text.p)
        return STR("something large");
    size_t at = 0, end = 0;
    while (at < text.len && at <= 80) {
        end = at;
        str_next_codepoint(text, &at);
    }
    return at < text.len ? arena_fmt(a, "%.*s ...", (int)end, text.p) : text;
}

static Str differs(Arena *a, Str at, Value x, Value y);

static Str map_differs(Arena *a, Str at, Value x, Value y) {
    for (int side = 0; side < 2; side++) {
        Value keys = side ? y : x;
        for (uint32_t i = 0; i < keys.len; i++) {
            Str key = value_plain(a, value_entry(keys, i).key);
            Str below = arena_fmt(a, "%.*s%s%.*s", STR_FMT(at), at.len ? "/" : "", STR_FMT(key));
            Str found = differs(a, below, value_get(x, key), value_get(y, key));
            if (found.len)
                return found;
        }
    }
    return STR("");
}

static Str differs(Arena *a, Str at, Value x, Value y) {
    if (value_is(x, V_MAP) && value_is(y, V_MAP))
        return map_differs(a, at, x, y);
    if (!value_absent(x) && !value_absent(y) && value_equal(x, y))
        return STR("");
    return arena_fmt(a, "%.*s: %.*s is now %.*s", STR_FMT(at), STR_FMT(shown(a, x)),
                     STR_FMT(shown(a, y)));
}

Str mcp_difference(Arena *a, Value accepted, Value offered) {
    return differs(a, STR(""), accepted, offered);
}

bool mcp_is_same(Value accepted, Value offered) {
    return value_equal(accepted, offered) || MUTANT(changed_tool_is_used);
}

Str mcp_face_hash(Arena *a, Value face) {
    char text[32];
    Str canonical = value_text(a, face);
    Hash h = hash_bytes(canonical.p ? canonical : STR(""));
    size_t n = hash_base32(&h, 10, text, sizeof text);
    return arena_str(a, (Str){ text, n });
}

/* ---- what is kept of them -------------------------------------------------------------------------------------------- */

Value mcp_with_face(Arena *a, Value map, Str tool, Value face, int64_t now_ms) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "face", face);
    map_addz(&m, "at_ms", value_int(now_ms));
    return value_with(a, map, arena_str(a, tool), map_done(&m, NULL));
}

static Value without(Arena *a, Value map, Str key) {
    MapBuilder m = map_builder(a);
    for (uint32_t i = 0; value_is(map, V_MAP) && i < map.len; i++)
        if (!str_eq(value_plain(a, value_entry(map, i).key), key))
            map_add(&m, value_entry(map, i).key, value_entry(map, i).value);
    return map_done(&m, NULL);
}

Value mcp_accepted(Arena *a, Value entry, Str tool, int64_t now_ms) {
    Value offered = value_getz(entry, "offered"), tools = value_getz(entry, "tools"),
          rest = offered;
    bool any = false;
    for (uint32_t i = 0; value_is(offered, V_MAP) && i < offered.len; i++) {
        Str name = value_plain(a, value_entry(offered, i).key);
        Value face = value_getz(value_entry(offered, i).value, "face");
        if ((tool.len && !str_eq(name, tool)) || value_absent(face))
            continue;
        any = true;
        tools = mcp_with_face(a, tools, name, face, now_ms);
        rest = without(a, rest, name);
    }
    if (!any)
        return VALUE_ABSENT;
    return value_with(a, value_with(a, entry, STR("tools"), tools), STR("offered"), rest);
}

/* ---- arguments ------------------------------------------------------------------------------------------------------- */

static Value known_part(Arena *a, Value v, SchemaShape shape, unsigned depth);

/* Without the keywords that neither draft has: servers annotate. */
static Value known(Arena *a, Value schema, unsigned depth) {
    if (!value_is(schema, V_MAP) || depth > LIMIT_DEPTH)
        return schema;
    MapBuilder m = map_builder(a);
    for (uint32_t i = 0; i < schema.len; i++) {
        ValueEntry e = value_entry(schema, i);
        SchemaShape shape = schema_shape(value_plain(a, e.key));
        if (shape != SCHEMA_SHAPE_UNKNOWN)
            map_add(&m, e.key, known_part(a, e.value, shape, depth + 1));
    }
    return map_done(&m, NULL);
}

static Value known_list(Arena *a, Value v, unsigned depth) {
    ListBuilder l = list_builder(a);
    for (uint32_t i = 0; i < v.len; i++)
        list_add(&l, known(a, v.items[i], depth));
    return list_done(&l);
}

static Value known_map(Arena *a, Value v, unsigned depth) {
    MapBuilder m = map_builder(a);
    for (uint32_t i = 0; i < v.len; i++)
        map_add(&m, value_entry(v, i).key, known(a, value_entry(v, i).value, depth));
    return map_done(&m, NULL);
}

static Value known_part(Arena *a, Value v, SchemaShape shape, unsigned depth) {
    switch (shape) {
    case SCHEMA_SHAPE_UNKNOWN:
    case SCHEMA_SHAPE_DATA: return v;
    case SCHEMA_SHAPE_ONE:
    case SCHEMA_SHAPE_LIST:
    case SCHEMA_SHAPE_ITEMS:
        return value_is(v, V_LIST) ? known_list(a, v, depth) : known(a, v, depth);
    case SCHEMA_SHAPE_MAP: return value_is(v, V_MAP) ? known_map(a, v, depth) : v;
    }
    return v;
}

Str mcp_misfit(Arena *a, Value face, Value arguments) {
    const Schema *schema;
    SchemaProblems problems;
    SchemaTroubles troubles;
    Value written = known(a, value_getz(face, "inputSchema"), 0);
    if (schema_compile(a, written, &schema, &problems) != 0)
        return STR_NULL;
    if (schema_check(schema, arguments, a, &troubles) != SCHEMA_E_INVALID || !troubles.n)
        return STR_NULL;
    const SchemaTrouble *t = &troubles.items[0];
    if (MUTANT(arguments_unchecked))
        return STR_NULL;
    return t->path.len ? arena_fmt(a, "`with.%.*s` %.*s", STR_FMT(t->path), STR_FMT(t->message))
                       : arena_fmt(a, "`with` %.*s", STR_FMT(t->message));
}

/* ---- outcomes -------------------------------------------------------------------------------------------------------- */

static bool is_text_part(Value part) {
    Value type = value_getz(part, "type");
    return value_is(type, V_STRING) && str_is(value_as_str(type), "text") &&
           value_is(value_getz(part, "text"), V_STRING);
}

static bool is_text_only(Value content) {
    bool only = true;
    for (uint32_t i = 0; i < content.len; i++)
        only &= is_text_part(content.items[i]);
    return only;
}

static Value text_of(Arena *a, Value content) {
    Buf b = BUF_INIT(LIMIT_PAYLOAD_BYTES);
    for (uint32_t i = 0; i < content.len; i++) {
        if (!is_text_part(content.items[i]))
            continue;
        if (b.len)
            buf_char(&b, '\n');
        buf_str_add(&b, value_as_str(value_getz(content.items[i], "text")));
    }
    Value v = value_str(arena_str(a, buf_str(&b)));
    buf_deinit(&b);
    return v;
}

static Value output_of(Arena *a, Value result) {
    Value structured = value_getz(result, "structuredContent"),
          content = value_getz(result, "content");
    if (!value_absent(structured))
        return structured;
    if (!value_is(content, V_LIST) || content.len == 0)
        return VALUE_NULL;
    return is_text_only(content) ? text_of(a, content) : content;
}

static Str cut(Arena *a, Str s, size_t max) {
    size_t at = 0, end = 0;
    while (at < s.len && at <= max) {
        end = at;
        str_next_codepoint(s, &at);
    }
    return at < s.len ? arena_fmt(a, "%.*s ...", (int)end, s.p) : s;
}

static Str payload_of(Arena *a, Value v) {
    Str text = value_text(a, v);
    return text.p && text.len <= LIMIT_PAYLOAD_BYTES ? text : STR_NULL;
}

static McpOutcome failed_by_itself(Arena *a, Str tool, Value result) {
    Value output = output_of(a, result);
    Str said = cut(a, value_plain(a, output), MESSAGE_BYTES);
    Str payload = payload_of(a, value_with(a, VALUE_EMPTY_MAP, STR("output"), output));
    return (McpOutcome){ OUTCOME_FAILED, SENT_YES, KIND_CRASHED,
                         arena_fmt(a, "mcp: %.*s says: %.*s", STR_FMT(tool), STR_FMT(said)),
                         payload.p ? payload : STR("{}") };
}

static bool is_type(Value type, const char *name) {
    return value_is(type, V_STRING) && str_is(value_as_str(type), name);
}

static McpOutcome not_complete(Arena *a, Str tool, Value type) {
    bool asks = is_type(type, "input_required");
    return (McpOutcome){
        asks ? OUTCOME_FAILED : OUTCOME_UNKNOWN, SENT_YES, asks ? KIND_DENIED : KIND_INVALID,
        asks ? arena_fmt(a,
                         "mcp: %.*s asks its caller for input, which is not offered: hand it over "
                         "with the call, or ask a person in a step before",
                         STR_FMT(tool))
             : arena_fmt(a, "mcp: %.*s answered with a result of a kind that is not known: %.*s",
                         STR_FMT(tool), STR_FMT(shown(a, type))),
        STR("{}")
    };
}

static McpOutcome answered(Arena *a, Str tool, Value result) {
    Value type = value_getz(result, "resultType"), is_error = value_getz(result, "isError");
    if (!value_absent(type) && !is_type(type, "complete"))
        return not_complete(a, tool, type);
    if (value_is(is_error, V_BOOL) && is_error.b)
        return failed_by_itself(a, tool, result);
    Str payload = payload_of(a, output_of(a, result));
    if (!payload.p)
        return (McpOutcome){ OUTCOME_UNKNOWN, SENT_YES, KIND_LIMIT,
                             arena_fmt(a, "mcp: what %.*s gave is larger than %u bytes",
                                       STR_FMT(tool), LIMIT_PAYLOAD_BYTES),
                             STR("{}") };
    return (McpOutcome){ OUTCOME_OK, SENT_YES, KIND_NONE, STR(""), payload };
}

/* Of JSON-RPC and of the protocol: the call was not looked at. */
static ErrorKind refusal_of(int64_t code) {
    switch (code) {
    case -32601: return KIND_NOT_FOUND;
    case -32700:
    case -32600:
    case -32602:
    case -32020:
    case -32022: return KIND_INVALID;
    case -32021: return KIND_DENIED;
    default: return KIND_NONE;
    }
}

static McpOutcome faulted(Arena *a, Str tool, const McpReply *reply) {
    ErrorKind kind = refusal_of(reply->code);
    MapBuilder m = map_builder(a);
    map_addz(&m, "code", value_int(reply->code));
    map_addz(&m, "message", value_str(reply->text));
    Str payload = payload_of(a, map_done(&m, NULL));
    return (McpOutcome){ kind ? OUTCOME_FAILED : OUTCOME_UNKNOWN, SENT_YES,
                         kind ? kind : KIND_UNAVAILABLE,
                         arena_fmt(a, "mcp: the server of %.*s answered with error %lld: %.*s",
                                   STR_FMT(tool), (long long)reply->code,
                                   STR_FMT(cut(a, reply->text, MESSAGE_BYTES))),
                         payload.p ? payload : STR("{}") };
}

McpOutcome mcp_outcome(Arena *a, Str tool, const McpReply *reply) {
    bool lost = reply->end == MCP_LOST;
    switch (reply->end) {
    case MCP_ANSWERED: return answered(a, tool, reply->result);
    case MCP_FAULT: return faulted(a, tool, reply);
    case MCP_LOST:
    case MCP_UNSENT:
    case MCP_EXPIRED: break;
    }
    return (McpOutcome){ lost ? OUTCOME_UNKNOWN : OUTCOME_FAILED, lost ? SENT_MAYBE : SENT_NO,
                         lost ? KIND_CRASHED : KIND_UNAVAILABLE,
                         arena_fmt(a, "mcp: %.*s: %.*s", STR_FMT(tool), STR_FMT(reply->text)),
                         STR("{}") };
}
