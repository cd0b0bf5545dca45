/* check_life.c -- lifecycles: each state can be reached, and from each an end. */
#include <string.h>

#include "check.h"

static int compare(const rs_plan *plan, rs_ref a, rs_ref b) {
  uint32_t least = a.len < b.len ? a.len : b.len;
  int order =
    least > 0 ? memcmp(rs_plan_bytes(plan, a), rs_plan_bytes(plan, b), least) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool check_edges(rs_check *check, const rs_plan_state *state, uint32_t states) {
  for (uint32_t i = 0; i < state->edge_count; i++) {
    const rs_plan_edge *edge = rs_plan_edge_at(check->plan, state->edge_at + i);
    if (!rs_check_ref(check, edge->event) ||
        !rs_check_that(check, edge->event.len > 0, "an event without a name") ||
        !rs_check_that(check, edge->to < states, "an edge to no state") ||
        !rs_check_that(check, edge->to != 0, "an edge to the first state") ||
        !rs_check_that(check, edge->timeout > 0, "timeout <= 0"))
      return false;
    if (i == 0) continue;
    rs_ref before = rs_plan_edge_at(check->plan, state->edge_at + i - 1)->event;
    bool sorted = compare(check->plan, before, edge->event) < 0;
    if (!rs_check_that(check, sorted, "events that are not sorted")) return false;
  }
  return true;
}

static bool check_state(rs_check *check, const rs_plan_state *state, uint32_t states) {
  bool ends = state->ends != RS_ENDS_NOT;
  return rs_check_ref(check, state->name) &&
         rs_check_that(check, state->name.len > 0, "a state without a name") &&
         rs_check_that(check, state->timeout > 0, "timeout <= 0") &&
         rs_check_that(check, state->heartbeat > 0, "heartbeat <= 0") &&
         rs_check_that(check, state->every >= 0, "every < 0") &&
         rs_check_that(check, state->ready <= 1, "ready is neither 0 nor 1") &&
         rs_check_that(check, state->ends <= RS_ENDS_ERROR, "an unknown end") &&
         rs_check_part(check, state->edge_at, state->edge_count, RS_T_EDGE) &&
         rs_check_that(check, ends == (state->edge_count == 0),
                       "an end with events, or no end without") &&
         check_edges(check, state, states);
}

/* Spreads marks along edges (to: from the first state; else: back from ends) until no
** more is marked. True if all are. */
static bool all_marked(const rs_plan *plan, const rs_plan_life *life, bool forward) {
  uint8_t marked[RS_STATES_MAX] = {0};
  const rs_plan_state *states = rs_plan_state_at(plan, life->state_at);
  for (uint32_t i = 0; i < life->state_count; i++)
    marked[i] = forward ? i == 0 : states[i].ends != RS_ENDS_NOT;
  for (bool more = true; more;) {
    more = false;
    for (uint32_t i = 0; i < life->state_count; i++) {
      for (uint32_t e = 0; e < states[i].edge_count; e++) {
        uint32_t to = rs_plan_edge_at(plan, states[i].edge_at + e)->to;
        uint8_t *from = forward ? &marked[i] : &marked[to];
        uint8_t *next = forward ? &marked[to] : &marked[i];
        if (!*from || *next) continue;
        *next = 1;
        more = true;
      }
    }
  }
  for (uint32_t i = 0; i < life->state_count; i++)
    if (!marked[i]) return false;
  return true;
}

static bool check_life(rs_check *check, const rs_plan_life *life) {
  const rs_plan *plan = check->plan;
  bool some = life->state_count >= 2 && life->state_count <= RS_STATES_MAX;
  if (!rs_check_part(check, life->state_at, life->state_count, RS_T_STATE) ||
      !rs_check_that(check, some, "too few or too many states"))
    return false;
  const rs_plan_state *states = rs_plan_state_at(plan, life->state_at);
  for (uint32_t i = 0; i < life->state_count; i++) {
    if (!check_state(check, &states[i], life->state_count)) return false;
    for (uint32_t j = 0; j < i; j++) {
      bool differ = compare(plan, states[i].name, states[j].name) != 0;
      if (!rs_check_that(check, differ, "two states of one name")) return false;
    }
  }
  return rs_check_that(check, states[0].ends == RS_ENDS_NOT, "it begins at its end") &&
         rs_check_that(check, all_marked(plan, life, true),
                       "a state that cannot be reached") &&
         rs_check_that(check, all_marked(plan, life, false),
                       "a state without a way to an end");
}

bool rs_check_lives(rs_check *check) {
  check->table = "life";
  uint32_t count = rs_plan_count(check->plan, RS_T_LIFE);
  for (check->row = 0; check->row < count; check->row++)
    if (!check_life(check, rs_plan_life_at(check->plan, check->row))) return false;
  return true;
}
