/* baton fmt: the layout of files. A file is replaced as a whole, so that it is never half written. */
#include "base/limits.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"
#include "spec/format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_temporary(int fd, Str text, mode_t mode) {
    for (size_t done = 0; done < text.len;) {
        ssize_t n = write(fd, text.p + done, text.len - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return fchmod(fd, mode) == 0 && fsync(fd) == 0;
}

/* Behind a link it is the file that is replaced, not the link. */
static int replace(Arena *a, const char *path, Str text) {
    char *target = realpath(path, NULL);
    struct stat st = { 0 };
    Str temporary = arena_fmt(a, "%s.XXXXXX", target ? target : path);
    char *name = (char *)temporary.p;
    int fd = target && stat(target, &st) == 0 ? mkstemp(name) : -1;
    bool good = fd >= 0 && write_temporary(fd, text, st.st_mode & 07777);
    good = fd >= 0 && close(fd) == 0 && good && rename(name, target) == 0;
    int why = errno;
    if (!good && fd >= 0)
        unlink(name);
    free(target);
    if (!good)
        return say_error(EXIT_USAGE, "%s cannot be written: %s", "", path, strerror(why));
    return EXIT_OK;
}

static int one(Args *args, const char *path, ListBuilder *changed) {
    Str text;
    Diags diags = { .arena = args->arena };
    bool check = args_flag(args, "check"), input = strcmp(path, "-") == 0;
    Buf made = BUF_INIT((size_t)2 * LIMIT_FILE_BYTES), said = BUF_INIT(MIB);
    int code = place_read_file(args->arena, path, LIMIT_FILE_BYTES, &text);
    if (code == 0 && format_text(args->arena, str_from(path), text, &diags, &made) != 0) {
        for (size_t i = 0; i < diags.n; i++)
            if (!diags.items[i].warning)
                diag_write(&said, &diags.items[i]);
        say_text("%.*s", STR_FMT(buf_str(&said)));
        code = EXIT_USAGE;
    } else if (code == 0) {
        bool same = str_eq(text, buf_str(&made));
        if (!same)
            list_add(changed, value_str(str_from(path)));
        if (check)
            code = same ? EXIT_OK : EXIT_USAGE;
        else if (input || args_flag(args, "stdout"))
            out_str(buf_str(&made));
        else if (!same)
            code = replace(args->arena, path, buf_str(&made));
        if (!same && !args->json && (check || !(input || args_flag(args, "stdout"))))
            say_line("%s: %s", path, check ? "not laid out; `baton fmt` does it" : "laid out");
    }
    buf_deinit(&made);
    buf_deinit(&said);
    return code;
}

int cmd_fmt(Args *args) {
    ListBuilder changed = list_builder(args->arena);
    int code = EXIT_OK;
    for (size_t i = 0; i < args->n_words; i++) {
        int this = one(args, args->words[i], &changed);
        code = this ? this : code;
    }
    if (args->json && !args_flag(args, "stdout")) {
        MapBuilder m = map_builder(args->arena);
        map_addz(&m, "ok", value_bool(code == EXIT_OK));
        map_addz(&m, args_flag(args, "check") ? "differ" : "changed", list_done(&changed));
        out_json(map_done(&m, NULL));
    }
    return code;
}
