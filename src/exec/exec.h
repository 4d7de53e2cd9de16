/* What the executors share; only src/exec includes this. */
#ifndef BATON_EXEC_EXEC_H
#define BATON_EXEC_EXEC_H

#include "exec/executor.h"
#include "exec/http_client.h"
#include "exec/letter.h"
#include "exec/slots.h"

typedef struct Fixtures Fixtures;
typedef struct Asking Asking;
typedef struct Remote Remote;
typedef struct Mcp Mcp;

/* One kind of executor. `stop` is only called for an attempt that was started and has not completed. */
typedef struct ExecOps {
    void (*start)(Exec *x, Attempt *a);
    void (*stop)(Exec *x, Attempt *a);
} ExecOps;
extern const ExecOps exec_echo, exec_command, exec_http, exec_model, exec_scripted, exec_notice,
    exec_a2a, exec_mcp;

struct Exec {
    ExecOptions options;
    HttpClient http;
    Letters letters;
    Slots commands;
    Fixtures *fixtures; /* files of scripted models, made when first needed */
    Asking *asking;     /* attempts whose secrets are asked for (secret_ask.h) */
    Remote *remotes;    /* conversations with agents elsewhere that are under way (a2a/a2a.c) */
    Mcp *mcp;           /* servers of tools, made when first needed */
    bool closing;
};

/* commands.c: forgets every command and closes its pipes. */
void commands_close(Exec *x);
/* a2a/a2a.c: forgets every conversation. */
void remotes_close(Exec *x);
/* mcp/: forgets every call, and ends every server. */
void mcp_close(Exec *x);
void mcp_free(Exec *x);
/* scripted.c */
void fixtures_close(Fixtures *f);
Fixtures *fixtures_free(Fixtures *f);

/* Without the secrets that it was given. */
void exec_complete(Exec *x, Attempt *a, const Completion *c);
/* What the other side calls what the attempt has begun there. */
void exec_handle(Exec *x, Attempt *a, Str handle);
/* Completes ok with `payload`, JSON text. */
void exec_succeed(Exec *x, Attempt *a, Str payload);
/* Completes as a definite failure before anything was sent. */
void exec_refuse(Exec *x, Attempt *a, ErrorKind kind, const char *fmt, ...) PRINTF(4, 5);
/* Completes as stopped before anything was sent. */
void exec_stopped(Exec *x, Attempt *a);

/* `text` with what is not UTF-8 replaced, cut to `max` bytes at a code point; for messages about answers from outside. */
Str exec_excerpt(Arena *a, Str text, size_t max);

#endif
