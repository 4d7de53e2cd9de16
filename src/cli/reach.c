#include "cli/reach.h"

#include "base/json.h"
#include "base/limits.h"
#include "exec/http_client.h"

#define TIMEOUT_MS 5000 /* a person waits for it; a server of models answers this from memory */

typedef struct Reach {
    Arena *arena;
    uv_loop_t loop;
    HttpAnswer answer;
} Reach;

static void answered(void *ctx, const HttpAnswer *answer) {
    Reach *r = ctx;
    r->answer = *answer;
    r->answer.body = arena_str(r->arena, answer->body);
    r->answer.problem = arena_str(r->arena, answer->problem);
    uv_stop(&r->loop);
}

static void get(Reach *r, Str url, const char *const *headers, size_t n_headers) {
    HttpClient client;
    uv_loop_init(&r->loop);
    http_client_init(&client, &r->loop, 1);
    HttpCall call = { .method = STR("GET"),
                      .url = url,
                      .headers = headers,
                      .n_headers = n_headers,
                      .body = STR_NULL,
                      .timeout_ms = TIMEOUT_MS,
                      .answer_bytes_max = 4 * MIB,
                      .done = answered,
                      .ctx = r };
    http_call(&client, &call);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    http_client_close(&client);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    http_client_deinit(&client);
    uv_loop_close(&r->loop);
}

/* { data: [{ id }] } is what most of them answer; Gemini { models: [{ name: "models/.." }] }. */
static size_t ids_of(Arena *a, Str body, Str **ret) {
    Value v;
    size_t n = 0;
    if (json_read_copy(a, body, &v, NULL) != 0)
        return 0;
    Value data = value_getz(v, "data"), models = value_getz(v, "models");
    if (!value_is(data, V_LIST))
        data = models;
    *ret = ARENA_ARRAY(a, Str, value_is(data, V_LIST) ? data.len + 1 : 1);
    for (size_t i = 0; value_is(data, V_LIST) && i < data.len; i++) {
        Str id = field_text(data.items[i], "id");
        if (!id.len)
            id = field_text(data.items[i], "name");
        if (str_starts(id, STR("models/")))
            id = str_slice(id, strlen("models/"), id.len);
        if (id.len)
            (*ret)[n++] = id;
    }
    return n;
}

int reach_models(Arena *a, const ProviderWay *way, Str **ret_models, size_t *ret_n,
                 Str *ret_problem) {
    const char *headers[4];
    size_t n_headers = 0;
    if (way->problem.len) {
        *ret_problem = way->problem;
        return REACH_E_FAILED;
    }
    headers[n_headers++] = "Accept: application/json";
    if (way->key.len)
        headers[n_headers++] =
            arena_fmt(a, "%s%.*s", way->dialect->key_header, STR_FMT(way->key)).p;
    if (way->dialect->more_header)
        headers[n_headers++] = way->dialect->more_header;
    Reach r = { .arena = a };
    get(&r, arena_fmt(a, "%.*s%s", STR_FMT(way->url), way->dialect->models), headers, n_headers);
    if (r.answer.end != HTTP_ANSWERED) {
        *ret_problem =
            arena_fmt(a, "no answer from %.*s: %.*s", STR_FMT(way->url), STR_FMT(r.answer.problem));
        return REACH_E_FAILED;
    }
    if (r.answer.status != 200) {
        *ret_problem = arena_fmt(
            a, "%.*s answers %d%s", STR_FMT(way->url), r.answer.status,
            r.answer.status == 401 || r.answer.status == 403 ? ": the key is refused" : "");
        return REACH_E_FAILED;
    }
    *ret_n = ids_of(a, r.answer.body, ret_models);
    return 0;
}
