#include "host/project.h"

#include "base/limits.h"
#include "spec/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Load {
    Arena *arena;
    Str folder;
    ClosureFile *files;
    size_t n, n_read, bytes;
} Load;

/* ---- one file -------------------------------------------------------------------------------------------------------- */

static const char *refuse_size(size_t max) {
    return max < LIMIT_FILE_BYTES ? "all files together are larger than 12 MiB"
                                  : "it is larger than 4 MiB";
}

/* NULL, or what is wrong. */
static const char *read_open(Arena *a, int fd, size_t max, Str *ret_text) {
    Buf b = BUF_INIT(max);
    ssize_t n = 1;
    while (n > 0 && !buf_over(&b)) {
        char part[16384];
        n = read(fd, part, sizeof part);
        if (n > 0)
            buf_add(&b, part, (size_t)n);
    }
    const char *problem = n < 0 ? strerror(errno) : buf_over(&b) ? refuse_size(max) : NULL;
    if (!problem)
        *ret_text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return problem || str_is_utf8(*ret_text) ? problem : "it is not UTF-8 text";
}

/* What a workflow names is an ordinary file; the workflow itself may come through a pipe. */
static const char *read_path(Arena *a, const char *path, bool ordinary, size_t max, Str *ret_text) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | (ordinary ? O_NONBLOCK : 0));
    if (fd < 0)
        return strerror(errno);
    const char *problem = NULL;
    if (fstat(fd, &st) < 0)
        problem = strerror(errno);
    else if (S_ISDIR(st.st_mode))
        problem = "it is a folder";
    else if (ordinary && !S_ISREG(st.st_mode))
        problem = "it is no ordinary file";
    else
        problem = read_open(a, fd, max, ret_text);
    close(fd);
    return problem;
}

static size_t room(const Load *l) {
    return MIN((size_t)LIMIT_FILE_BYTES, LIMIT_FILES_BYTES - l->bytes);
}

static bool is_inside(Str folder, const char *real) {
    Str path = str_from(real);
    return str_is(folder, "/") ||
           (str_starts(path, folder) && path.len > folder.len && path.p[folder.len] == '/');
}

static const char *read_inside(Load *l, Str name, Str *ret_text) {
    char real[PATH_MAX];
    if (!realpath(arena_fmt(l->arena, "%.*s/%.*s", STR_FMT(l->folder), STR_FMT(name)).p, real))
        return errno == ENOENT ? "there is no such file" : strerror(errno);
    if (!is_inside(l->folder, real))
        return "it is a link that leads out of the project";
    return read_path(l->arena, real, true, room(l), ret_text);
}

static void add(Load *l, ClosureFile file) {
    ClosureFile *files = ARENA_ARRAY(l->arena, ClosureFile, l->n + 1);
    if (l->n)
        memcpy(files, l->files, l->n * sizeof *files);
    files[l->n++] = file;
    l->files = files;
    l->n_read += file.problem.len == 0;
    l->bytes += file.text.len;
}

static void fetch(Load *l, Str name) {
    ClosureFile file = { .name = arena_str(l->arena, name), .text = STR(""), .problem = STR("") };
    const char *problem = read_inside(l, name, &file.text);
    if (problem)
        file.problem = arena_str(l->arena, str_from(problem));
    add(l, file);
}

/* ---- the project ----------------------------------------------------------------------------------------------------- */

static bool has_project_file(Arena *a, Str folder) {
    return access(arena_fmt(a, "%.*s/baton.yaml", STR_FMT(folder)).p, F_OK) == 0;
}

static Str parent_of(Str path) {
    while (path.len && path.p[path.len - 1] != '/')
        path.len--;
    path.len -= path.len > 1;
    return path;
}

static Str find_folder(Arena *a, Str own) {
    for (Str folder = own;; folder = parent_of(folder)) {
        if (has_project_file(a, folder))
            return folder;
        if (folder.len <= 1)
            return own;
    }
}

/* "../flows/a.yaml" where both stand in one folder that is not the root of everything, else the absolute path. */
Str project_path(Arena *a, Str folder, Str name, Str here) {
    Str path = arena_fmt(a, "%.*s/%.*s", STR_FMT(folder), STR_FMT(name));
    Buf up = BUF_INIT(LIMIT_PATH_BYTES);
    while (here.len > 1 && !is_inside(here, path.p)) {
        buf_str_add(&up, STR("../"));
        here = parent_of(here);
    }
    Str shown = path;
    if (here.len > 1)
        shown = arena_fmt(a, "%.*s%.*s", STR_FMT(buf_str(&up)),
                          STR_FMT(str_slice(path, here.len + 1, path.len)));
    buf_deinit(&up);
    return shown;
}

static void show_paths(const Load *l, Str main, const char *path, Str here, Diags *diags) {
    for (size_t i = 0; i < diags->n; i++) {
        Str *file = &diags->items[i].pos.file;
        if (str_eq(*file, main))
            *file = arena_str(l->arena, str_from(path));
        else if (file->len && here.len)
            *file = project_path(l->arena, l->folder, *file, here);
    }
}

