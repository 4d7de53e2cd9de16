#include "exec/a2a/frame.h"

#include "base/json.h"
#include "base/limits.h"

/* ---- the card ---------------------------------------------------------------------------------------------------------------- */

#define CARD_PATH "/.well-known/agent-card.json"

static Str text_of(Value map, const char *key) {
    Value v = value_getz(map, key);
    return value_is(v, V_STRING) ? value_as_str(v) : STR("");
}

/* The first that we speak wins; without a version it is of before 1.0. */
static Value interface_of(Value card) {
    Value list = value_getz(card, "supportedInterfaces");
    for (size_t i = 0; value_is(list, V_LIST) && i < list.len; i++) {
        bool speaks = str_is(text_of(list.items[i], "protocolBinding"), "JSONRPC") &&
                      str_starts(text_of(list.items[i], "protocolVersion"), STR("1."));
        if (speaks && text_of(list.items[i], "url").len)
            return list.items[i];
    }
    return VALUE_NULL;
}

bool a2a_card(Value card, Arena *a, A2aCard *ret, Str *ret_problem) {
    Value streams = value_getz(value_getz(card, "capabilities"), "streaming");
    Value interface = interface_of(card);
    *ret = (A2aCard){ .name = text_of(card, "name"),
                      .description = text_of(card, "description"),
                      .url = text_of(interface, "url"),
                      .tenant = text_of(interface, "tenant"),
                      .streams = value_is(streams, V_BOOL) && streams.b };
    if (ret->url.len)
        return true;
    *ret_problem = value_is(value_getz(card, "supportedInterfaces"), V_LIST)
                       ? STR("it offers no interface of JSONRPC in version 1")
                   : text_of(card, "protocolVersion").len
                       ? arena_fmt(a, "it speaks version %.*s of A2A; version 1 is needed",
                                   STR_FMT(text_of(card, "protocolVersion")))
                       : STR("it is no agent card: it has no `supportedInterfaces`");
    return false;
}

Str a2a_card_url(Arena *a, Str url) {
    if (str_ends(url, STR(".json")))
        return url;
    while (url.len && url.p[url.len - 1] == '/')
        url.len--;
    return arena_fmt(a, "%.*s" CARD_PATH, STR_FMT(url));
}

static Str origin_of(Str url) {
    ptrdiff_t scheme = str_find(url, STR("://"));
    size_t end = scheme < 0 ? 0 : (size_t)scheme + 3;
    while (end < url.len && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != '#')
        end++;
    return str_slice(url, 0, end);
}

bool a2a_same_origin(Str a, Str b) { return str_eq(origin_of(a), origin_of(b)); }

/* ---- requests ------------------------------------------------------------------------------------------------------------- */

static const char *const methods[] = { [A2A_SEND] = "SendMessage",
                                       [A2A_STREAM] = "SendStreamingMessage",
                                       [A2A_GET] = "GetTask",
                                       [A2A_CANCEL] = "CancelTask" };

static Value part_of(Arena *a, Str text) {
    MapBuilder m = map_builder(a);
    Value data;
    bool structured = text.len && (text.p[0] == '{' || text.p[0] == '[') &&
                      json_read(a, text, &data, NULL) == 0;
    map_addz(&m, structured ? "data" : "text", structured ? data : value_str(text));
    map_addz(&m, "mediaType", value_str(structured ? STR("application/json") : STR("text/plain")));
    return map_done(&m, NULL);
}

static Value message_of(Arena *a, const A2aOrder *o) {
    MapBuilder m = map_builder(a);
    ListBuilder parts = list_builder(a);
    list_add(&parts, part_of(a, o->text));
    map_addz(&m, "messageId", value_str(o->message));
    map_addz(&m, "role", value_str(STR("ROLE_USER")));
    map_addz(&m, "parts", list_done(&parts));
    map_add_text(&m, "taskId", o->task);
    map_add_text(&m, "contextId", o->context);
    return map_done(&m, NULL);
}

