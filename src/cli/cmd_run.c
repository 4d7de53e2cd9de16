/* baton run: check the file here, so that its mistakes are shown with their places; then start it wherever the engine is. */
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/launch.h"
#include "cli/place.h"

int cmd_run(Args *args) {
    _cleanup_(plan_freep)
    Plan *plan = NULL;
    Launch l = { .detach = args_flag(args, "detach") != NULL,
                 .dir = place_folder_of(args->arena, args->words[0]) };
    int code = launch_choose_id(args, &l.id);
    if (code == 0)
        code = inputs_file(args, args->words[0], &l.closure, &plan);
    if (code == 0)
        code = inputs_read(args, 1, args_flag(args, "input"), plan, &l.input);
    l.plan = plan;
    return code == 0 ? launch_run(args, &l) : code;
}
