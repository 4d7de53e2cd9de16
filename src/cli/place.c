#define _GNU_SOURCE /* memrchr */
#include "cli/place.h"

#include "base/json.h"
#include "base/limits.h"
#include "cli/say.h"
#include "host/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the data directory */

static bool exists(Arena *a, Str folder, const char *name, Str *ret_path) {
    struct stat st;
    *ret_path = arena_fmt(a, "%.*s/%s", STR_FMT(folder), name);
    return stat(ret_path->p, &st) == 0;
}

const char *place_data(const Args *args) {
    char here[4096];
    Str path;
    if (args->data)
        return args->data;
    if (!getcwd(here, sizeof here))
        return ".baton";
    for (Str folder = str_from(here); folder.len > 0;) {
        if (exists(args->arena, folder, ".baton", &path))
            return path.p;
        if (exists(args->arena, folder, "baton.yaml", &path))
            return arena_fmt(args->arena, "%.*s/.baton", STR_FMT(folder)).p;
        const char *slash = memrchr(folder.p, '/', folder.len);
        folder.len = slash ? (size_t)(slash - folder.p) : 0;
    }
    return arena_fmt(args->arena, "%s/.baton", here).p;
}

static int say_open_problem(const char *dir, int err, const char *problem) {
    if (err == LINK_E_NONE)
        return say_error(EXIT_NOT_FOUND, "no runs here: %s does not exist",
                         "`baton run FILE` makes it; --data DIR names another", dir);
    if (err == -ERR_BUSY)
        return say_error(EXIT_CONFLICT, "another process holds %s but does not answer",
                         "wait for it to leave, or find it: `fuser -v %s/lock`", dir, dir);
    return say_error(EXIT_INTERNAL, "%s", "", *problem ? problem : err_text(err));
}

int place_open(const Args *args, LinkMode mode, Link **ret_link) {
    char problem[HOST_PROBLEM_BYTES] = "";
    const char *dir = place_data(args);
    int err = link_open(&(LinkOptions){ .dir = dir, .mode = mode }, ret_link, problem);
    return err == 0 ? 0 : say_open_problem(dir, err, problem);
}

/* ---- files */

int place_read_file(Arena *a, const char *path, size_t max, Str *ret_text) {
    int fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return say_error(EXIT_USAGE, "cannot read %s: %s", "", path, strerror(errno));
    Buf b = BUF_INIT(max);
    ssize_t n = 1;
    while (n > 0) {
        char part[16384];
        n = read(fd, part, sizeof part);
        if (n > 0)
            buf_add(&b, part, (size_t)n);
    }
    int failed = n < 0 ? errno : 0;
    close(fd);
    bool over = buf_over(&b);
    if (!over && !failed)
        *ret_text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    if (failed)
        return say_error(EXIT_USAGE, "cannot read %s: %s", "", path, strerror(failed));
    return over ? say_error(EXIT_USAGE, "%s is larger than %zu bytes", "", path, max) : 0;
}

#define NEAR_MAX                                                                                   \
    500 /* files looked at: a folder with more of them is not one that people type from */

Str place_near_file(Arena *a, const char *path) {
    const char *slash = strrchr(path, '/');
    Str folder = slash ? arena_str(a, (Str){ path, (size_t)(slash - path) + 1 }) : STR("");
    Str names[NEAR_MAX];
    size_t n = 0;
    DIR *dir = opendir(folder.len ? folder.p : ".");
    for (struct dirent *e; dir && n < NEAR_MAX && (e = readdir(dir));) {
        Str name = str_from(e->d_name);
        if (str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml")) ||
            str_ends(name, STR(".json")))
            names[n++] = arena_str(a, name);
    }
    if (dir)
        closedir(dir);
    Str near = str_nearest(str_from(slash ? slash + 1 : path), names, n);
    return near.p ? arena_fmt(a, "%.*s%.*s", STR_FMT(folder), STR_FMT(near)) : STR_NULL;
}

Str place_folder_of(Arena *a, const char *path) {
    char real[4096];
    if (!realpath(path, real))
        return STR(".");
    char *slash = strrchr(real, '/');
    if (slash && slash != real)
        *slash = '\0';
    return arena_str(a, str_from(slash == real ? "/" : real));
}

/* ---- asking */

Str place_encode(Arena *a, Str s) {
    Buf b = BUF_INIT(64 * KIB);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.';
        if (plain)
            buf_char(&b, c);
        else
            buf_fmt(&b, "%%%02X", (unsigned)(unsigned char)c);
    }
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

Str place_run_path(Arena *a, Str id, const char *rest) {
    return arena_fmt(a, "/v1/runs/%.*s%s%s", STR_FMT(place_encode(a, id)), *rest ? "/" : "", rest);
}

static int exit_code_of(unsigned status) {
    switch (status) {
    case 404: return EXIT_NOT_FOUND;
    case 403:
    case 409: return EXIT_CONFLICT;
    case 400:
    case 413:
    case 422: return EXIT_USAGE;
    default: return EXIT_INTERNAL;
    }
}

