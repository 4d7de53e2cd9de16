/* baton doctor: is everything there that runs need? Each check is one line; a name says what it looked at. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/place.h"
#include "cli/reach.h"
#include "cli/say.h"
#include "exec/preflight.h"
#include "host/confine.h"
#include "host/host.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* Below the first the engine soon waits for room (docs/reliability.md), below the second some heavy runs would bring it there. */
#define DISK_FAIL_BYTES (64 * (uint64_t)MIB)
#define DISK_WARN_BYTES (1024 * (uint64_t)MIB)

#define LISTED_MAX 100 /* servers of models, of all files looked at */

typedef enum Finding { FINE, NOTE, BROKEN } Finding;

/* What a server says it has. */
typedef struct Listed {
    Str url;
    Str *models;
    size_t n;
} Listed;

typedef struct Doctor {
    const Args *args;
    ListBuilder found;
    Buf text;
    Ink ink;
    unsigned broken;
    Listed *listed; /* by provider, then those of projects; n 0: it did not say */
    size_t n_listed;
} Doctor;

static void tell(Doctor *d, Finding finding, const char *what, Str says) {
    static const char *const words[] = { "ok", "note", "broken" };
    static const Status looks[] = { STATUS_OK, STATUS_HELD, STATUS_FAILED };
    MapBuilder m = map_builder(d->args->arena);
    map_addz(&m, "check", value_str(str_from(what)));
    map_addz(&m, "result", value_str(str_from(words[finding])));
    map_addz(&m, "says", value_str(says));
    list_add(&d->found, map_done(&m, NULL));
    d->broken += finding == BROKEN;
    buf_fmt(&d->text, "%s%-7s%s %-10s ", ink_status(&d->ink, looks[finding]), words[finding],
            ink_end(&d->ink), what);
    words_clean(&d->text, says, 600);
    buf_char(&d->text, '\n');
}

#define TELL(d, finding, what, ...) tell(d, finding, what, arena_fmt((d)->args->arena, __VA_ARGS__))

/* ---- the machine */

static void look_at_versions(Doctor *d) {
    struct utsname u;
    if (uname(&u) == 0)
        TELL(d, FINE, "version", "baton %s on %s %s", BATON_VERSION, u.sysname, u.release);
}

static void look_at_programs(Doctor *d) {
    char *argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 0", NULL };
    pid_t child;
    int status = 0;
    int err = posix_spawnp(&child, "sh", NULL, NULL, argv, environ);
    if (err == 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
        !WEXITSTATUS(status))
        TELL(d, FINE, "helper", "a program can be started (sh in PATH)");
    else
        TELL(d, BROKEN, "helper", "cannot start `sh`: %s; steps with `run` will fail",
             strerror(err ? err : ECHILD));
}

/* Which layers there are to confine commands with. */
static void look_at_sandbox(Doctor *d) {
    int landlock = landlock_version();
    bool all = landlock >= 3 && seccomp_there();
    TELL(d, all ? FINE : NOTE, "sandbox", "commands: no new rights, no descriptors, %s%s%s",
         seccomp_there() ? "seccomp" : "NO seccomp (`network: false` cannot hold)",
         landlock >= 3   ? arena_fmt(d->args->arena, ", Landlock %d", landlock).p
         : landlock == 2 ? ", Landlock 2 (`write` cannot hold)"
                         : ", NO Landlock (`read` and `write` cannot hold)",
         landlock >= 3 && landlock < 6 ? " (which does not keep signals in)" : "");
}

static Str above(Arena *a, Str path) {
    while (path.len > 1 && access(arena_str(a, path).p, F_OK) != 0) {
        while (path.len > 1 && path.p[path.len - 1] != '/')
            path.len--;
        while (path.len > 1 && path.p[path.len - 1] == '/')
            path.len--;
    }
    return arena_str(a, path);
}

static void look_at_disk(Doctor *d, const char *dir) {
    struct statvfs v;
    Str folder = above(d->args->arena, str_from(dir));
    if (statvfs(folder.p, &v) != 0) {
        TELL(d, BROKEN, "disk", "cannot look at %s: %s", folder.p, strerror(errno));
        return;
    }
    uint64_t bytes = (uint64_t)v.f_bavail * v.f_frsize;
    Finding finding = bytes < DISK_FAIL_BYTES ? BROKEN : bytes < DISK_WARN_BYTES ? NOTE : FINE;
    if (access(folder.p, W_OK) != 0)
        TELL(d, BROKEN, "disk", "%s may not be written by this user", folder.p);
    else
        TELL(d, finding, "disk", "%llu MiB free for %s%s", (unsigned long long)(bytes / MIB), dir,
             finding == FINE ? "" : ": make room, or move it with --data DIR");
}

/* ---- the store */

