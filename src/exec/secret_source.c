#include "exec/secret_source.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

static SecretFound missing(Str *ret_problem, Str problem) {
    *ret_problem = problem;
    return SECRET_MISSING;
}

/* A run's directory is that of its main file, or the project's if a client named the file from there. */
static Str project_folder(const SecretsFrom *from, Str dir, Arena *a) {
    if (dir.len == 0)
        return STR(".");
    Str end = arena_fmt(a, "/%.*s", STR_FMT(from->below));
    bool below = from->below.len && dir.len > end.len && str_ends(dir, end);
    return below ? str_slice(dir, 0, dir.len - end.len) : dir;
}

/* ---- a file ---------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static Str trimmed(Str s) {
    while (s.len && is_blank(s.p[0]))
        s = str_slice(s, 1, s.len);
    while (s.len && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

static Str unquoted(Str s) {
    bool quoted = s.len >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.len - 1] == s.p[0];
    return quoted ? str_slice(s, 1, s.len - 1) : s;
}

bool secret_in_text(Str text, Str name, Str *ret_value, size_t *ret_bad) {
    bool found = false;
    *ret_bad = 0;
    for (size_t number = 1; text.len; number++) {
        const char *stop = memchr(text.p, '\n', text.len);
        size_t len = stop ? (size_t)(stop - text.p) : text.len;
        Str line = trimmed(str_slice(text, 0, len));
        text = str_slice(text, MIN(len + 1, text.len), text.len);
        const char *equals = line.len ? memchr(line.p, '=', line.len) : NULL;
        if (line.len == 0 || line.p[0] == '#')
            continue;
        if (!equals && *ret_bad == 0)
            *ret_bad = number;
        size_t at = equals ? (size_t)(equals - line.p) : 0;
        if (equals && str_eq(trimmed(str_slice(line, 0, at)), name)) {
            *ret_value = unquoted(trimmed(str_slice(line, at + 1, line.len)));
            found = true;
        }
    }
    return found;
}

/* Its text, or what is wrong with it. */
static Str read_private(int fd, Str path, Arena *a, Str *ret_text) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)LIMIT_FILE_BYTES)
        return arena_fmt(a, "%.*s is no ordinary file of at most 4 MiB", STR_FMT(path));
    if (st.st_mode & 077)
        return arena_fmt(a,
                         "others than its owner may use %.*s (mode %03o): `chmod 600` it, and "
                         "change the secrets if it was read",
                         STR_FMT(path), (unsigned)st.st_mode & 0777);
    char *text = arena_alloc(a, (size_t)st.st_size + 1);
    ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
    if (n < 0)
        return arena_fmt(a, "cannot read %.*s: %s", STR_FMT(path), strerror(errno));
    *ret_text = (Str){ text, (size_t)n };
    return STR("");
}

static SecretFound look_in_file(Str path, Str name, Arena *a, Str *ret_value, Str *ret_problem) {
    Str text = STR("");
    size_t bad;
    int fd = open(arena_str(a, path).p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return missing(ret_problem, arena_fmt(a, "cannot read the file of secrets %.*s: %s",
                                              STR_FMT(path), strerror(errno)));
    Str problem = read_private(fd, path, a, &text);
    close(fd);
    if (problem.len)
        return missing(ret_problem, problem);
    if (!secret_in_text(text, name, ret_value, &bad) && bad)
        return missing(ret_problem,
                       arena_fmt(a, "%.*s has no `%.*s`, and its line %zu is no `NAME=value`",
                                 STR_FMT(path), STR_FMT(name), bad));
    if (ret_value->len == 0)
        return missing(ret_problem, arena_fmt(a, "%.*s has no value for it: add `%.*s=...`",
                                              STR_FMT(path), STR_FMT(name)));
    if (!str_is_utf8(*ret_value) || memchr(ret_value->p, 0, ret_value->len))
        return missing(ret_problem, arena_fmt(a, "its value in %.*s is no text", STR_FMT(path)));
    return SECRET_THERE;
}

/* ---- a command ------------------------------------------------------------------------------------------------------- */

/* What commands said, by folder, words and name. Two locks, so that who only looks never waits for who asks. */
typedef struct Known Known;
struct Known {
    Known *next;
    Hash of;
    size_t len;
    char value[];
};
static struct {
    uv_once_t once;
    uv_mutex_t lock, asking;
    Known *first;
} known = { .once = UV_ONCE_INIT };

static void make_locks(void) {
    int err = uv_mutex_init(&known.lock);
    if (!err)
        err = uv_mutex_init(&known.asking);
    ASSERT(err == 0);
}

static Hash hash_of_question(const SecretsFrom *from, Str folder, Str name) {
    Buf b = BUF_INIT(2 * LIMIT_FILE_BYTES);
    buf_blob(&b, folder);
    buf_blob(&b, name);
    for (size_t i = 0; i < from->n_command; i++)
        buf_blob(&b, from->command[i]);
    Hash h = hash_bytes(buf_str(&b));
    buf_deinit(&b);
    return h;
}

static bool is_known(const Hash *of, Arena *a, Str *ret_value) {
    uv_once(&known.once, make_locks);
    uv_mutex_lock(&known.lock);
    const Known *k = known.first;
    while (k && !hash_eq(&k->of, of))
        k = k->next;
    if (k)
        *ret_value = arena_str(a, (Str){ k->value, k->len });
    uv_mutex_unlock(&known.lock);
    return k != NULL;
}

static void remember(const Hash *of, Str value) {
    Known *k = xmalloc(sizeof *k + value.len);
    k->of = *of;
    k->len = value.len;
    memcpy(k->value, value.p, value.len);
    uv_mutex_lock(&known.lock);
    k->next = known.first;
    known.first = k;
    uv_mutex_unlock(&known.lock);
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

SecretFound secret_look(const SecretsFrom *from, Str dir, Str name, Arena *a, Str *ret_value,
                        Str *ret_problem) {
    Str folder = project_folder(from, dir, a);
    *ret_value = *ret_problem = STR("");
    if (from->n_command) {
        Hash of = hash_of_question(from, folder, name);
        return is_known(&of, a, ret_value) ? SECRET_THERE : SECRET_UNASKED;
    }
    if (from->file.len) {
        Str path = from->file.p[0] == '/'
                       ? from->file
                       : arena_fmt(a, "%.*s/%.*s", STR_FMT(folder), STR_FMT(from->file));
        return look_in_file(path, name, a, ret_value, ret_problem);
    }
    const char *text = getenv(arena_str(a, name).p);
    if (!text || !*text)
        return missing(ret_problem,
                       arena_fmt(a, "`%.*s` is not set where the engine runs: export it there",
                                 STR_FMT(name)));
    *ret_value = str_from(text);
    return SECRET_THERE;
}

SecretFound secret_ask(const SecretsFrom *from, Str dir, Str name, Arena *a, Str *ret_value,
                       Str *ret_problem) {
    if (from->n_command == 0)
        return secret_look(from, dir, name, a, ret_value, ret_problem);
    uv_once(&known.once, make_locks);
    uv_mutex_lock(&known.asking);
    SecretFound found = secret_look(from, dir, name, a, ret_value, ret_problem);
    if (found == SECRET_UNASKED) {
        Str folder = project_folder(from, dir, a);
        Hash of = hash_of_question(from, folder, name);
        found = secret_run(from, folder, name, a, ret_value, ret_problem);
        if (found == SECRET_THERE)
            remember(&of, *ret_value);
    }
    uv_mutex_unlock(&known.asking);
    return found;
}