/* ---- prompts of the engine ------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return strcmp(((const Str *)a)->p, ((const Str *)b)->p);
}

/* No workflow names them. What an editor leaves beside them is none. */
static void fetch_prompts(Load *l) {
    Str names[2 * PROMPT_COUNT];
    size_t n = 0;
    DIR *dir = opendir(arena_fmt(l->arena, "%.*s/" PROMPT_FOLDER, STR_FMT(l->folder)).p);
    for (struct dirent *e; dir && n < ARRAY_LEN(names) && (e = readdir(dir));)
        if (e->d_name[0] != '.' && !str_ends(str_from(e->d_name), STR("~")))
            names[n++] = arena_fmt(l->arena, PROMPT_FOLDER "%s", e->d_name);
    if (dir)
        closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        if (!str_eq(names[i], l->files[0].name))
            fetch(l, names[i]);
}

Str project_folder(Arena *a, Str own) { return find_folder(a, own); }

void project_prompts(Arena *a, Str folder, Str here, Diags *diags, Str ret_texts[PROMPT_COUNT]) {
    Load l = { .arena = a, .folder = folder };
    Files files;
    *diags = (Diags){ .arena = a };
    add(&l, (ClosureFile){ .name = FILE_PROJECT, .text = STR(""), .problem = STR("") });
    fetch_prompts(&l);
    if (files_open(&files, a, closure_from(a, FILE_PROJECT, l.files, l.n), diags, NULL))
        prompts_read(&files, ret_texts);
    diags_done(diags);
    show_paths(&l, FILE_PROJECT, "baton.yaml", here, diags);
}

/* ---- loading --------------------------------------------------------------------------------------------------------- */

/* The text of `path`, and its real path; what is in no folder (standard input, a pipe) is `-` in this one. */
static const char *read_main(Load *l, const char *path, char real[PATH_MAX], Str *ret_text) {
    bool input = strcmp(path, "-") == 0;
    bool placed = !input && realpath(path, real);
    if (!placed && (input || access(path, R_OK) == 0)) {
        if (!getcwd(real, PATH_MAX - 2))
            return strerror(errno);
        memcpy(real + strlen(real), "/-", 3);
        placed = true;
    }
    if (!placed)
        return strerror(errno);
    return input ? read_open(l->arena, 0, LIMIT_FILE_BYTES, ret_text)
                 : read_path(l->arena, path, false, LIMIT_FILE_BYTES, ret_text);
}

/* What stands at `real`, and the project around it. */
static void begin(Load *l, const char *real, Str text, Str *ret_main) {
    Str whole = arena_str(l->arena, str_from(real));
    l->folder = find_folder(l->arena, parent_of(whole));
    *ret_main = str_slice(whole, l->folder.len + (l->folder.len > 1), whole.len);
    add(l, (ClosureFile){ .name = *ret_main, .text = text, .problem = STR("") });
    bool text_only = str_ends(*ret_main, STR(".md"));
    if (!text_only && !str_eq(*ret_main, FILE_PROJECT) && has_project_file(l->arena, l->folder))
        fetch(l, FILE_PROJECT);
    if (!text_only)
        fetch_prompts(l);
}

static int unreadable(const char *path, const char *why, char *problem) {
    snprintf(problem, PROJECT_PROBLEM_BYTES, "cannot read %.200s: %s", path, why);
    return PROJECT_E_UNREADABLE;
}

/* Reads what is named until nothing is missing. */
static void settle(Load *l, const char *path, Str here, Diags *diags, Project *p) {
    for (;;) {
        PlanNeeds needs = { .arena = l->arena };
        *diags = (Diags){ .arena = l->arena };
        p->closure = closure_from(l->arena, p->main, l->files, l->n);
        p->result = plan_check(p->closure, &p->plan, diags, &needs);
        if (p->result != PLAN_E_NEEDS)
            break;
        /* One more than there may be is refused. */
        for (size_t i = 0; i < needs.n && l->n <= LIMIT_FILES; i++)
            fetch(l, needs.names[i]);
    }
    show_paths(l, p->main, path, here, diags);
    p->folder = l->folder;
    p->n_read = l->n_read;
}

int project_load(Arena *a, const char *path, Str here, Diags *diags, Project *ret_project,
                 char problem[PROJECT_PROBLEM_BYTES]) {
    Load l = { .arena = a };
    char real[PATH_MAX];
    Str text = STR("");
    const char *wrong = read_main(&l, path, real, &text);
    if (wrong)
        return unreadable(path, wrong, problem);
    *ret_project = (Project){ 0 };
    begin(&l, real, text, &ret_project->main);
    settle(&l, path, here, diags, ret_project);
    return 0;
}

int project_make(Arena *a, const ProjectMade *made, Str here, Diags *diags, Project *ret_project,
                 char problem[PROJECT_PROBLEM_BYTES]) {
    Load l = { .arena = a };
    char folder[PATH_MAX];
    Str path = str_from(made->path), parent = parent_of(path);
    Str name = str_slice(path, path.p[parent.len] == '/' ? parent.len + 1 : parent.len, path.len);
    if (!realpath(parent.len ? arena_str(a, parent).p : ".", folder))
        return unreadable(made->path, strerror(errno), problem);
    *ret_project = (Project){ 0 };
    for (size_t i = 0; i < made->n_given; i++)
        add(&l, made->given[i]);
    begin(&l, arena_fmt(a, "%s/%.*s", strcmp(folder, "/") ? folder : "", STR_FMT(name)).p,
          made->text, &ret_project->main);
    settle(&l, made->path, here, diags, ret_project);
    return 0;
}
