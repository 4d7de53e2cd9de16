/* What a workflow is run with: its file as a closure, and its input from the command line. */
#ifndef BATON_CLI_INPUTS_H
#define BATON_CLI_INPUTS_H

#include "cli/command.h"
#include "host/project.h"

/* Each problem with its place and a caret, on standard error. */
void inputs_print(const Diags *diags);
/* Reads a file and what it names, and checks it. EXIT_USAGE if it cannot be read, else 0; what is wrong with it is in `diags`. */
int inputs_load(const Args *args, const char *path, Diags *diags, Project *ret_project);
/* The same for a workflow: prints what is wrong with it, each with its place and a caret. The closure is what a run of it is
 * pinned to. EXIT_USAGE or 0. */
int inputs_look(const Args *args, const char *path, Str *ret_closure, Plan **ret_plan);
/* The same for one that is to run: what this version only checks is refused. */
int inputs_file(const Args *args, const char *path, Str *ret_closure, Plan **ret_plan);
/* The input: --input whole, or KEY=VALUE words from `first` on, typed by the plan; or what is given of both. What is then
 * missing is asked for on a terminal. EXIT_USAGE or 0. */
int inputs_read(const Args *args, size_t first, const char *input, const Plan *plan,
                Value *ret_input);
/* The input with the value of "path.to.it=VALUE" changed, typed by the plan. EXIT_USAGE or 0. */
int inputs_set(const Args *args, const Plan *plan, const char *word, Value *input);
/* KEY=VALUE words without types: JSON where it reads as JSON, else text. A single word that is JSON stands for the whole. */
int inputs_untyped(const Args *args, size_t first, Value *ret_value);

/* How old the prices of a plan are; 0 where they say nothing of it. */
int64_t prices_days(const Plan *plan);
/* So old are prices that somebody should look at them again. */
#define PRICES_OLD_DAYS 90

#endif
