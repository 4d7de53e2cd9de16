/* sandbox: false | { read: [src], write: [src, tmp], network: false } of `run`. The paths are written out, never data: what a
 * command may touch is decided by whoever wrote the file. */
#include "spec/read.h"

#define PATHS_MAX 64

static Sandbox *sandbox_of(void *target) { return target; }

static void read_paths(Reader *r, const Yaml *key, const Yaml *value, Str **ret_paths,
                       size_t *ret_n) {
    if (!read_texts(r, value, arena_fmt(&r->scratch, "`%.*s`", STR_FMT(key->text)).p, ret_paths,
                    ret_n))
        return;
    if (*ret_n > PATHS_MAX)
        error_at(r, value, "limit", NULL, "too many paths: at most %d", PATHS_MAX);
    for (size_t i = 0; i < *ret_n; i++)
        if ((*ret_paths)[i].len == 0)
            error_at(r, value->kind == YAML_LIST ? value->items[i] : value, "value",
                     "like `src` or `/var/cache/builds`", "a path is empty");
}

static void set_read(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Sandbox *s = sandbox_of(target);
    s->reads = true;
    read_paths(r, key, value, &s->read, &s->n_read);
}

static void set_write(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    Sandbox *s = sandbox_of(target);
    s->writes = true;
    read_paths(r, key, value, &s->write, &s->n_write);
}

static void set_network(Reader *r, const Yaml *key, const Yaml *value, void *target) {
    (void)key;
    bool network = true;
    if (read_bool(r, value, "`network`", &network))
        sandbox_of(target)->no_network = !network;
}

static const KeyRow rows[] = {
    { "read", set_read },
    { "write", set_write },
    { "network", set_network },
};

void read_sandbox(Reader *r, const Yaml *y, Sandbox *ret) {
    bool on = true;
    if (y->kind == YAML_MAP)
        read_map(r, y, rows, ARRAY_LEN(rows), "`sandbox`", ret);
    else if (read_bool(r, y, "`sandbox`", &on))
        ret->off = !on;
}

static Str *copy_paths(const Str *paths, size_t n, Arena *a) {
    Str *copy = ARENA_ARRAY(a, Str, n);
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_str(a, paths[i]);
    return copy;
}

Sandbox sandbox_copy(const Sandbox *from, Arena *a) {
    Sandbox copy = *from;
    copy.read = copy_paths(from->read, from->n_read, a);
    copy.write = copy_paths(from->write, from->n_write, a);
    return copy;
}
