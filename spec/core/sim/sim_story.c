/* sim_story.c -- a run told so that a person can follow it. */
#include <stdarg.h>

#include "sim.h"

static const char *const events[RS_EV_COUNT] = {
  [RS_EV_STARTED] = "started",
  [RS_EV_BEGIN] = "begin",
  [RS_EV_ENTER] = "enter",
  [RS_EV_READY] = "ready",
  [RS_EV_TERMINATING] = "terminating",
  [RS_EV_EXTEND] = "extend",
  [RS_EV_EXIT] = "exit",
  [RS_EV_PROTOCOL] = "protocol",
  [RS_EV_SEEN] = "seen",
  [RS_EV_VM_SEEN] = "vm seen",
  [RS_EV_VM_RUNS] = "vm runs",
  [RS_EV_DOMAIN_DEAD] = "domain dead",
  [RS_EV_VERDICT] = "verdict",
  [RS_EV_STOP] = "operator: stop",
  [RS_EV_START] = "operator: start",
  [RS_EV_RESTART] = "operator: restart",
  [RS_EV_KILL] = "operator: kill",
  [RS_EV_REMOVE] = "operator: remove",
  [RS_EV_SHUTDOWN] = "operator: shutdown",
};

static const char *const actions[] = {
  "?",       "START", "ASK",    "INTERRUPT", "KILL", "LOOK",      "LOOK_VM",
  "journal", "EMIT",  "SIGNAL", "PATCH",     "GONE", "DROP_PLAN", "END",
};

static const char *const entries[RS_J_COUNT] = {
  [RS_J_STARTED] = "started",     [RS_J_TRANSITION] = "transition",
  [RS_J_READY] = "ready",         [RS_J_VIOLATION] = "violation",
  [RS_J_EXITED] = "exited",       [RS_J_KILLED] = "killed",
  [RS_J_RESTART] = "restart",     [RS_J_COLLATERAL] = "collateral",
  [RS_J_COMPLETED] = "completed", [RS_J_ESCALATED] = "escalated",
  [RS_J_RELOAD] = "reload",       [RS_J_STOP] = "stop",
  [RS_J_START] = "start",
};

const char *rs_story_path(rs_sim *sim, uint32_t unit) {
  static char paths[4][64];
  static uint32_t turn;
  char *path = paths[turn++ % 4];
  rs_view view;
  if (rs_core_view(sim->core, unit, &view)) rs_core_path(sim->core, unit, path, 64);
  else snprintf(path, 64, "unit %u", unit);
  return path;
}

void rs_story_say(rs_sim *sim, const char *format, ...) {
  if (sim->story == NULL) return;
  va_list args;
  va_start(args, format);
  fprintf(sim->story, "%12.6f     ", (double)sim->now / 1e9);
  vfprintf(sim->story, format, args);
  fputc('\n', sim->story);
  va_end(args);
}

static const char *name(const char *const *list, uint32_t count, uint32_t kind) {
  return kind < count && list[kind] ? list[kind] : "?";
}

void rs_story_event(rs_sim *sim, const rs_event *ev) {
  if (sim->story == NULL) return;
  /* A look at one who is well is no news. */
  if (ev->kind == RS_EV_SEEN && ev->x == 0 && sim->now - ev->at < 200 * RS_MS) return;
  fprintf(sim->story, "%12.6f  -> %s#%u %s a=%d b=%d", (double)sim->now / 1e9,
          rs_story_path(sim, ev->unit), ev->inc, name(events, RS_EV_COUNT, ev->kind),
          (int)ev->a, ev->b);
  if (ev->at != 0) fprintf(sim->story, " at=%.6f", (double)ev->at / 1e9);
  if (ev->x != 0) fprintf(sim->story, " x=%.6f", (double)ev->x / 1e9);
  bool other = ev->kind == RS_EV_DOMAIN_DEAD || ev->kind == RS_EV_VM_SEEN;
  if (other) fprintf(sim->story, " other=%d#%d", (int)ev->other, (int)ev->other_inc);
  fprintf(sim->story, "%s\n", rs_oracle_stale(sim, ev) ? "  (stale)" : "");
}

static void tell_entry(rs_sim *sim, const rs_entry *entry) {
  const char *path = entry->unit == RS_NONE ? "-" : rs_story_path(sim, entry->unit);
  fprintf(sim->story, "%12.6f       #%llu<-%llu %s#%d %s a=%d b=%d c=%d",
          (double)sim->now / 1e9, (unsigned long long)entry->seq,
          (unsigned long long)entry->cause, path, (int)entry->inc,
          name(entries, RS_J_COUNT, entry->kind), (int)entry->a, entry->b,
          (int)entry->c);
  if (entry->x != 0) fprintf(sim->story, " x=%.6f", (double)entry->x / 1e9);
  if (entry->y != 0) fprintf(sim->story, " y=%.6f", (double)entry->y / 1e9);
  fputc('\n', sim->story);
}

