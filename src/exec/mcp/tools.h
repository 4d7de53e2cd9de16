/* What a server says of its tools, and what became of a call. Pure. */
#ifndef BATON_EXEC_MCP_TOOLS_H
#define BATON_EXEC_MCP_TOOLS_H

#include "exec/mcp/session.h"
#include "kernel/fact.h"
#include "spec/plan.h"

/* What is accepted of a tool: { description, inputSchema, outputSchema }, as far as it says them. VALUE_ABSENT: it has no usable
 * name or no input schema. */
Value mcp_face(Arena *a, Value tool);
/* Adds the faces of one page of `tools/list` to a map by name. *ret_cursor: of the next page; STR_NULL: it is the last. False:
 * the page is none. */
bool mcp_add_page(Arena *a, Value result, Value *tools, Str *ret_cursor);
/* The first place in which two faces differ, for people: "inputSchema/properties/path: \"string\" is now \"integer\"". Empty: they do not. */
Str mcp_difference(Arena *a, Value accepted, Value offered);
/* Is it the same tool? */
bool mcp_is_same(Value accepted, Value offered);
/* The hash of a face, 16 letters. */
Str mcp_face_hash(Arena *a, Value face);
/* Of what is kept of a set (trust.h): a map of faces with one more, and the entry as it is when a person accepts what is offered of
 * `tool`, or of all if that is empty. VALUE_ABSENT: nothing is. */
Value mcp_with_face(Arena *a, Value map, Str tool, Value face, int64_t now_ms);
Value mcp_accepted(Arena *a, Value entry, Str tool, int64_t now_ms);
/* Do the arguments fit the input schema? Where it has keywords that are not JSON Schema they are left out of account; STR_NULL:
 * they fit, or it is no schema at all and the server is the judge. */
Str mcp_misfit(Arena *a, Value face, Value arguments);

/* As mail that nobody takes. */
#define MCP_KEPT_FOR "@tools"

typedef struct McpOutcome {
    Outcome outcome;
    Sent sent;
    ErrorKind kind;
    Str message; /* when not ok */
    Str payload; /* JSON text */
} McpOutcome;
/* Of `tools/call`. The output is the structured content; else the text, or, where there is more than text, the list of parts. */
McpOutcome mcp_outcome(Arena *a, Str tool, const McpReply *reply);

#endif
