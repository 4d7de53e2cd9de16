/* One callee asked until its outcome is settled (shapes/call.c), and what belongs to that. Internal to the kernel. */
#ifndef BATON_KERNEL_CALL_H
#define BATON_KERNEL_CALL_H

#include "kernel/budget.h"

/* ---- calls (shapes/call.c) ------------------------------------------------------------------------------------------------- */

/* Prepares a frame as a call of `callee` with `args`; frame_ready() starts it. */
void call_prepare(Run *r, Frame *f, const Callee *callee, Effect effect, Value args, Str key);
/* An open attempt of it, by its number, says what the call knows: a new one, and one that was loaded. */
void call_describe(CallState *c, Want *w, uint32_t attempt);
/* Its open attempt ended so: what was reserved is given back, what was used is spent. */
void call_settle(Run *r, Frame *f, const Fact *fact);
/* Its open attempt is given up: what was reserved for it is spent, as it may have been billed, unless it surely never left. */
void call_give_up(Run *r, Frame *f);
/* Its next attempt is wanted, or waits for a budget. */
void call_open_attempt(Run *r, Frame *f, Str choice);
/* Tried again as the policy allows, after an unknown without one a few times. False: that is used up. */
bool call_once_more(Run *r, Frame *f, Fact *fact, bool was_unknown);
/* It failed, and that is definite. */
void call_fail(Run *r, Frame *f, const Fact *fact);

/* Its open attempt never left: nothing was spent. */
void call_drop_attempt(Run *r, Frame *f);
/* The target has forgotten it by now. */
bool call_key_is_dead(const Run *r, const Frame *f);

/* ---- a second attempt beside the first (hedge.c) */

/* The open attempt of this number; NULL: f is none, or no such attempt is open. */
Want *call_attempt(const Frame *f, uint32_t attempt);
const Amount *call_reserved(const Want *attempt);
/* Are two under way? */
bool hedge_open(const CallState *c);
/* Its attempt leaves: from now on it is waited for. */
void hedge_arm(Run *r, Frame *f);
void hedge_due(Run *r, Frame *f);
/* No second attempt any more: one that is open is given up. */
void hedge_off(Run *r, Frame *f);
/* Of two, the one of this number is `want` from now on, the other `hedge`. */
void hedge_face(CallState *c, uint32_t attempt);
/* `want` ended so. True: that is no answer, and the other goes on in its place. */
bool hedge_goes_on(Run *r, Frame *f, const Fact *fact);
/* Another engine goes on: of two, those that may have left are lost. `want` is one of what is left, or the last that is lost. */
void hedge_recovered(Run *r, Frame *f);
void hedge_save(const CallState *c, Buf *b);
void hedge_load(CallState *c, bool kept, bool not_last, Cursor *from);

/* ---- business keys (keys.c) */

/* Is it a call under a key that is everybody's? */
bool key_is_shared(const Frame *f);
/* Who is called, as names of keys have it. */
Str key_callee(const Frame *f, Arena *a);
/* Is what the call gives kept for equal calls; under which key; it gave something that was accepted. */
bool key_is_cached(const Frame *f);
Str key_of_cache(const Frame *f, Arena *a);
void key_cache(Run *r, Frame *f, Value output);
/* Nothing if it has no such key. */
void key_tell(Run *r, Frame *f, KeyState state, Value result);
/* It ends, and if nothing was told of it that is told. */
void key_settle(Run *r, Frame *f);
void key_undo_begins(Run *r, Frame *f);
void key_undo_ended(Run *r, Frame *f, bool undone);
void key_run_ended(Run *r);
/* Its attempt may leave, under this generation. */
void key_granted(Run *r, Frame *f, const Fact *dispatching);
/* Its outcome is one that was recorded before. */
void key_taken_over(Run *r, Frame *f, const Fact *finished);

/* ---- child runs (child.c) --------------------------------------------------------------------------------------------------- */

/* Is it a call of a workflow? */
bool call_is_child(const Frame *f);
Str child_id(Run *r, const Frame *f, uint32_t attempt);
/* What is reserved for it: its share of what the limits above have left. */
Amount child_worst_case(const Frame *f);
/* Its run would stand below as many others as there can be. */
bool child_too_deep(const Run *r);
/* Its want is open: the letter that makes the run. */
void child_start(Run *r, Frame *f);
/* The call is cancelled: true if there is a child, which is told, and waited for. */
bool child_abandon(Run *r, Frame *f, Str why);
/* The time of the call is up: true if there is a child, which is told; the step fails when it has ended. */
bool child_runs_late(Run *r, Frame *f, Str why);
/* All children that are not asked to stop. */
void child_order_all(Run *r, Control verb, Str why);
/* What it is asked to do, for who compares it with what was recorded. */
Value child_request(const Frame *f, Arena *a);
/* What it used; and with what of it nobody knows whether it was billed. */
Amount child_used(Run *r, const Fact *fact);
Amount child_spent(Run *r, const Fact *fact);
void child_timer_off(Run *r, Frame *f);
/* It is over: the grant is given back, less what was spent. */
void child_settle(Run *r, Frame *f, const Fact *fact);
/* Whose child this run is, as it was accepted; false: the text is none of ours. */
bool caller_read(Run *r, Str text);
/* This run is over: its parent is told. */
void child_ended(Run *r);

/* How many calls may run beside each other where it stands. */
int64_t child_side_by_side(const Frame *f);

/* ---- more than was granted (more.c) ----------------------------------------------------------------------------------------- */

/* This run is short of what its parent granted, not of a limit of its own: true, its parent is asked, and who is short waits.
 * *ret_refused: the parent has said no, and why; else empty. */