static void look_at_status(Doctor *d, Link *link, const char *dir) {
    Value status;
    if (place_ask(d->args, link, API_GET, STR("/v1/status"), STR(""), VALUE_ABSENT, &status) != 0) {
        TELL(d, BROKEN, "store", "%s does not answer", dir);
        return;
    }
    Value pid = value_getz(status, "pid"), version = value_getz(status, "version");
    TELL(d, FINE, "store", "%s can be read; `baton verify` checks all of it", dir);
    if (!value_is(pid, V_INT)) {
        TELL(d, FINE, "engine", "none runs here; the next `baton run` or `serve` is the engine");
        return;
    }
    bool same = value_is(version, V_STRING) && str_is(value_as_str(version), BATON_VERSION);
    TELL(d, same ? FINE : NOTE, "engine", "process %lld%s; keys are those of its environment",
         (long long)pid.i,
         same ? "" : ", of another version: stop it and the next command takes over");
}

static void look_at_store(Doctor *d, const char *dir) {
    char problem[HOST_PROBLEM_BYTES] = "";
    Link *link = NULL;
    int err = link_open(&(LinkOptions){ .dir = dir, .mode = LINK_READ }, &link, problem);
    if (err == 0)
        look_at_status(d, link, dir);
    else if (err == LINK_E_NONE)
        TELL(d, FINE, "store", "none yet: the first run makes %s", dir);
    else
        TELL(d, BROKEN, "store", "%s: %s", dir, *problem ? problem : err_text(err));
    link_close(link, 0);
}

/* ---- models */

static bool look_at_provider(Doctor *d, const Provider *p) {
    Arena *a = d->args->arena;
    ProviderWay way = provider_own_way(a, p);
    Listed *listed = &d->listed[p - providers];
    Str problem;
    bool named = getenv(p->url_env) && *getenv(p->url_env);
    if (way.problem.len) {
        TELL(d, NOTE, p->name, "%s is not set: its models cannot be asked", p->key_env);
        return false;
    }
    if (reach_models(a, &way, &listed->models, &listed->n, &problem) == 0) {
        listed->url = way.url;
        TELL(d, FINE, p->name, "%.*s answers: %zu model%s%s", STR_FMT(way.url), listed->n,
             listed->n == 1 ? "" : "s", p->key_env && way.key.len ? ", the key is good" : "");
        return true;
    }
    /* One that nobody asked for may be absent. */
    bool wanted = way.key.len || named;
    tell(d, wanted ? BROKEN : NOTE, p->name, problem);
    return false;
}

static void look_at_models(Doctor *d) {
    bool any = false;
    for (size_t i = 0; i < providers_count; i++)
        any |= look_at_provider(d, &providers[i]);
    if (!any)
        TELL(d, NOTE, "models", "none can be asked; `model: scripted/FILE` works without");
    if (d->args->n_words == 0)
        TELL(d, NOTE, "prices", "`baton doctor FILE` says whether those of its models are known");
}

/* ---- files */

/* Gemini's list has `models/` before each name, which it takes with or without. */
static bool lists(const Listed *l, Str name) {
    for (size_t i = 0; i < l->n; i++) {
        Str has = l->models[i];
        if (str_starts(has, STR("models/")))
            has = str_slice(has, 7, has.len);
        if (str_eq(has, name))
            return true;
    }
    return false;
}

/* Where the project says a provider is, and nobody has looked yet. */
static void look_at_way(Doctor *d, const ProviderWay *way, Str name) {
    Arena *a = d->args->arena;
    Listed l = { .url = way->url };
    Str problem;
    for (size_t i = 0; i < d->n_listed; i++)
        if (str_eq(d->listed[i].url, way->url))
            return;
    if (way->problem.len || d->n_listed == LISTED_MAX)
        return;
    const char *what = arena_str(a, name).p;
    if (reach_models(a, way, &l.models, &l.n, &problem) == 0)
        TELL(d, FINE, what, "%.*s answers: %zu model%s", STR_FMT(l.url), l.n, l.n == 1 ? "" : "s");
    else
        tell(d, BROKEN, what, problem);
    d->listed[d->n_listed++] = l;
}

static void look_at_model(Doctor *d, const PreflightOptions *o, const Plan *plan, const Callee *c,
                          size_t no) {
    Str model = c->models[no];
    if (str_starts(model, STR("scripted/")))
        return;
    Value request = provider_request(d->args->arena, plan, o->dir, c, no);
    ProviderWay way = provider_way_of(d->args->arena, request, o->model_url, o->model_key);
    if (c->servers[no])
        look_at_way(d, &way, str_slice(model, 0, (size_t)str_find(model, STR("/"))));
    for (size_t i = 0; i < d->n_listed; i++) {
        const Listed *l = &d->listed[i];
        if (l->n && str_eq(l->url, way.url) && !lists(l, model_without_provider(model)))
            TELL(d, NOTE, "model", "%.*s is not in the list of %.*s: `baton models --all` shows it",
                 STR_FMT(model), STR_FMT(l->url));
    }
}

