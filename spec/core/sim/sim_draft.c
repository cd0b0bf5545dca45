/* sim_draft.c -- random trees. Every attribute of a unit belongs to a group; a later
** version of the plan decides afresh the groups that it changes. */
#include <string.h>

#include "plans.h"

enum { SLOTS = 6, DEPTH_MAX = 4 };

enum { /* groups: what a reload changes together */
       G_PRESENT,
       G_CODE,
       G_TUNE,
       G_LIMIT,
       G_AFTER,
       G_ORDER,
       G_PLACE,
       G_LIFE,
       G_COUNT
};

typedef struct rs_pen { /* what draws */
  rs_draft *draft;
  rs_choices *choices;
  uint32_t version;
  uint32_t units_most;
  uint64_t key; /* of the unit being drawn */
} rs_pen;

#define PICK(pen, group, field, list)                                                  \
  (list)[of(pen, group, field, (uint32_t)(sizeof(list) / sizeof((list)[0])))]

/* The last version up to now that changed this group. */
static uint32_t version_of(const rs_pen *pen, uint32_t group) {
  static const uint32_t rates[] = {0, 20, 60, 200, 500};
  for (uint32_t v = pen->version; v > 0; v--) {
    uint32_t rate = rates[rs_choice_of(pen->choices, RS_AT_MUTATE, v, 0, 5)];
    uint64_t name = (uint64_t)v * G_COUNT + group + 1;
    if (rs_choice_chance(pen->choices, RS_AT_MUTATE, pen->key, name, rate)) return v;
  }
  return 0;
}

static uint32_t of(const rs_pen *pen, uint32_t group, uint32_t field, uint32_t n) {
  static const uint32_t sites[] = {
    [G_PRESENT] = RS_AT_PRESENT, [G_CODE] = RS_AT_BACKEND, [G_TUNE] = RS_AT_TUNE,
    [G_LIMIT] = RS_AT_SUPER,     [G_AFTER] = RS_AT_AFTER,  [G_ORDER] = RS_AT_ORDER,
    [G_PLACE] = RS_AT_KIND,      [G_LIFE] = RS_AT_LIFE,
  };
  uint64_t which = (uint64_t)version_of(pen, group) * 1000 + field;
  return rs_choice_of(pen->choices, sites[group], pen->key, which, n);
}

static const rs_time beats[] = {500 * RS_MS, 300 * RS_MS, 1000 * RS_MS, 2000 * RS_MS,
                                RS_NEVER};
static const rs_time stays[] = {RS_NEVER, RS_NEVER, 1000 * RS_MS, 3000 * RS_MS};
static const rs_time edges[] = {RS_NEVER, 1000 * RS_MS, 100 * RS_MS};

static rs_draft_state *add_state(rs_draft_life *life, uint8_t ends) {
  rs_draft_state *state = &life->state[life->count++];
  *state =
    (rs_draft_state){.row = {.timeout = RS_NEVER, .heartbeat = RS_NEVER, .ends = ends}};
  return state;
}

static void add_edge(rs_draft_state *state, uint32_t to, rs_time timeout) {
  state->edge[state->row.edge_count++] = (rs_plan_edge){.to = to, .timeout = timeout};
}

/* starting, running, terminating, stopped, crashed; a task's knows no limits. */
static void default_life(rs_pen *pen, rs_draft_life *life, bool task) {
  rs_time step = task ? RS_NEVER : 1000 * RS_MS;
  rs_time stay = task ? RS_NEVER : PICK(pen, G_TUNE, 40, stays);
  for (uint32_t i = 0; i < 3; i++) {
    rs_draft_state *state = add_state(life, RS_ENDS_NOT);
    state->row.ready = i == 1;
    if (i == 1 && !task) state->row.heartbeat = PICK(pen, G_TUNE, 41, beats);
    if (i != 1) state->row.timeout = stay;
    add_edge(state, i + 1, step);
    add_edge(state, 4, RS_NEVER);
  }
  add_state(life, RS_ENDS_OK);
  add_state(life, RS_ENDS_ERROR);
}

