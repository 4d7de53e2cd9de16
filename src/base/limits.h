/* Every cap of Baton and the reason for its number. A cap that is reached is reported by name, never silently cut. */
#ifndef BATON_BASE_LIMITS_H
#define BATON_BASE_LIMITS_H

#define KIB (1024u)
#define MIB (1024u * 1024u)

/* Values and JSON. Depth 64 is more than any provider's schema needs and keeps recursion within 64 KiB of stack. */
#define LIMIT_DEPTH 64
/* One value in memory: a model reply or a document; larger things are files. */
#define LIMIT_VALUE_BYTES (64 * MIB)
/* Text of one JSON document from outside. */
#define LIMIT_JSON_BYTES (16 * MIB)
/* Nodes of one document: 16 MiB of "[]," would be 5 M values of 16 bytes. */
#define LIMIT_JSON_NODES (4 * 1000 * 1000)

/* Workflow file: 10,000 steps of 200 bytes, twice over. */
#define LIMIT_FILE_BYTES (4 * MIB)
#define LIMIT_FILE_NODES (500 * 1000)
#define LIMIT_STEPS 10000
#define LIMIT_ID_BYTES 64
/* Texts that belong to one target of a router: as many as somebody sorts by hand, and a second's work to compare them. */
#define LIMIT_EXEMPLARS 1000
/* Files a workflow may be made of, and the path of one: a large team's prompts, and what file systems take. */
#define LIMIT_FILES 500
#define LIMIT_PATH_BYTES 1024
/* All of them together, which one document holds. */
#define LIMIT_FILES_BYTES (12 * MIB)
/* Secrets that one workflow names: each is looked for in every answer to a request that holds it. */
#define LIMIT_SECRETS 100

/* Expressions: source length; nesting of the parser; steps and bytes of one evaluation (a list of 100,000 mapped once). */
#define LIMIT_CEL_SOURCE_BYTES (100 * KIB)
#define LIMIT_CEL_DEPTH 96
#define LIMIT_CEL_STEPS (2 * 1000 * 1000)
#define LIMIT_CEL_BYTES (16 * MIB)

/* Payload of one completion, signal or input; above the inline size it is a row of its own. */
#define LIMIT_PAYLOAD_BYTES (16 * MIB)
/* What a run's state may hold in all: every write of it is kept, is in every snapshot, and may go into a prompt. */
#define LIMIT_STATE_BYTES (16 * MIB)
#define LIMIT_PAYLOAD_INLINE_BYTES (4 * KIB)
/* Text of a fact for people: what failed, or the end of what a command that went well wrote to stderr. */
#define LIMIT_MESSAGE_BYTES (4 * KIB)
/* stderr kept of a command: enough for a stack trace and what led to it. */
#define LIMIT_LOG_BYTES (64 * KIB)
/* Of one process of a command, unless the engine's operator says otherwise (exec/bounds.h): far above what programs need, far
 * below what takes a machine down. Open files as of a generous shell; some programs go through all that they could have. */
#define LIMIT_COMMAND_MEMORY_BYTES (16ull * 1024 * MIB)
#define LIMIT_COMMAND_FILE_BYTES (64ull * 1024 * MIB)
#define LIMIT_COMMAND_FILES 65536
/* An event goes to all who hear it, each with a copy; what is larger is named by it. Its type is a name. */
#define LIMIT_EVENT_BYTES (1 * MIB)
#define LIMIT_EVENT_TYPE_BYTES 128
/* Events that a run keeps for steps that wait for them later: the newest. */
#define LIMIT_EVENTS_KEPT 1000
/* Items of one `for`: a million, opened one window at a time. */
#define LIMIT_ITEMS 1000000
/* Steps whose undo a retry of the run goes back behind: each is compared with every step that is derived again. */
#define LIMIT_RETRY_UNDONE 1000
/* Workflows that call each other, run in run: a level more is a run more, and who calls itself by mistake is stopped here. */
#define LIMIT_CALL_DEPTH 32
/* Children of a run nested in frames (groups in groups, loops in loops). */
#define LIMIT_FRAME_DEPTH 64
/* People who must agree to one thing, and how often at most one is reminded of it. */
#define LIMIT_QUORUM 100
#define LIMIT_REMIND_MS (60 * 1000)
/* Model turns of one agent call when the file names none. */
#define LIMIT_TURNS_DEFAULT 20

#endif
