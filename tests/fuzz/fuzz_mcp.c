/* Whatever a server of tools says, a session stays one: bytes as lines or as a stream of events, in every state of a session that
 * has a call under way; what it says of its tools and gives back is read as well. */
#include "base/json.h"
#include "base/limits.h"
#include "exec/mcp/tools.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Arena arena;
static unsigned answers;

static void sent(void *ctx, const McpOut *out) {
    (void)ctx;
    ASSERT(!memchr(out->text.p, '\n', out->text.len));
}
static void told(void *ctx) { (void)ctx; }
static void refused(void *ctx, Str why) {
    (void)ctx;
    ASSERT(why.p);
}
static void progressed(McpCall *call, Str message) {
    (void)call;
    ASSERT(message.p);
}

static void done(McpCall *call, const McpReply *reply) {
    (void)call;
    answers++;
    Value tools = VALUE_EMPTY_MAP;
    Str cursor;
    McpOutcome o = mcp_outcome(&arena, STR("set.tool"), reply);
    ASSERT(o.payload.p && (o.outcome == OUTCOME_OK) == (o.kind == KIND_NONE));
    if (reply->end == MCP_ANSWERED && mcp_add_page(&arena, reply->result, &tools, &cursor))
        for (uint32_t i = 0; i < tools.len; i++) {
            Value face = value_entry(tools, i).value;
            mcp_misfit(&arena, face, VALUE_EMPTY_MAP);
            ASSERT(mcp_difference(&arena, face, face).len == 0);
            mcp_difference(&arena, value_entry(tools, 0).value, face);
        }
}

static void take(void *ctx, Str message) { mcp_take(ctx, message); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    McpSession s = { .send = sent, .opened = told, .changed = told, .refused = refused };
    McpCall call = { .method = STR("tools/call"),
                     .name = STR("tool"),
                     .params = VALUE_EMPTY_MAP,
                     .key = STR("k"),
                     .watched = true,
                     .done = done,
                     .progressed = progressed };
    McpCutter c;
    arena_init(&arena, LIMIT_VALUE_BYTES);
    answers = 0;
    mcp_begin(&s);
    if (data[0] & 1)
        mcp_take(
            &s,
            STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}"));
    if (data[0] & 2)
        mcp_probe_late(&s);
    bool asked = s.state == MCP_OPEN;
    if (asked)
        mcp_call(&s, &call);
    mcp_cutter_init(&c, data[0] & 4, 64 * KIB);
    mcp_cut(&c, (Str){ (const char *)data + 1, size - 1 }, take, &s);
    mcp_cutter_deinit(&c);
    mcp_end(&s, MCP_LOST, STR("over"));
    ASSERT(answers == asked);
    arena_deinit(&arena);
    return 0;
}