bool more_ask(Run *r, const Shortage *s, bool or_fail, Str *ret_refused);
/* A letter of a child, or of the parent. */
bool more_waited_for(Run *r, const Frame *f, const Fact *fact);
void more_came(Run *r, const Fact *fact);
/* A call whose child asks has its turn. */
void more_try(Run *r, Frame *f);
/* It does not ask any more: it was answered, or is over. Nothing if it did not. */
void more_over(Run *r, Frame *f);
void more_save(const Frame *f, Buf *b);
void more_load(Frame *f, Cursor *c, bool open);
/* What the run itself was granted since, and asks. */
void asked_save(const Run *r, Buf *b);
void asked_load(Run *r, Cursor *c);

/* ---- what nobody knows (doubt.c; who is told of it, and its deadline: parked.c) */

/* The step that asks its target what happened; NULL: none does. */
const Node *call_probe(const Frame *f);
/* The want of a call in doubt or of a stuck undo; people are told. */
Want *doubt_open(Run *r, Frame *f);
/* That want, if it has a deadline; its deadline has come. */
Want *doubt_timed(Frame *f);
void doubt_due(Run *r, Frame *f, const Fact *timer);

/* An attempt ended unknown and may not simply be sent again: the target is asked, or a person. */
void call_unclear(Run *r, Frame *f, const Fact *fact);
void call_open_probe(Run *r, Frame *f);
void call_probed(Run *r, Frame *f, Frame *probe);
void call_decided(Run *r, Frame *f, const Fact *fact);
/* It is cancelled: true if it is abandoned, since it may have been done and somebody must find out. */
bool call_abandon(Run *r, Frame *f, Str why);
/* A limit of its own is reached: true if it may have been done and may not be done twice. Then it is asked to stop, or stays in
 * doubt, and fails, if it was not done, when that is known. */
bool call_runs_late(Run *r, Frame *f, Str why);
/* Why it is to fail now that it is known that it was not done; of an outcome that is not ok. */
void call_say_late(const Frame *f, Fact *fact);
/* How the attempt of one that is abandoned ended. */
void call_ended_late(Run *r, Frame *f, const Fact *fact);

/* The retry policy that holds for it. */
const Retry *call_retry(const Frame *f);
/* The request of a run or http call; with `problem` (320 bytes) not NULL an error in a template fails it: VALUE_ABSENT. */
Value call_compose(const Frame *f, Str secret_mark, Arena *a, char *problem);
/* What its attempts send; see want_send(). Absent if a template fails now. */
Value call_request(const Frame *f, Str secret_mark, Arena *a);
/* What its next model call sends, in bytes: at least as many as it has tokens. */
int64_t agent_request_bytes(const Frame *agent);
/* Before an attempt of a turn opens: the model it asks, a cheaper one where a limit says so. Gives why, or nothing. */
Str agent_pick_model(Run *r, Frame *turn);
/* Other arguments than it was prepared with. */
void call_arguments(Frame *f, Value args);
/* The set that this frame asks for its tools; NULL: there is none. */
const Callee *agent_set(const Frame *list);
/* The tool of a tool call, by its name, or, where that is empty, by the number of the call; NULL: no such call. */
const AgentTool *agent_call_tool(const Frame *call, Str name);
/* Its conversation (conversation.c): begun as its definition says, with what it is given; false with the problem. */
bool agent_begin(Run *r, Frame *f, char problem[320]);
void agent_say(Run *r, Frame *f, Value message);
void agent_say_words(Run *r, Frame *f, PromptName prompt, Str words);
Value agent_message(Run *r, const char *role, Value content);
int64_t agent_bytes(const ListBuilder *messages);
/* What was said, or only what its tools gave, as a text for somebody else. */
Str agent_transcript(Run *r, const Frame *f, bool results_only);
/* What is passed on of conversations (recall.c): the end of it that may be, what who sums it up is given, and the values that
 * the file names instead; false with the problem. */
Str passing_cut(Run *r, const Passing *p, Str text);
Value passing_brief(Run *r, const Passing *p, Str conversation);
bool passing_selected(Run *r, Frame *f, const Passing *p, Str *ret, char problem[320]);
/* An agent has ended ok: what was said is kept where some step is told it. As text, of the steps that `p` names. */
void recall_keep(Run *r, Frame *f);
Str recall_said(Run *r, const Frame *f, const Passing *p);
/* What an agent is told before it begins. WAITS: it is being summed up, recall_summed_up() takes that. */
typedef enum Recalled { RECALL_DONE, RECALL_WAITS, RECALL_REFUSED } Recalled;
Recalled recall_begin(Run *r, Frame *f, char problem[320]);
void recall_summed_up(Run *r, Frame *f, Frame *child);
/* The verb around that it is a part of; NULL: it is none. */
Frame *agent_player(const Frame *f);
/* The model call of an agent: composed from the agent's conversation. */
Value agent_request(const Frame *turn, Str secret_mark, Arena *a);

/* ---- guards (guard.c) ------------------------------------------------------------------------------------------------------- */

/* True: a guard of the agent, or of the workflow (agent NULL), has caught it, and f has failed or stands still for a retry. Of
 * tool calls and contents the workflow's guards look at those of every agent. */
bool guard_catches(Run *r, Frame *f, const Callee *agent, GuardPoint at, Value v);
/* Of an agent: what its next model call would be told; what the model said. */
bool guard_catches_unsent(Run *r, Frame *f);
bool guard_catches_reply(Run *r, Frame *f, Value reply);
/* How often the agent has made call `n` of this turn: before the turn, and with it. */
void guard_count_call(const Frame *f, uint32_t n, Value call, uint32_t *ret_before,
                      uint32_t *ret_all);

#endif