static void random_life(rs_pen *pen, rs_draft_life *life) {
  uint32_t steps = 1 + of(pen, G_LIFE, 1, 4);
  bool crashes = of(pen, G_LIFE, 2, 3) > 0;
  bool beating = false;
  for (uint32_t i = 0; i < steps; i++) {
    rs_draft_state *state = add_state(life, RS_ENDS_NOT);
    uint32_t field = 50 + i * 8;
    state->row.timeout = PICK(pen, G_TUNE, field, stays);
    if (of(pen, G_LIFE, 20 + i, 2))
      state->row.heartbeat = PICK(pen, G_TUNE, field + 1, beats);
    if (state->row.heartbeat != RS_NEVER) beating = true;
    add_edge(state, i + 1, PICK(pen, G_TUNE, field + 2, edges));
    if (i > 1 && of(pen, G_LIFE, 30 + i, 2))
      add_edge(state, i - 1, PICK(pen, G_TUNE, field + 3, edges));
    if (i > 0 && of(pen, G_LIFE, 40 + i, 3) == 1) add_edge(state, i, RS_NEVER);
    if (crashes) add_edge(state, steps + 1, PICK(pen, G_TUNE, field + 4, edges));
  }
  for (uint32_t i = 0; i < steps; i++) {
    rs_plan_state *row = &life->state[i].row;
    row->ready = beating ? row->heartbeat != RS_NEVER : i > 0;
  }
  add_state(life, RS_ENDS_OK);
  if (crashes) add_state(life, RS_ENDS_ERROR);
}

static void draw_life(rs_pen *pen, rs_draft_unit *unit) {
  rs_draft_life *life = &pen->draft->life[pen->draft->life_count];
  unit->spec.life = pen->draft->life_count++;
  life->count = 0;
  uint32_t kind = of(pen, G_LIFE, 0, 4);
  if (kind == 1) unit->spec.flags |= RS_TASK;
  if (kind > 1) random_life(pen, life);
  else default_life(pen, life, kind == 1);
  for (uint32_t i = 0; i < life->count; i++) { /* names and edges are its identity */
    const rs_draft_state *state = &life->state[i];
    unit->identity =
      rs_choice_mix(unit->identity, state->row.ends * 100u + state->row.ready);
    for (uint32_t e = 0; e < state->row.edge_count; e++)
      unit->identity = rs_choice_mix(unit->identity, state->edge[e].to + 1);
  }
}

static void draw_worker(rs_pen *pen, rs_draft_unit *unit) {
  static const uint8_t backends[] = {RS_COROUTINE, RS_COROUTINE, RS_COROUTINE,
                                     RS_THREAD,    RS_PROCESS,   RS_EXTERNAL,
                                     RS_CUSTOM};
  static const rs_time stalls[] = {2000 * RS_MS, 300 * RS_MS, 1000 * RS_MS, RS_NEVER};
  rs_plan_spec *spec = &unit->spec;
  spec->backend = PICK(pen, G_CODE, 0, backends);
  spec->kind = spec->backend == RS_EXTERNAL ? RS_COMMAND : RS_WORKER;
  unit->identity = rs_choice_mix(spec->backend, of(pen, G_CODE, 1, 1000));
  bool shared = spec->backend == RS_COROUTINE;
  bool own = spec->backend <= RS_PROCESS && of(pen, G_TUNE, 8, 3) == 1;
  if (shared || own) spec->stall = PICK(pen, G_TUNE, 0, stalls);
  if (spec->backend < RS_EXTERNAL) {
    draw_life(pen, unit);
    return;
  }
  spec->heartbeat = PICK(pen, G_TUNE, 1, beats);
  if (spec->backend == RS_CUSTOM) {
    spec->custom = 0;
    return;
  }
  static const uint32_t ready[] = {RS_READY_STARTED, RS_READY_NOTIFY, RS_READY_FD};
  spec->exec = 0;
  unit->exec = (rs_plan_exec){.umask = -1,
                              .nice = 127,
                              .oom_score_adj = 2000,
                              .stop_signal = RS_SIM_STOP,
                              .ready = PICK(pen, G_CODE, 2, ready),
                              .ready_fd = 3,
                              .ready_probe = RS_NONE,
                              .pre_timeout = 10000 * RS_MS,
                              .post_timeout = 10000 * RS_MS};
  unit->identity = rs_choice_mix(unit->identity, unit->exec.ready);
}

static void draw_backoff(rs_pen *pen, rs_plan_spec *spec) {
  static const rs_time firsts[] = {0, 0, 100 * RS_MS, 500 * RS_MS};
  static const double factors[] = {1.0, 2.0, 1.5};
  static const double jitters[] = {0, 0.2, 1.0};
  spec->backoff_first = PICK(pen, G_TUNE, 20, firsts);
  spec->backoff_factor = PICK(pen, G_TUNE, 21, factors);
  spec->backoff_jitter = PICK(pen, G_TUNE, 22, jitters);
  spec->backoff_max = 2000 * RS_MS;
  spec->backoff_reset = 3000 * RS_MS;
}

