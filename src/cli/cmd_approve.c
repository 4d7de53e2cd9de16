/* The commands that answer: approve, reject, revise. What is asked is fetched, shown, and answered with its hash. */
#include "base/json.h"
#include "cli/answer.h"
#include "cli/ask.h"
#include "cli/asked.h"
#include "cli/place.h"
#include "cli/say.h"
#include "cli/watch.h"

#include "base/limits.h"

typedef struct Deciding {
    Args *args;
    Str run;
    Value item;
    AskedAnswer answer;
} Deciding;

/* ---- the answer from the command line ------------------------------------------------------------------------------------ */

static int read_json(Args *args, const char *flag, const char *given, Value *ret) {
    Str text = str_from(given);
    JsonError error;
    if (*given == '@' || strcmp(given, "-") == 0) {
        int code = place_read_file(args->arena, *given == '@' ? given + 1 : given,
                                   LIMIT_PAYLOAD_BYTES, &text);
        if (code != 0)
            return code;
    }
    if (json_read_copy(args->arena, text, ret, &error) == 0)
        return 0;
    return say_error(EXIT_USAGE, "--%s is not JSON: %u:%u: %s",
                     "a text is written '\"like this\"'; @FILE reads a file", flag, error.line,
                     error.column, error.message);
}

static int read_answer(Deciding *d) {
    bool yes = d->args->command->run ==
               cmd_approve; /* the others change nothing and fill nothing in */
    const char *edited = yes ? args_flag(d->args, "edit") : NULL;
    const char *answer = yes ? args_flag(d->args, "answer") : NULL;
    const char *words = args_flag(d->args, "words");
    d->answer.value = VALUE_ABSENT;
    if (words)
        d->answer.words = str_from(words);
    else if (d->args->command->run == cmd_revise)
        return say_error(EXIT_USAGE, "say what is to be different: --words TEXT", "");
    if (edited && answer)
        return say_error(EXIT_USAGE, "--edit changes what is approved, --answer fills a form in",
                         "give one of them");
    if (answer)
        d->answer.verdict = "answer";
    if (edited && strcmp(edited, "editor") == 0)
        return asked_edit(d->args->arena, NULL, value_getz(d->item, "value"), &d->answer.value);
    return edited   ? read_json(d->args, "edit", edited, &d->answer.value)
           : answer ? read_json(d->args, "answer", answer, &d->answer.value)
                    : 0;
}

/* ---- nobody agrees to what he did not see ---------------------------------------------------------------------------------- */

static void print_item(Args *args, Value item) {
    Ink ink = say_ink(1);
    Buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    asked_write(&b, item, 0, &ink);
    buf_fmt(&b, "  hash %.*s\n", STR_FMT(answer_text(item, "hash")));
    if (args->json)
        out_json(item);
    else
        out_str(buf_str(&b));
    buf_deinit(&b);
}

static bool stdin_line(void *ctx, Str prompt, Str *ret_line) {
    return ask_line(((Deciding *)ctx)->args->arena, prompt, ret_line);
}

/* With a terminal: what is agreed to is shown, and asked once more unless --yes. */
static int confirm(Deciding *d) {
    Args *args = d->args;
    Buf b = BUF_INIT(8 * MIB);
    Ink ink = say_ink(2);
    Str sure;
    asked_write(&b, d->item, 0, &ink);
    if (strcmp(d->answer.verdict, "approve") == 0 && !value_absent(d->answer.value))
        asked_write_change(&b, value_getz(d->item, "value"), d->answer.value, &ink);
    say_text("%.*s", STR_FMT(buf_str(&b)));
    buf_deinit(&b);
    if (args_flag(args, "yes"))
        return 0;
    Str prompt = arena_fmt(args->arena, "%s? [y/n] ", d->answer.verdict);
    if (ask_line(args->arena, prompt, &sure) && sure.len && (sure.p[0] | 0x20) == 'y')
        return 0;
    say_line("nothing was decided");
    return EXIT_WAITING;
}

static int refuse_unseen(Deciding *d) {
    print_item(d->args, d->item);
    return say_error(EXIT_USAGE, "nothing was decided: a script says what it agrees to",
                     "baton %s %.*s %.*s --shown %.*s", d->args->command->name, STR_FMT(d->run),
                     STR_FMT(answer_text(d->item, "step")), STR_FMT(answer_text(d->item, "hash")));
}

static int check_shown(Deciding *d) {
    const char *shown = args_flag(d->args, "shown");
    if (shown) {
        d->item = value_with(d->args->arena, d->item, STR("hash"), value_str(str_from(shown)));
        return 0;
    }
    if (strcmp(d->answer.verdict, "reject") == 0 && args_flag(d->args, "words"))
        return 0; /* a no is safe whatever was asked */
    return ask_possible() ? confirm(d) : refuse_unseen(d);
}

/* A form that nobody filled in yet, and a yes without a word about it, are asked for here. */
static int complete(Deciding *d) {
    bool form = str_is(answer_text(d->item, "kind"), "answer");
    bool lacks = form && strcmp(d->answer.verdict, "approve") == 0;
    if (lacks && !ask_possible())
        return refuse_unseen(d);
    if (!lacks)
        return check_shown(d);
    AskedTalk talk = { d->args->arena, say_ink(2), NULL, stdin_line, d };
    d->answer = asked_talk(&talk, d->item);
    return d->answer.verdict ? 0 : EXIT_WAITING;
}

/* ---- telling ---------------------------------------------------------------------------------------------------------------- */

static int find(Deciding *d) {
    Args *args = d->args;
    Link *link = NULL;
    int code = place_open_run(args, &link, &d->run);
    if (code == 0)
        code = asked_find(args, link, d->run, args->n_words > 1 ? args->words[1] : NULL, &d->item);
    link_close(link, 0);
    return code;
}

static const char *told(const char *verdict) {
    return strcmp(verdict, "approve") == 0  ? "approved"
           : strcmp(verdict, "reject") == 0 ? "rejected"
           : strcmp(verdict, "revise") == 0 ? "sent back"
                                            : "answered";
}

static int decide(Args *args, const char *verdict) {
    Deciding d = { .args = args, .answer = { .verdict = verdict } };
    const char *as = args_flag(args, "as");
    int code = find(&d);
    if (code == 0)
        code = read_answer(&d);
    if (code == 0)
        code = complete(&d);
    if (code != 0)
        return code;
    Value body = asked_body(args->arena, d.item, &d.answer, as ? str_from(as) : place_user());
    return watch_run(args, &(WatchOptions){ .run = d.run,
                                            .path = place_run_path(args->arena, d.run, "approvals"),
                                            .body = body,
                                            .told = told(d.answer.verdict) });
}

int cmd_approve(Args *args) { return decide(args, "approve"); }

int cmd_reject(Args *args) { return decide(args, "reject"); }

int cmd_revise(Args *args) { return decide(args, "revise"); }
