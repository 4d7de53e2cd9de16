#include "cli/answer.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/say.h"

int cmd_verify(Args *args) {
    Link *link = NULL;
    Value answer;
    int code = place_open(args, LINK_READ, &link);
    if (code == 0)
        code =
            place_ask(args, link, API_POST, STR("/v1/verify"), STR(""), VALUE_EMPTY_MAP, &answer);
    link_close(link, 0);
    if (code != 0)
        return code;
    Value ok = value_getz(answer, "ok"), problems = value_getz(answer, "problems");
    if (args->json) {
        out_json(answer);
    } else {
        for (size_t i = 0; i < problems.len; i++)
            say_line("%.*s", STR_FMT(value_as_str(problems.items[i])));
        Str line = arena_fmt(args->arena, "%lld runs, %lld rows, %lld steps done: %s\n",
                             answer_count(answer, "runs"), answer_count(answer, "rows"),
                             answer_count(answer, "steps"),
                             ok.b ? "every chain of hashes holds, every move is derived again"
                                  : "PROBLEMS FOUND");
        out_str(line);
        if (answer_count(answer, "forgotten"))
            say_line("%lld of the runs were forgotten: of them the chain is all there is to check",
                     answer_count(answer, "forgotten"));
    }
    return ok.b ? EXIT_OK : EXIT_INTERNAL;
}
