/* Words people bring from elsewhere. tests/bad has a file for each, and docs/words.md prints the table. */
#include "spec/read.h"

static const Foreign foreign[] = {
    { "inputs", "GitHub Actions", "write `input:` with the types of its fields" },
    { "outputs", "GitHub Actions", "write `output:` for types, `return:` for values" },
    { "jobs", "GitHub Actions", "write `steps:`; a map of steps runs at once but for `needs`" },
    { "uses", "GitHub Actions", "write `agent: NAME` or `tool: NAME`" },
    { "runs-on", "GitHub Actions", "remove it: a step runs where the engine is" },
    { "env", "GitHub Actions", "write it inside: `run: { command: [...], env: { ... } }`" },
    { "depends_on", "Airflow, Compose", "write `needs: STEP` or `needs: [a, b]`" },
    { "depends", "Dagu, Argo", "write `needs: STEP` or `needs: [a, b]`" },
    { "dependencies", "Argo", "write `needs: STEP` or `needs: [a, b]`" },
    { "dependsOn", "Kestra, Conductor", "write `needs: STEP` or `needs: [a, b]`" },
    { "when", "Ansible, Argo", "write `if:`" },
    { "condition", "many", "write `if:`" },
    { "prompt", "many", "an agent has `instructions:`; what a step asks stands in `with:`" },
    { "system", "model APIs", "write `instructions:` on the agent" },
    { "system_prompt", "many", "write `instructions:` on the agent" },
    { "messages", "model APIs", "write `instructions:` on the agent and `with:` on the step" },
    { "next", "Step Functions",
      "order is by `needs`, or by the place in a list; `machine` has moves" },
    { "goto", "many", "order is by `needs`, or by the place in a list; `machine` has moves" },
    { "foreach", "Mastra", "write `for: { each: x, in: \"${{ ... }}\" }`" },
    { "for_each", "many", "write `for: { each: x, in: \"${{ ... }}\" }`" },
    { "map", "Julep, Step Functions", "write `for: { each: x, in: \"${{ ... }}\" }`" },
    { "loop", "Ansible", "write `for:` over a list, `repeat:` until something holds" },
    { "while", "many", "write `repeat: { max: 5, until: ... }`" },
    { "until", "many", "write `repeat: { max: 5, until: ... }`" },
    { "parallel", "many", "a map of `steps:` runs at once; items do by `for: { parallel: 4 }`" },
    { "fork", "Serverless Workflow", "a map of `steps:` runs at once but for `needs`" },
    { "switch", "Julep, Serverless Workflow", "write `route:`, or give each step its `if:`" },
    { "choice", "Step Functions", "write `route:`, or give each step its `if:`" },
    { "else", "many", "give the other step an `if:` with the opposite" },
    { "catch", "Step Functions", "write `on_error:` with a step" },
    { "try", "Serverless Workflow", "write `on_error:` on the step or group" },
    { "finally", "many", "write a last step with `if: always()`" },
    { "continue-on-error", "GitHub Actions", "write `on_error: continue`" },
    { "timeout-minutes", "GitHub Actions", "write `timeout: 5m`" },
    { "timeout_seconds", "many", "write `timeout: 30s`" },
    { "max_retries", "many", "write `retry: 3`" },
    { "retries", "many", "write `retry: 3`" },
    { "retry_policy", "Temporal", "write `retry: { times: 3, delay: 1s, factor: 2 }`" },
    { "strategy", "GitHub Actions", "write `for: { each: x, in: [a, b] }`" },
    { "matrix", "GitHub Actions", "write `for: { each: x, in: [a, b] }`" },
    { "human_input", "CrewAI",
      "write `human: { group: ..., ask: ... }`, or `approve:` on the step" },
    { "sub_agents", "ADK, Docker agent",
      "write `supervise:` with `workers:`, or a step for each agent" },
    { "llm", "many", "write `agent: { model: NAME, instructions: ... }`" },
    { "action", "many", "a step has one verb: `agent`, `tool`, `run`, `http` ..." },
    { "type", "many", "a step has one verb: `agent`, `tool`, `run`, `http` ..." },
    { "script", "GitLab CI", "write `run: [sh, -c, ...]`" },
    { "command", "many", "write `run: [prog, arg]`" },
    { "args", "many", "write `with:`, or more items of `run:`" },
    { "arguments", "many", "write `with:`" },
    { "parameters", "many", "write `input:` for types, `with:` for values" },
    { "version", "many", "the first key is `baton: 1`" },
    { "tasks", "many", "write `steps:`" },
    { "nodes", "graphs", "write `steps:`" },
    { "edges", "graphs", "write `needs:` on the step an edge points to" },
    { "workflow", "many", "the file is the workflow: `name:` and `steps:` are its first level" },
    { "variables", "many", "write `state:` for what steps set, `input:` for what is given" },
    { "sleep", "many", "write `wait: 30s`" },
    { "raise", "Serverless Workflow", "write `fail: TEXT`" },
    { "throw", "many", "write `fail: TEXT`" },
    { "result", "many", "write `return:`" },
    { "register", "Ansible", "a step's result is `steps.ID.output`" },
    { "delay", "many", "write `wait: 30s`, or `retry: { times: 3, delay: 1s }`" },
};

size_t foreign_words(const Foreign **ret_words) {
    *ret_words = foreign;
    return ARRAY_LEN(foreign);
}

const char *foreign_remedy(Reader *r, Str word) {
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        const Foreign *f = &foreign[i];
        if (!str_is(word, f->word))
            continue;
        bool many = str_is(STR("many"), f->met_in);
        return arena_fmt(&r->scratch, "%s (`%s` is a word of %s)", f->instead, f->word,
                         many ? "other systems" : f->met_in)
            .p;
    }
    return NULL;
}