static void look_at_models_of(Doctor *d, const Plan *plan, const PreflightOptions *o) {
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const Callee *c = plan->nodes[i]->callee;
        bool first = c != NULL; /* an agent of several steps is looked at once */
        for (size_t k = 0; k < i && first; k++)
            first = plan->nodes[k]->callee != c;
        for (size_t k = 0; first && k < c->n_models; k++)
            look_at_model(d, o, plan, c, k);
    }
}

static void look_at_models_of_all(Doctor *d, const Plan *plan, const PreflightOptions *o) {
    const Plan **family;
    for (size_t i = 0, n = plan_family(plan, d->args->arena, &family); i < n; i++) {
        PreflightOptions its = *o;
        its.dir = plan_called_dir(plan, o->dir, family[i], d->args->arena);
        look_at_models_of(d, family[i], &its);
    }
}

/* People who are reached by mail, where there is no server that takes it. */
static void look_at_mail(Doctor *d, const Plan *plan) {
    const char *server = getenv("BATON_SMTP"), *from = getenv("BATON_SMTP_FROM");
    bool mail = false;
    for (size_t i = 0; i < plan->n_channels; i++)
        mail |= plan->channels[i].kind == CHANNEL_EMAIL;
    for (size_t i = 0; i < plan->n_people; i++)
        mail |= plan->people[i].email.len > 0;
    if (mail && !(server && *server && from && *from))
        TELL(
            d, NOTE, "mail",
            "the project reaches people by mail, which needs BATON_SMTP and BATON_SMTP_FROM where the "
            "engine runs");
}

static Str entries_of(Arena *a, const char *word, const Str *entries, size_t n) {
    Buf b = BUF_INIT(16 * KIB);
    for (size_t i = 0; i < n; i++)
        buf_fmt(&b, "%s%.*s", i ? ", " : word, STR_FMT(entries[i]));
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}

/* Where requests may lead. */
static void look_at_egress(Doctor *d, const Egress *e) {
    Arena *a = d->args->arena;
    Str allow = entries_of(a, "; allowed: ", e->allow, e->n_allow),
        deny = entries_of(a, "; denied: ", e->deny, e->n_deny);
    TELL(d, FINE, "egress", "a host that data names leads to public addresses only%.*s%.*s",
         STR_FMT(allow), STR_FMT(deny));
}

static void look_at_file(Doctor *d, const char *path) {
    Str closure;
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    const Missing *missing;
    if (inputs_file(d->args, path, &closure, &plan) != 0) {
        TELL(d, BROKEN, "file", "%s is refused, see above", path);
        return;
    }
    Arena *a = d->args->arena;
    PreflightOptions options = { .dir = place_folder_of(a, path),
                                 .model_url = str_from(getenv("OPENAI_BASE_URL")),
                                 .model_key = str_from(getenv("OPENAI_API_KEY")) };
    if (prices_days(plan) > PRICES_OLD_DAYS)
        TELL(d, NOTE, "prices", "%.*s is %lld days old: look them up again and set `dated`",
             STR_FMT(plan->prices_file), (long long)prices_days(plan));
    size_t n = preflight(plan, &options, a, &missing);
    for (size_t i = 0; i < n; i++)
        TELL(d, BROKEN, "file", "%.*s:%u: %.*s: %.*s", STR_FMT(missing[i].pos.file),
             missing[i].pos.line, STR_FMT(missing[i].who), STR_FMT(missing[i].problem));
    look_at_models_of_all(d, plan, &options);
    look_at_mail(d, plan);
    look_at_egress(d, &plan->egress);
    if (n == 0)
        TELL(d, FINE, "file", "%s: every program, key, price and file it names is there", path);
}

static int report(Doctor *d) {
    if (d->args->json) {
        MapBuilder m = map_builder(d->args->arena);
        map_addz(&m, "ok", value_bool(d->broken == 0));
        map_addz(&m, "found", list_done(&d->found));
        out_json(map_done(&m, NULL));
    } else {
        out_str(buf_str(&d->text));
    }
    return d->broken ? EXIT_INTERNAL : EXIT_OK;
}

int cmd_doctor(Args *args) {
    Doctor d = {
        .args = args, .found = list_builder(args->arena), .text = BUF_INIT(MIB), .ink = say_ink(1)
    };
    d.listed = ARENA_ARRAY(args->arena, Listed, LISTED_MAX);
    d.n_listed = providers_count;
    const char *dir = place_data(args);
    look_at_versions(&d);
    look_at_programs(&d);
    look_at_sandbox(&d);
    look_at_disk(&d, dir);
    look_at_store(&d, dir);
    look_at_models(&d);
    for (size_t i = 0; i < args->n_words; i++)
        look_at_file(&d, args->words[i]);
    int code = report(&d);
    buf_deinit(&d.text);
    return code;
}
