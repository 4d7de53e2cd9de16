/* JSON-RPC 2.0 as MCP carries it: one message on a line of a server's standard output, in the body of an answer, or in an
 * event of a stream of events. Pure: bytes in, messages out.
 *
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports, and the same of 2025-11-25. */
#ifndef BATON_EXEC_MCP_FRAME_H
#define BATON_EXEC_MCP_FRAME_H

#include "base/buf.h"
#include "base/value.h"

typedef enum McpKind { MCP_BAD, MCP_RESULT, MCP_ERROR, MCP_REQUEST, MCP_NOTICE } McpKind;
typedef struct McpMessage {
    McpKind kind;
    int64_t id;   /* result, error: of which request of ours; -1: of none that we can have made */
    Value asked;  /* request: the id that the server gave it, a text or a number */
    Str method;   /* request, notice */
    Value params; /* a map, or absent */
    Value result;
    int64_t code; /* error */
    Str text;     /* error: what it says; bad: what is wrong */
} McpMessage;

/* Fields in any order; what it gives lies in the arena or in `text`. */
McpMessage mcp_read(Arena *a, Str text);

/* Each appends one message, without a line break in it or behind it. `params` absent: none. */
void mcp_write_request(Buf *b, int64_t id, Str method, Value params);
void mcp_write_notice(Buf *b, Str method, Value params);
void mcp_write_result(Buf *b, Value asked, Value result);
void mcp_write_error(Buf *b, Value asked, int code, Str message);

/* Bytes as they come, cut where a message ends. */
typedef struct McpCutter {
    bool events; /* a stream of events; else a message is a line */
    Buf line, data;
    bool return_seen; /* the last byte was a CR: an LF behind it is of the same line break */
} McpCutter;
void mcp_cutter_init(McpCutter *c, bool events, size_t message_bytes_max);
void mcp_cutter_deinit(McpCutter *c);
/* Calls `take` for each message that is whole. False: one is larger than the cap; there is no going on. `take` must not end
 * the cutter. */
bool mcp_cut(McpCutter *c, Str bytes, void (*take)(void *ctx, Str message), void *ctx);

#endif