static void draw_supervisor(rs_pen *pen, rs_draft_unit *unit) {
  static const uint8_t strategies[] = {RS_ONE_FOR_ONE, RS_ONE_FOR_ONE, RS_ONE_FOR_ALL,
                                       RS_REST_FOR_ONE};
  static const uint32_t maxes[] = {3, 1, 0, 2, 5, 10};
  static const rs_time withins[] = {5000 * RS_MS, 500 * RS_MS, 20000 * RS_MS, RS_NEVER};
  static const uint8_t autos[] = {RS_AUTO_NEVER, RS_AUTO_NEVER, RS_AUTO_ANY,
                                  RS_AUTO_ALL};
  static const rs_time shutdowns[] = {RS_NEVER, RS_NEVER, 1000 * RS_MS, 5000 * RS_MS};
  rs_plan_spec *spec = &unit->spec;
  spec->kind = RS_SUPERVISOR;
  spec->strategy = PICK(pen, G_LIMIT, 0, strategies);
  spec->max = PICK(pen, G_LIMIT, 1, maxes);
  spec->within = PICK(pen, G_LIMIT, 2, withins);
  spec->auto_shutdown = PICK(pen, G_LIMIT, 3, autos);
  spec->shutdown = PICK(pen, G_LIMIT, 4, shutdowns);
  if (of(pen, G_LIMIT, 5, 3) == 1 || spec->strategy == RS_REST_FOR_ONE)
    spec->flags |= RS_ORDERED;
  if (of(pen, G_LIMIT, 6, 6) == 1) spec->flags |= RS_BRIEF;
  if (of(pen, G_PLACE, 1, 4) == 1 || unit->parent == RS_NONE) spec->flags |= RS_ISOLATE;
  spec->vms = 1 + of(pen, G_PLACE, 2, 3);
  unit->identity = 1;
  draw_backoff(pen, spec);
}

/* What every child has. */
static void draw_child(rs_pen *pen, rs_draft_unit *unit) {
  static const uint8_t restarts[] = {RS_TRANSIENT, RS_TRANSIENT, RS_PERMANENT,
                                     RS_TEMPORARY};
  static const rs_time shutdowns[] = {5000 * RS_MS, 1000 * RS_MS, 200 * RS_MS, 0,
                                      -1,           RS_NEVER};
  static const rs_time launches[] = {3000 * RS_MS, 300 * RS_MS, 10000 * RS_MS};
  static const uint32_t maxes[] = {RS_NONE, RS_NONE, RS_NONE, 1, 0, 2};
  rs_plan_spec *spec = &unit->spec;
  spec->shutdown = PICK(pen, G_TUNE, 3, shutdowns);
  spec->launch = PICK(pen, G_TUNE, 4, launches);
  spec->restart = PICK(pen, G_TUNE, 5, restarts);
  spec->own_max = PICK(pen, G_TUNE, 6, maxes);
  spec->own_within = 5000 * RS_MS;
  if (spec->restart != RS_PERMANENT && of(pen, G_TUNE, 7, 3) == 1)
    spec->flags |= RS_SIGNIFICANT;
}

static rs_draft_unit *draw_unit(rs_pen *pen, uint32_t parent, uint32_t slot) {
  rs_draft *draft = pen->draft;
  rs_draft_unit *unit = &draft->unit[draft->count++];
  *unit = (rs_draft_unit){.key = pen->key, .parent = parent, .slot = slot};
  unit->spec = (rs_plan_spec){.own_max = RS_NONE,
                              .within = RS_NEVER,
                              .own_within = RS_NEVER,
                              .vms = 1,
                              .backoff_factor = 1.0,
                              .launch = 10000 * RS_MS,
                              .stall = RS_NEVER,
                              .heartbeat = RS_NEVER,
                              .life = RS_NONE,
                              .exec = RS_NONE,
                              .custom = RS_NONE,
                              .run_module = RS_NONE};
  return unit;
}

static bool is_supervisor(const rs_pen *pen, uint32_t depth) {
  return depth < DEPTH_MAX && of(pen, G_PLACE, 0, 10) > 6;
}