/* A send that waits for the end would be a connection that must hold for hours: it is asked to answer at once. */
static Value params_of(Arena *a, const A2aOrder *o) {
    MapBuilder m = map_builder(a), how = map_builder(a);
    map_add_text(&m, "tenant", o->tenant);
    if (o->method == A2A_GET || o->method == A2A_CANCEL) {
        map_addz(&m, "id", value_str(o->task));
        return map_done(&m, NULL);
    }
    map_addz(&how, "returnImmediately", value_bool(true));
    map_addz(&m, "message", message_of(a, o));
    if (o->method == A2A_SEND)
        map_addz(&m, "configuration", map_done(&how, NULL));
    return map_done(&m, NULL);
}

Str a2a_request(Arena *a, const A2aOrder *o) {
    MapBuilder m = map_builder(a);
    map_addz(&m, "jsonrpc", value_str(STR("2.0")));
    map_addz(&m, "id", value_int(1));
    map_addz(&m, "method", value_str(str_from(methods[o->method])));
    map_addz(&m, "params", params_of(a, o));
    return value_text(a, map_done(&m, NULL));
}

/* ---- answers --------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    A2aState state;
} states[] = {
    { "SUBMITTED", A2A_WORKING },  { "WORKING", A2A_WORKING },     { "INPUT_REQUIRED", A2A_INPUT },
    { "AUTH_REQUIRED", A2A_AUTH }, { "COMPLETED", A2A_COMPLETED }, { "FAILED", A2A_FAILED },
    { "CANCELED", A2A_CANCELED },  { "REJECTED", A2A_REJECTED },
};

static A2aState state_of(Str name) {
    if (str_starts(name, STR("TASK_STATE_")))
        name = str_slice(name, 11, name.len);
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (str_is(name, states[i].name))
            return states[i].state;
    return A2A_UNKNOWN;
}

static void note(Arena *a, Str *field, Str text) {
    if (text.len)
        *field = arena_str(a, text);
}

/* The texts of parts; *ret_data: the last that is data, absent if there is none. */
static Str parts_text(Arena *a, Value parts, const char *between, Value *ret_data) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    *ret_data = VALUE_ABSENT;
    for (size_t i = 0; value_is(parts, V_LIST) && i < parts.len; i++) {
        Value text = value_getz(parts.items[i], "text"), data = value_getz(parts.items[i], "data");
        if (value_is(text, V_STRING))
            buf_fmt(&b, "%s%.*s", b.len ? between : "", STR_FMT(value_as_str(text)));
        else if (!value_absent(data))
            *ret_data = value_copy(a, data);
    }
    Str s = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return s;
}

static void take_message(A2aTask *t, Arena *a, Value message) {
    Value data;
    Str text = parts_text(a, value_getz(message, "parts"), "\n", &data);
    if (!text.len && !value_absent(data))
        text = value_text(a, data);
    note(a, &t->said, text);
    note(a, &t->id, text_of(message, "taskId"));
    note(a, &t->context, text_of(message, "contextId"));
}

static void take_status(A2aTask *t, Arena *a, Value status) {
    Value message = value_getz(status, "message");
    if (!value_is(status, V_MAP))
        return;
    t->state = state_of(text_of(status, "state"));
    if (value_is(message, V_MAP))
        take_message(t, a, message);
}

static A2aArtifact *artifact_named(A2aTask *t, Str id) {
    for (size_t i = 0; id.len && i < t->n_artifacts; i++)
        if (str_eq(t->artifacts[i].id, id))
            return &t->artifacts[i];
    return NULL;
}

static A2aArtifact *new_artifact(A2aTask *t, Arena *a) {
    if (t->n_artifacts == A2A_ARTIFACTS_MAX)
        return NULL;
    if (t->n_artifacts == t->room) {
        size_t room = MAX((size_t)8, 2 * t->room);
        A2aArtifact *more = ARENA_ARRAY(a, A2aArtifact, room);
        if (t->n_artifacts)
            memcpy(more, t->artifacts, t->n_artifacts * sizeof *more);
        t->artifacts = more;
        t->room = room;
    }
    return &t->artifacts[t->n_artifacts++];
}

