/* The files of a workflow, read from the disk: the one place that looks for a project and opens what a workflow names.
 *
 *   path -> real path -> nearest folder upward with baton.yaml -> plan_check(), which lists what it lacks, until it has all
 *                        and its prompts/engine/
 *
 * Nothing outside the project's folder is read, through symbolic links either; a file has a size, and so have all together
 * (base/limits.h). */
#ifndef BATON_HOST_PROJECT_H
#define BATON_HOST_PROJECT_H

#include "spec/plan.h"

typedef struct Project {
    Str folder;    /* absolute, without links */
    Str main;      /* name of the file in it */
    Str closure;   /* of all that was read */
    size_t n_read; /* files */
    int result;    /* plan_check()'s */
    Plan *plan;    /* NULL if refused, or no workflow; the caller's to free */
} Project;

#define PROJECT_PROBLEM_BYTES 400
enum { PROJECT_E_UNREADABLE = 1 };
/* `path` "-": standard input, as a file in this folder. PROJECT_E_UNREADABLE if the file itself cannot be read: `problem` says
 * why. Everything else that is wrong is in `diags`, whose places name files from here on as a person would from `here`
 * (absolute; empty: as the project does). Texts stand in `a`. */
int project_load(Arena *a, const char *path, Str here, Diags *diags, Project *ret_project,
                 char problem[PROJECT_PROBLEM_BYTES]);
/* The nearest folder upward from `own` that has a project file, else `own`. */
Str project_folder(Arena *a, Str own);
/* The engine's prompts in the words of the project in `folder`, as of prompts_read(). */
void project_prompts(Arena *a, Str folder, Str here, Diags *diags, Str ret_texts[PROMPT_COUNT]);
/* The same for a file that was made and not read: `text` as if it stood at `path`, of which only the folder must be there. `given`
 * are others of the project that are not read from the disk, by their names in it. */
typedef struct ProjectMade {
    const char *path;
    Str text;
    const ClosureFile *given;
    size_t n_given;
} ProjectMade;
int project_make(Arena *a, const ProjectMade *made, Str here, Diags *diags, Project *ret_project,
                 char problem[PROJECT_PROBLEM_BYTES]);
/* The file `name` of a project as a person in the folder `here` would call it. */
Str project_path(Arena *a, Str folder, Str name, Str here);

#endif