static void draw_children(rs_pen *pen, uint32_t self, uint32_t depth);

static void draw_member(rs_pen *pen, uint32_t parent, uint32_t slot, uint32_t depth) {
  uint32_t self = pen->draft->count;
  rs_draft_unit *unit = draw_unit(pen, parent, slot);
  if (is_supervisor(pen, depth)) {
    draw_child(pen, unit);
    draw_supervisor(pen, unit);
    draw_children(pen, self, depth + 1);
  } else {
    draw_child(pen, unit);
    draw_worker(pen, unit);
  }
}

/* `after` points to lower slots, which makes no cycle; in an ordered supervisor only to
** earlier ones in the list, since that order is a graph too. */
static void draw_after(rs_pen *pen, uint32_t self, uint64_t *keys, uint32_t *rows) {
  rs_draft *draft = pen->draft;
  bool ordered = draft->unit[self].spec.flags & RS_ORDERED;
  for (uint32_t slot = 1; slot < SLOTS; slot++) {
    if (rows[slot] == RS_NONE) continue;
    rs_draft_unit *unit = &draft->unit[rows[slot]];
    pen->key = keys[slot];
    if (unit->spec.flags & RS_TEMPLATE || of(pen, G_AFTER, 0, 3) == 0) continue;
    for (uint32_t to = 0; to < slot && unit->after_count < RS_DRAFT_AFTER_MAX; to++) {
      if (rows[to] == RS_NONE || (ordered && rows[to] > rows[slot])) continue;
      if (draft->unit[rows[to]].spec.flags & RS_TEMPLATE) continue;
      if (of(pen, G_AFTER, 1 + to, 2)) unit->after[unit->after_count++] = rows[to];
    }
  }
}

static void draw_template(rs_pen *pen, uint32_t self, uint64_t key,
                          const uint32_t *rows) {
  if (pen->draft->count >= RS_DRAFT_UNITS_MAX) return;
  pen->draft->unit[self].spec.flags |= RS_POOL;
  pen->key = rs_choice_mix(key, 'z');
  rs_draft_unit *unit = draw_unit(pen, self, 'z' - 'a');
  draw_child(pen, unit);
  draw_worker(pen, unit);
  unit->spec.flags |= RS_TEMPLATE;
  unit->spec.flags &= ~(uint32_t)RS_SIGNIFICANT;
  for (uint32_t to = 0; to < SLOTS && unit->after_count < RS_DRAFT_AFTER_MAX; to++)
    if (rows[to] != RS_NONE && of(pen, G_AFTER, 1 + to, 3) == 0)
      unit->after[unit->after_count++] = rows[to];
}

static void draw_children(rs_pen *pen, uint32_t self, uint32_t depth) {
  uint64_t key = pen->key, keys[SLOTS];
  uint32_t rows[SLOTS], before = pen->draft->count;
  uint32_t turn = of(pen, G_ORDER, 0, SLOTS), pool = of(pen, G_LIMIT, 7, 8);
  for (uint32_t i = 0; i < SLOTS; i++) rows[i] = RS_NONE;
  for (uint32_t i = 0; i < SLOTS; i++) {
    uint32_t slot = (i + turn) % SLOTS;
    keys[slot] = pen->key = rs_choice_mix(key, slot + 1);
    bool there = of(pen, G_PRESENT, 0, 5) > 1;
    bool needed = i + 1 == SLOTS && pen->draft->count == before;
    if (!there && !needed) continue;
    if (pen->draft->count >= pen->units_most && !needed) continue;
    if (pen->draft->count >= RS_DRAFT_UNITS_MAX) continue;
    rows[slot] = pen->draft->count;
    draw_member(pen, self, slot, depth);
  }
  draw_after(pen, self, keys, rows);
  if (pool == 1) draw_template(pen, self, key, rows);
  pen->key = key;
}

void rs_draft_make(rs_draft *draft, rs_choices *choices, uint32_t version) {
  static const uint32_t sizes[] = {4, 6, 8, 12, 20, 40};
  rs_pen pen = {draft, choices, version, 0, 1};
  pen.units_most = sizes[rs_choice_of(choices, RS_AT_SIZE, 0, 0, 6)];
  draft->count = draft->life_count = 0;
  rs_draft_unit *root = draw_unit(&pen, RS_NONE, 0);
  draw_supervisor(&pen, root);
  root->spec.shutdown = RS_NEVER;
  draw_children(&pen, 0, 1);
}