/* One that is told again replaces what it was, unless it is more of the same. Parts of an artifact were chunks of a stream once: nothing
 * stands between them. */
static void take_artifact(A2aTask *t, Arena *a, Value artifact, bool append) {
    Value data;
    Str id = text_of(artifact, "artifactId"),
        text = parts_text(a, value_getz(artifact, "parts"), "", &data);
    A2aArtifact *one = artifact_named(t, id);
    bool more = one && append;
    if (!one)
        one = new_artifact(t, a);
    if (!one)
        return;
    if (!more)
        *one =
            (A2aArtifact){ .id = arena_str(a, id), .texts = list_builder(a), .data = VALUE_ABSENT };
    if (text.len)
        list_add(&one->texts, value_str(text));
    if (!value_absent(data))
        one->data = data;
}

static void take_task(A2aTask *t, Arena *a, Value task) {
    Value artifacts = value_getz(task, "artifacts");
    note(a, &t->id, text_of(task, "id"));
    note(a, &t->context, text_of(task, "contextId"));
    take_status(t, a, value_getz(task, "status"));
    for (size_t i = 0; value_is(artifacts, V_LIST) && i < artifacts.len; i++)
        take_artifact(t, a, artifacts.items[i], false);
}

static bool is_task(Value v) {
    return value_is(value_getz(v, "id"), V_STRING) && value_is(value_getz(v, "status"), V_MAP);
}

/* The agent answered with words in place of a task: that is all there is. */
static void take_words(A2aTask *t, Arena *a, Value message) {
    take_message(t, a, message);
    t->state = A2A_COMPLETED;
}

static bool take_result(A2aTask *t, Arena *a, Value result) {
    Value task = value_getz(result, "task"), message = value_getz(result, "message"),
          status = value_getz(result, "statusUpdate"),
          artifact = value_getz(result, "artifactUpdate");
    if (is_task(result))
        take_task(t, a, result);
    else if (value_is(task, V_MAP))
        take_task(t, a, task);
    else if (value_is(message, V_MAP))
        take_words(t, a, message);
    else if (value_is(status, V_MAP)) {
        note(a, &t->id, text_of(status, "taskId"));
        note(a, &t->context, text_of(status, "contextId"));
        take_status(t, a, value_getz(status, "status"));
    } else if (value_is(artifact, V_MAP)) {
        Value append = value_getz(artifact, "append");
        take_artifact(t, a, value_getz(artifact, "artifact"), value_is(append, V_BOOL) && append.b);
    } else {
        return false;
    }
    return true;
}

bool a2a_take(A2aTask *t, Arena *a, Value answer, A2aError *ret_error) {
    Value error = value_getz(answer, "error"), code = value_getz(error, "code"),
          result = value_getz(answer, "result");
    if (value_is(error, V_MAP)) {
        *ret_error = (A2aError){ .code = value_is(code, V_INT) ? code.i : 0,
                                 .message = arena_str(a, text_of(error, "message")) };
        return false;
    }
    if (take_result(t, a, value_is(result, V_MAP) ? result : answer))
        return true;
    *ret_error = (A2aError){ .message = STR("what it answered is neither a task nor a message") };
    return false;
}

static void write_artifact(Buf *b, const A2aArtifact *one) {
    if (one->texts.n && b->len)
        buf_char(b, '\n');
    for (size_t i = 0; i < one->texts.n; i++)
        buf_str_add(b, value_as_str(one->texts.items[i]));
}

Str a2a_output(const A2aTask *t, Arena *a) {
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    Value data = VALUE_ABSENT;
    for (size_t i = 0; i < t->n_artifacts; i++) {
        write_artifact(&b, &t->artifacts[i]);
        if (!value_absent(t->artifacts[i].data))
            data = t->artifacts[i].data;
    }
    Str out = b.len                ? arena_str(a, buf_str(&b))
              : value_absent(data) ? t->said
                                   : value_text(a, data);
    buf_deinit(&b);
    return out;
}