void rs_story_action(rs_sim *sim, const rs_action *action) {
  if (sim->story == NULL) return;
  if (action->kind == RS_DO_JOURNAL) {
    tell_entry(sim, &action->entry);
    return;
  }
  if (action->kind == RS_DO_LOOK) return; /* its answer says enough */
  fprintf(sim->story, "%12.6f <-  %s", (double)sim->now / 1e9,
          name(actions, sizeof actions / sizeof actions[0], action->kind));
  if (action->kind < RS_DO_DROP_PLAN)
    fprintf(sim->story, " %s#%u a=%d", rs_story_path(sim, action->unit), action->inc,
            (int)action->a);
  if (action->kind == RS_DO_DROP_PLAN) fprintf(sim->story, " %u", action->a);
  if (action->kind == RS_DO_END) fprintf(sim->story, " status %d", action->b);
  if (action->kind == RS_DO_START || action->kind == RS_DO_PATCH)
    fprintf(sim->story, " plan=%u row=%u", action->plan, action->row);
  fputc('\n', sim->story);
}

/* --- plans ---------------------------------------------------------------------- */

static void tell_time(FILE *out, const char *what, rs_time time) {
  if (time == RS_NEVER) fprintf(out, " %s=never", what);
  else fprintf(out, " %s=%.3f", what, (double)time / 1e9);
}

static void tell_life(FILE *out, const rs_plan *plan, uint32_t life) {
  for (uint32_t i = 0; i < rs_plans_states(plan, life); i++) {
    const rs_plan_state *state = rs_plans_state(plan, life, i);
    fprintf(out, "%*s s%u%s", 18, "", i, state->ready ? " ready" : "");
    if (state->ends != RS_ENDS_NOT)
      fprintf(out, " ends %s", state->ends == RS_ENDS_OK ? "ok" : "error");
    if (state->timeout != RS_NEVER) tell_time(out, "timeout", state->timeout);
    if (state->heartbeat != RS_NEVER) tell_time(out, "heartbeat", state->heartbeat);
    for (uint32_t e = 0; e < state->edge_count; e++) {
      const rs_plan_edge *edge = rs_plans_edge(plan, state, e);
      fprintf(out, "  e%u->s%u", e, edge->to);
      if (edge->timeout != RS_NEVER) tell_time(out, "within", edge->timeout);
    }
    fputc('\n', out);
  }
}

static void tell_supervisor(FILE *out, const rs_plan_spec *spec) {
  static const char *const names[] = {"one_for_one", "one_for_all", "rest_for_one"};
  static const char *const autos[] = {"", " auto=any", " auto=all"};
  fprintf(out, " %s max=%u", names[spec->strategy], spec->max);
  tell_time(out, "within", spec->within);
  fprintf(out, "%s%s%s%s vms=%u", autos[spec->auto_shutdown],
          spec->flags & RS_ORDERED ? " ordered" : "",
          spec->flags & RS_ISOLATE ? " isolate" : "",
          spec->flags & RS_POOL ? " pool" : "", spec->vms);
  if (spec->flags & RS_BRIEF) fputs(" brief", out);
  if (spec->backoff_first != 0) tell_time(out, "backoff", spec->backoff_first);
}

static void tell_unit(FILE *out, const rs_plan *plan, uint32_t row) {
  static const char *const backends[] = {"supervisor", "coroutine", "thread",
                                         "process",    "command",   "custom"};
  static const char *const restarts[] = {"transient", "permanent", "temporary"};
  const rs_plan_unit *unit = rs_plans_unit(plan, row);
  const rs_plan_spec *spec = rs_plans_spec(plan, row);
  const char *heap = (const char *)plan + plan->tables[RS_T_BYTES].at;
  fprintf(out, "%*s%3u in %-3d %.*s: %s %s%s%s", 14, "", row, (int)unit->parent,
          (int)unit->name.len, heap + unit->name.at, backends[spec->backend],
          restarts[spec->restart], spec->flags & RS_SIGNIFICANT ? " significant" : "",
          spec->flags & RS_TEMPLATE ? " template" : "");
  if (spec->kind == RS_SUPERVISOR) tell_supervisor(out, spec);
  tell_time(out, "shutdown", spec->shutdown);
  if (spec->own_max != RS_NONE) fprintf(out, " own_max=%u", spec->own_max);
  if (spec->kind != RS_SUPERVISOR) tell_time(out, "launch", spec->launch);
  if (spec->stall != RS_NEVER) tell_time(out, "stall", spec->stall);
  if (spec->heartbeat != RS_NEVER) tell_time(out, "heartbeat", spec->heartbeat);
  for (uint32_t i = 0; i < unit->after_count; i++)
    fprintf(out, " after %u", rs_plans_after(plan, row, i));
  fputc('\n', out);
  if (spec->life != RS_NONE) tell_life(out, plan, spec->life);
}

void rs_story_plan(rs_sim *sim, const rs_plan *plan, uint32_t number) {
  if (sim->story == NULL) return;
  rs_story_say(sim, "plan %u", number);
  for (uint32_t i = 0; i < rs_plans_rows(plan); i++) tell_unit(sim->story, plan, i);
}
