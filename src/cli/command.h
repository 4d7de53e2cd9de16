/* The commands as data: main() finds one, `baton help` prints them, the reference page is made from them. */
#ifndef BATON_CLI_COMMAND_H
#define BATON_CLI_COMMAND_H

#include "base/arena.h"

/* Exit codes, the same for every command. */
enum {
    EXIT_OK = 0,
    EXIT_INTERNAL = 1,
    EXIT_USAGE = 2, /* or the file was refused */
    EXIT_RUN_FAILED = 3,
    EXIT_NOT_FOUND = 4,
    EXIT_CONFLICT = 5,
    EXIT_WAITING = 8,  /* for a person or a signal */
    EXIT_PAUSED = 130, /* by Ctrl-C */
};

typedef struct Exit {
    int code;
    const char *means;
} Exit;
extern const Exit exits[];
extern const size_t exits_count;

typedef struct Flag {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, as help shows it; NULL: nothing */
    const char *help;
} Flag;

typedef struct Command Command;

/* A command line taken apart. */
typedef struct Args {
    const Command *command;
    Arena *arena; /* for the whole command */
    char **words; /* what is no flag, in order; NULL-terminated */
    size_t n_words;
    /* by number in command->flags; NULL: not given; "" for a flag without a value */
    const char **values;
    /* every flag of the command as given, in order */
    struct ArgsGiven {
        const Flag *flag;
        const char *value;
    } * given;
    size_t n_given;
    const char *data; /* --data */
    bool json;
} Args;

struct Command {
    const char *name;
    const char *synopsis;     /* after the name */
    const char *help;         /* one line */
    const char *more;         /* NULL, or paragraphs */
    const Flag *flags;        /* NULL, or up to one without a name */
    int words_min, words_max; /* of what is no flag; max -1: any number */
    int (*run)(Args *args);
};

/* Sorted by name. */
extern const Command commands[];
extern const size_t commands_count;

/* Those that every command takes; the last has no name. */
extern const Flag common_flags[];

/* The letter that stands for it as -x; '\0': none does. */
char flag_letter(const Flag *flag);
const Command *command_find(Str name);
void command_help(const Command *c);
/* The reference page of all commands, as Markdown, and the same as the manual page baton(1). */
Str command_page(Arena *a);
Str command_man(Arena *a);
/* Takes argv after the command's name apart; EXIT_USAGE with a message, or 0. -1: --help was asked and printed. */
int args_read(Args *args, const Command *c, int argc, char **argv);
/* The value of a flag of the command, NULL if not given. */
const char *args_flag(const Args *args, const char *name);
/* The values of a flag that may be given again and again: the n-th from 0, NULL after the last. */
const char *args_flag_nth(const Args *args, const char *name, size_t n);

int cmd_approve(Args *args);
int cmd_bench(Args *args);
int cmd_budgets(Args *args);
int cmd_cancel(Args *args);
int cmd_compare(Args *args);
int cmd_completion(Args *args);
int cmd_deliveries(Args *args);
int cmd_dev(Args *args);
int cmd_doctor(Args *args);
int cmd_effects(Args *args);
int cmd_emit(Args *args);
int cmd_eval(Args *args);
int cmd_events(Args *args);
int cmd_expr(Args *args);
int cmd_fmt(Args *args);
int cmd_forget(Args *args);
int cmd_fork(Args *args);
int cmd_graph(Args *args);
int cmd_help(Args *args);
int cmd_inbox(Args *args);
int cmd_init(Args *args);
int cmd_logs(Args *args);
int cmd_migrate(Args *args);
int cmd_models(Args *args);
int cmd_new(Args *args);
int cmd_on(Args *args);
int cmd_pause(Args *args);
int cmd_plan(Args *args);
int cmd_prompts(Args *args);
int cmd_routes(Args *args);
int cmd_ps(Args *args);
int cmd_record(Args *args);
int cmd_reject(Args *args);
int cmd_replay(Args *args);
int cmd_resolve(Args *args);
int cmd_resume(Args *args);
int cmd_retry(Args *args);
int cmd_revise(Args *args);
int cmd_run(Args *args);
int cmd_schema(Args *args);
int cmd_serve(Args *args);
int cmd_show(Args *args);
int cmd_signal(Args *args);
int cmd_test(Args *args);
int cmd_tools(Args *args);
int cmd_top(Args *args);
int cmd_trace(Args *args);
int cmd_validate(Args *args);
int cmd_verify(Args *args);
int cmd_version(Args *args);
int cmd_watch(Args *args);
int cmd_why(Args *args);

#endif
