#include "cli/saves.h"

#include "base/hash.h"
#include "cli/say.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define PATH_BYTES 4096
#define DIRECTORIES_MAX 64
/* An editor saves in several steps; what it leaves behind is looked at when it has been quiet for this long. */
#define QUIET_MS 60

struct Saves {
    uv_loop_t loop;
    uv_signal_t interrupt, terminate;
    uv_timer_t quiet;
    struct {
        uv_fs_event_t event;
        char path[PATH_BYTES];
    } directories[DIRECTORIES_MAX];
    size_t n_directories;
    char file[PATH_BYTES], folder[PATH_BYTES], project[PATH_BYTES]; /* absolute */
    Arena arena;                                                    /* of the names */
    Str *names;
    size_t n_names;
    uint64_t seen, seen_any; /* what the files were when last looked at */
    bool any, interrupted, changed;
};

/* ---- what is there ---- */

static uint64_t add_file(uint64_t stamp, const char *path) {
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return stamp;
    const int64_t facts[] = { st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_size,
                              (int64_t)st.st_ino };
    stamp = hash_fast(str_from(path), stamp);
    return hash_fast((Str){ (const char *)facts, sizeof facts }, stamp);
}

static uint64_t add_in(uint64_t stamp, const char *folder, Str name) {
    char path[2 * PATH_BYTES];
    snprintf(path, sizeof path, "%s/%.*s", folder, STR_FMT(name));
    return add_file(stamp, path);
}

static uint64_t stamp_of_files(const Saves *s) {
    uint64_t stamp = add_file(1, s->file);
    stamp = add_in(stamp, s->project, STR("baton.yaml"));
    for (size_t i = 0; i < s->n_names; i++) {
        stamp = add_in(stamp, s->folder, s->names[i]);
        stamp = add_in(stamp, s->project, s->names[i]);
    }
    return stamp;
}

/* What a workflow can be made of: what it writes itself, into a log beside it, is no save. */
static bool is_source(Str name) {
    static const char *const ends[] = { ".yaml", ".yml", ".json", ".md" };
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (name.p[0] != '.' && str_ends(name, str_from(ends[i])))
            return true;
    }
    return false;
}

/* Sums, because a directory has no order. */
static uint64_t stamp_of_all(const Saves *s) {
    uint64_t sum = 0;
    for (size_t i = 0; i < s->n_directories; i++) {
        DIR *d = opendir(s->directories[i].path);
        for (struct dirent *e; d && (e = readdir(d));) {
            if (is_source(str_from(e->d_name)))
                sum += add_in(1, s->directories[i].path, str_from(e->d_name));
        }
        if (d)
            closedir(d);
    }
    return sum;
}

void saves_look(Saves *s) {
    s->seen = stamp_of_files(s);
    s->seen_any = stamp_of_all(s);
}

/* ---- events ---- */

static void quiet_again(uv_timer_t *t) {
    Saves *s = t->data;
    bool changed = s->any ? stamp_of_all(s) != s->seen_any : stamp_of_files(s) != s->seen;
    if (!changed)
        return;
    s->changed = true;
    uv_stop(&s->loop);
}

static void something_happened(uv_fs_event_t *event, const char *name, int events, int status) {
    (void)name, (void)events, (void)status;
    Saves *s = event->data;
    uv_timer_start(&s->quiet, quiet_again, QUIET_MS, 0);
}

static void signalled(uv_signal_t *signal, int number) {
    (void)number;
    Saves *s = signal->data;
    s->interrupted = true;
    uv_stop(&s->loop);
}

static void watch_directory(Saves *s, const char *path) {
    for (size_t i = 0; i < s->n_directories; i++) {
        if (strcmp(s->directories[i].path, path) == 0)
            return;
    }
    if (s->n_directories == DIRECTORIES_MAX)
        return;
    uv_fs_event_t *event = &s->directories[s->n_directories].event;
    uv_fs_event_init(&s->loop, event);
    event->data = s;
    if (uv_fs_event_start(event, something_happened, path, 0) != 0) {
        uv_close((uv_handle_t *)event, NULL);
        uv_run(&s->loop, UV_RUN_NOWAIT);
        return;
    }
    snprintf(s->directories[s->n_directories++].path, PATH_BYTES, "%s", path);
}

static void watch_folder_of(Saves *s, const char *folder, Str name) {
    char path[2 * PATH_BYTES], real[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%.*s", folder, STR_FMT(name));
    *strrchr(path, '/') = '\0';
    if (realpath(path, real))
        watch_directory(s, real);
}

void saves_watch(Saves *s, const Str *names, size_t n) {
    arena_reset(&s->arena);
    s->names = ARENA_ARRAY(&s->arena, Str, n + 1);
    s->n_names = n;
    for (size_t i = 0; i < n; i++) {
        s->names[i] = arena_str(&s->arena, names[i]);
        watch_folder_of(s, s->folder, names[i]);
        watch_folder_of(s, s->project, names[i]);
    }
    s->seen = stamp_of_files(s);
}

bool saves_wait(Saves *s, bool any) {
    s->any = any;
    s->changed = false;
    uv_timer_start(&s->quiet, quiet_again, 0, 0); /* what was saved meanwhile */
    while (!s->changed && !s->interrupted)
        uv_run(&s->loop, UV_RUN_DEFAULT);
    return !s->interrupted;
}

/* ---- life ---- */

static void find_project(Saves *s) {
    char path[PATH_BYTES + 16];
    snprintf(s->project, sizeof s->project, "%s", s->folder);
    for (char *end; *s->project; *end = '\0') {
        snprintf(path, sizeof path, "%s/baton.yaml", s->project);
        end = strrchr(s->project, '/');
        if (access(path, F_OK) == 0)
            return;
    }
    snprintf(s->project, sizeof s->project, "%s", s->folder);
}

static void begin(Saves *s) {
    uv_loop_init(&s->loop);
    uv_timer_init(&s->loop, &s->quiet);
    uv_signal_init(&s->loop, &s->interrupt);
    uv_signal_init(&s->loop, &s->terminate);
    s->quiet.data = s->interrupt.data = s->terminate.data = s;
    uv_signal_start(&s->interrupt, signalled, SIGINT);
    uv_signal_start(&s->terminate, signalled, SIGTERM);
}

Saves *saves_new(const char *file) {
    Saves *s = xcalloc(1, sizeof *s);
    arena_init(&s->arena, 0);
    begin(s);
    if (!realpath(file, s->file)) {
        say_line("baton: cannot find %s", file);
        return saves_free(s);
    }
    snprintf(s->folder, sizeof s->folder, "%s", s->file);
    *strrchr(s->folder, '/') = '\0';
    find_project(s);
    watch_directory(s, *s->folder ? s->folder : "/");
    watch_directory(s, *s->project ? s->project : "/");
    if (s->n_directories)
        return s;
    say_line("baton: %s cannot be watched for saves", s->folder);
    return saves_free(s);
}

static void close_handle(uv_handle_t *handle, void *unused) {
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

Saves *saves_free(Saves *s) {
    if (s) {
        uv_walk(&s->loop, close_handle, NULL);
        uv_run(&s->loop, UV_RUN_DEFAULT);
        uv_loop_close(&s->loop);
        arena_deinit(&s->arena);
        free(s);
    }
    return NULL;
}