static int take_reply(const Args *args, const Reply *reply, Value *ret_answer) {
    *ret_answer = VALUE_NULL;
    if (reply->status == 0)
        return say_error(EXIT_INTERNAL, "the engine went away before it answered", "try again");
    bool json = json_read_copy(args->arena, buf_str(&reply->body), ret_answer, NULL) == 0;
    if (reply->status < 400)
        return json ? 0 : say_error(EXIT_INTERNAL, "the engine's answer is not JSON", "");
    Value detail = value_getz(*ret_answer, "detail");
    Str text = value_is(detail, V_STRING) ? value_as_str(detail) : STR("the engine refused");
    return say_error(exit_code_of(reply->status), "%.*s", "", STR_FMT(text));
}

Str place_user(void) {
    const char *user = getenv("USER");
    if (user && *user)
        return str_from(user);
    const struct passwd *entry = getpwuid(getuid());
    return str_from(entry ? entry->pw_name : "cli");
}

int place_ask(const Args *args, Link *l, ApiMethod method, Str path, Str query, Value body,
              Value *ret_answer) {
    Reply reply;
    Str text = value_absent(body) ? STR("") : value_text(args->arena, body);
    ApiRequest request = {
        .method = method, .path = path, .query = query, .body = text, .from = place_user()
    };
    link_ask(l, &request, &reply);
    int code = take_reply(args, &reply, ret_answer);
    reply_deinit(&reply);
    return code;
}

int place_ask_text(const Args *args, Link *l, Str path, Str query) {
    Reply reply;
    Value problem;
    ApiRequest request = { .method = API_GET, .path = path, .query = query, .plain = true };
    link_ask(l, &request, &reply);
    int code = EXIT_OK;
    if (reply.status == 200)
        out_str(buf_str(&reply.body));
    else
        code = take_reply(args, &reply, &problem);
    reply_deinit(&reply);
    return code;
}

int place_print(const Args *args, Link *l, Str path, Str query) {
    Value answer;
    if (!args->json) {
        const char *colour = say_colour(1) ? "colour=1" : "colour=0";
        return place_ask_text(
            args, l, path,
            arena_fmt(args->arena, "%.*s%s%s", STR_FMT(query), query.len ? "&" : "", colour));
    }
    int code = place_ask(args, l, API_GET, path, query, VALUE_ABSENT, &answer);
    if (code == 0)
        out_json(answer);
    return code;
}

/* ---- which run */

static Str id_at(Value runs, size_t n) { return value_as_str(value_getz(runs.items[n], "id")); }

#define CANDIDATES_SHOWN 10

static Str word_at(Value runs, size_t n, const char *key) {
    Value v = value_getz(runs.items[n], key);
    return value_is(v, V_STRING) ? value_as_str(v) : STR("");
}

static int refuse_many(Value runs, const char *text) {
    say_line("baton: `%s` is the beginning of %u runs; write more of the id:", text, runs.len);
    for (size_t i = 0; i < runs.len && i < CANDIDATES_SHOWN; i++)
        say_line("  %.*s  %.*s, %.*s, %.*s", STR_FMT(id_at(runs, i)),
                 STR_FMT(word_at(runs, i, "workflow")), STR_FMT(word_at(runs, i, "state")),
                 STR_FMT(word_at(runs, i, "created")));
    if (runs.len > CANDIDATES_SHOWN)
        say_line("  and %u more: `baton ps --all` lists them", runs.len - CANDIDATES_SHOWN);
    return EXIT_NOT_FOUND;
}

static bool is_whole_id(Str s) { return s.len == 36 && s.p[8] == '-' && s.p[13] == '-'; }

int place_run(const Args *args, Link *l, const char *text, Str *ret_id) {
    Str want = str_from(text);
    if (is_whole_id(want)) {
        *ret_id = want;
        return 0;
    }
    bool last = str_is(want, "last");
    Value answer;
    if (want.len == 0)
        return say_error(EXIT_NOT_FOUND, "the run is empty",
                         "an id, the beginning of one, or `last`; `baton ps` lists them");
    Str query = last ? STR("limit=1")
                     : arena_fmt(args->arena, "limit=1000&match=%.*s",
                                 STR_FMT(place_encode(args->arena, want)));
    int code = place_ask(args, l, API_GET, STR("/v1/runs"), query, VALUE_ABSENT, &answer);
    if (code != 0)
        return code;
    Value runs = value_getz(answer, "runs");
    if (!value_is(runs, V_LIST) || runs.len == 0)
        return last
                   ? say_error(EXIT_NOT_FOUND, "there is no run yet", "`baton run FILE` starts one")
                   : say_error(EXIT_NOT_FOUND, "no run `%s`", "`baton ps --all` lists them", text);
    for (size_t i = 0; i < runs.len; i++) {
        if (last || runs.len == 1 || str_eq(id_at(runs, i), want)) {
            *ret_id = id_at(runs, i);
            return 0;
        }
    }
    return refuse_many(runs, text);
}

int place_open_run(const Args *args, Link **ret_link, Str *ret_id) {
    int code = place_open(args, LINK_READ, ret_link);
    return code == 0 ? place_run(args, *ret_link, args->words[0], ret_id) : code;
}
