#include "cli/starter.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/command.h"
#include "cli/reach.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the model */

/* Small and cheap ones, to begin with. */
static const struct {
    const char *provider, *model;
} first_models[] = {
    { "openai", "openai/gpt-5-mini" },
    { "anthropic", "anthropic/claude-haiku-4-5" },
    { "gemini", "gemini/gemini-2.5-flash" },
};

/* A server that needs no key: which model it has must be asked. */
static bool ask_server(Arena *a, const Provider *p, const char *how, StarterModel *ret) {
    Str *models;
    Str problem;
    size_t n;
    ProviderWay way = provider_own_way(a, p);
    if (reach_models(a, &way, &models, &n, &problem) != 0 || n == 0)
        return false;
    ret->model = arena_fmt(a, "%s/%.*s", p->name, STR_FMT(models[0]));
    ret->found = str_from(how);
    return true;
}

StarterModel starter_model(Arena *a) {
    StarterModel found = { STR(""), STR("no key is set and no Ollama answers") };
    const char *server = getenv("OPENAI_BASE_URL");
    if (server && *server &&
        ask_server(a, provider_named(STR("openai")), "OPENAI_BASE_URL is set", &found))
        return found;
    for (size_t i = 0; i < ARRAY_LEN(first_models); i++) {
        const Provider *p = provider_named(str_from(first_models[i].provider));
        const char *key = getenv(p->key_env);
        if (key && *key)
            return (StarterModel){ str_from(first_models[i].model),
                                   arena_fmt(a, "%s is set", p->key_env) };
    }
    ask_server(a, provider_named(STR("ollama")), "an Ollama answers on this machine", &found);
    return found;
}

/* ---- files */

int starter_write(Str path, Str text) {
    int fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return say_error(EXIT_CONFLICT, "%s is there already and is left as it is",
                         "name another file", path.p);
    if (fd < 0)
        return say_error(EXIT_INTERNAL, "cannot write %s: %s", "", path.p, strerror(errno));
    ssize_t n = write(fd, text.p, text.len);
    int failed = n == (ssize_t)text.len ? 0 : errno;
    if (close(fd) != 0 || failed)
        return say_error(EXIT_INTERNAL, "cannot write all of %s: %s", "", path.p,
                         strerror(failed ? failed : errno));
    return 0;
}

static Str replaced(Arena *a, Str text, Str word, Str by) {
    Buf b = BUF_INIT(MIB);
    for (ptrdiff_t at; (at = str_find(text, word)) >= 0;) {
        buf_str_add(&b, str_slice(text, 0, (size_t)at));
        buf_str_add(&b, by);
        text = str_slice(text, (size_t)at + word.len, text.len);
    }
    buf_str_add(&b, text);
    Str whole = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return whole;
}

static Str base_name(Str path) {
    for (size_t i = path.len; i-- > 0;) {
        if (path.p[i] == '/')
            return str_slice(path, i + 1, path.len);
    }
    return path;
}

static Str without_suffix(Str file) {
    return str_ends(file, STR(".yaml")) ? str_slice(file, 0, file.len - 5) : file;
}

StarterFile starter_file(Arena *a, Str file, Str model) {
    if (model.len)
        return (StarterFile){ .file = file, .model = model, .replies = STR("") };
    Str replies = arena_fmt(a, "%.*s.replies.yaml", STR_FMT(without_suffix(file)));
    return (StarterFile){ .file = file,
                          .model = arena_fmt(a, "scripted/%.*s", STR_FMT(base_name(replies))),
                          .replies = replies };
}

int starter_write_pattern(Arena *a, const Pattern *pattern, const StarterFile *to) {
    Str text = replaced(a, str_from(pattern->text), STR("MODEL"), to->model);
    text = replaced(a, text, STR("FILE"), base_name(to->file));
    int code = starter_write(to->file, text);
    return code || !to->replies.len ? code : starter_write(to->replies, str_from(pattern->replies));
}
