#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>

#include "../journal/entry.h"
#include "../runner/lua.h"
#include "probes.h"
#include "../runner/rung.h"

enum {
  STALL = RS_SECOND, /* one look may run so long without a wait */
  DELAY_FIRST = 100, /* ms until the next runner, doubled with each that dies young */
  DELAY_MOST = 10000,
  YOUNG = 10, /* seconds */
  DEATHS_MAX = 3
};

static void on_stall(uv_timer_t *timer);

static void watch(rs_probes *probes, rs_time span) {
  uv_update_time(&probes->engine->loop);
  uv_timer_start(&probes->stall, on_stall, (uint64_t)(span + RS_MS - 1) / RS_MS, 0);
}

static rs_time waited(const rs_probes *probes, const rs_vm *page) {
  return rs_delay_read(probes->runner->child.pid, atomic_load(&page->tid));
}

static bool runs(const rs_vm *page) {
  uint32_t state = atomic_load(&page->state);
  return state == RS_VM_RUNNING || state == RS_VM_FULL;
}

void rs_probes_wake(rs_probes *probes) {
  if (!probes->runner || probes->runner->dead) return;
  probes->waited = waited(probes, rs_part_page(probes->runner, probes->vm));
  probes->resume = 0;
  watch(probes, STALL);
}

/* Whose look the VM runs; NULL. */
static rs_probe *running(const rs_probes *probes, const rs_vm *page) {
  uint32_t slot = atomic_load(&page->slot);
  const rs_slot_book *book = rs_part_book(probes->runner, slot);
  if (slot == RS_NONE || !book || book->inc >= probes->count) return NULL;
  rs_probe *probe = &probes->at[book->inc];
  return probe->slot == slot ? probe : NULL;
}

/* Idle: it is to ring when it runs again. It may have begun just now. */
static bool found_idle(rs_vm *page) {
  if (runs(page)) return false;
  atomic_store(&page->missed, 1);
  if (!runs(page)) return true;
  atomic_store(&page->missed, 0);
  return false;
}

/* Interrupted, and it runs yet. */
static void judge_rung(rs_probes *probes, const rs_probe *probe) {
  rs_time lost = rs_rung_lost(probes->rung, probes->runner);
  if (lost > RS_RUNG_MORE) lost = RS_RUNG_MORE;
  rs_time left = probes->rung->at + RS_RUNG + lost - rs_base_now();
  if (left > 0) {
    watch(probes, left < RS_RUNG_STEP ? RS_RUNG_STEP : left);
    return;
  }
  rs_entry_log(probes->engine, probe->unit, probe->inc, 3,
               "a probe held up the others and could not be interrupted");
  rs_runner_kill(probes->runner, RS_NONE, 0);
}

static void interrupt(rs_probes *probes, const rs_probe *probe) {
  rs_ctl ctl = {.kind = RS_CTL_INTERRUPT, .a = probe->slot, .b = probe->inc};
  ctl.y = RS_RUNG + RS_RUNG_MORE;
  if (!probes->rung) probes->rung = rs_base_new(sizeof *probes->rung);
  rs_rung_begin(probes->rung, probes->runner, probe->slot);
  rs_runner_tell(probes->runner, &ctl, NULL, NULL, 0);
  watch(probes, RS_RUNG);
}

/* When the first of its probes is to look; RS_NEVER. */
static rs_time next_look(const rs_probes *probes) {
  rs_time first = RS_NEVER;
  for (uint32_t i = 0; i < probes->count; i++) {
    const rs_probe *probe = &probes->at[i];
    if (probe->unit == RS_NONE || probe->slot == RS_NONE) continue;
    rs_time next = atomic_load(&rs_part_memory(probes->runner, probe->slot)->next);
    if (next > 0 && next < first) first = next;
  }
  return first;
}

/* It says so when it runs again, and that moves this timer. Where it ought to have run
** and did not: one that is stopped by a signal, and stays so, looks at nothing. */
static void rest(rs_probes *probes) {
  rs_time first = next_look(probes), now = rs_base_now();
  rs_runner *runner = probes->runner;
  if (first == RS_NEVER) return;
  bool halted = first + STALL <= now && rs_family_kin(runner->child.pid).state == 'T';
  if (!halted) runner->halted = 0;
  else if (runner->halted == 0) runner->halted = now;
  if (halted && now - runner->halted >= STALL) {
    rs_entry_log(probes->engine, RS_NONE, RS_NONE, 3,
                 "the probes' runner has been stopped by a signal: it is killed");
    rs_runner_kill(runner, RS_NONE, 0);
    return;
  }
  watch(probes, first > now ? first - now + STALL : STALL);
}

/* The VM has run for a while: has one look held up the others for too long? */
static void on_stall(uv_timer_t *timer) {
  rs_probes *probes = timer->data;
  rs_runner *runner = probes->runner;
  if (!runner || runner->dead || runner->child.pid == 0) return;
  rs_vm *page = rs_part_page(runner, probes->vm);
  if (found_idle(page)) {
    rest(probes);
    return;
  }
  uint64_t turn = atomic_load(&page->resume);
  rs_time span = rs_base_now() - atomic_load(&page->since);
  rs_time lost = waited(probes, page) - probes->waited;
  const rs_probe *probe = running(probes, page);
  if (probe && probes->resume == turn && turn != 0) {
    judge_rung(probes, probe);
    return;
  }
  probes->waited += lost;
  if (!probe || span - lost < STALL) {
    watch(probes, STALL - (span > lost && span - lost < STALL ? span - lost : 0));
    return;
  }
  probes->resume = turn;
  interrupt(probes, probe);
}

void rs_probes_put(rs_probes *probes, const rs_probe *probe, rs_record record,
                   const void *text) {
  if (!probes->runner || probes->runner->dead || probe->slot == RS_NONE) return;
  record.slot = probe->slot;
  record.inc = probe->inc;
  record.at = rs_base_now();
  rs_part_put(probes->runner, probes->vm, &record, text);
}

static uint32_t deaths_of(const rs_probes *probes, const rs_probe *probe) {
  for (uint32_t i = 0; i < probes->blame_count; i++)
    if (probes->blames[i].unit == probe->unit && probes->blames[i].hash == probe->hash)
      return probes->blames[i].deaths;
  return 0;
}

void rs_probes_place(rs_probes *probes, rs_probe *probe) {
  rs_runner *runner = probes->runner;
  if (!runner || runner->dead || probe->slot != RS_NONE || probe->disabled) return;
  probe->disabled = deaths_of(probes, probe) >= DEATHS_MAX;
  if (probe->disabled) return;
  uint32_t id =
    rs_part_slot(runner, RS_NONE, (uint32_t)(probe - probes->at), probes->vm);
  if (id == RS_NONE) return;
  rs_slot *slot = rs_part_memory(runner, id);
  rs_time now = rs_base_now();
  atomic_store(&slot->beat, now);
  atomic_store(&slot->stalled_from, now);
  atomic_store(&slot->next, 0);
  atomic_store(&slot->bad, probe->bad);
  atomic_store(&slot->unit, RS_NONE);
  atomic_store(&slot->inc, probe->inc);
  atomic_store(&slot->stopping, 0);
  atomic_store(&slot->vm, probes->vm);
  probe->slot = id;
  rs_runner_plan(runner, probe->plan);
  char bad[16];
  int size = snprintf(bad, sizeof bad, "%u", probe->bad);
  rs_record record = {.kind = RS_DOWN_START, .a = probe->plan, .b = probe->row};
  if (probe->kind == RS_P_PROBE) record.size = (uint32_t)size;
  rs_probes_put(probes, probe, record, bad);
  rs_probes_tell_state(probes, probe);
  if (probe->backlog) rs_probes_feed(probes, probe);
}

static uint32_t root_of(const rs_engine *engine, uint32_t unit, rs_view *view) {
  while (rs_core_view(engine->core, unit, view) && view->parent != RS_NONE)
    unit = view->parent;
  return unit;
}

static uint32_t any_unit(const rs_probes *probes) {
  for (uint32_t i = 0; i < probes->count; i++)
    if (probes->at[i].unit != RS_NONE) return probes->at[i].unit;
  return RS_NONE;
}

static void run_later(rs_probes *probes, const char *why);

void rs_probes_run(rs_probes *probes) {
  rs_engine *engine = probes->engine;
  rs_view root;
  if (probes->runner || engine->ended || uv_is_active((uv_handle_t *)&probes->retry))
    return;
  uint32_t owner = root_of(engine, any_unit(probes), &root);
  if (!rs_core_view(engine->core, owner, &root)) return;
  rs_action as = {.unit = owner, .inc = root.inc, .plan = root.plan, .row = root.row};
  rs_runner *runner = rs_runner_take(engine, RS_PLACE_PROBES, &as);
  if (!runner) {
    char why[256];
    snprintf(why, sizeof why, "cannot be made: %s", strerror(errno));
    probes->delay *= 2;
    run_later(probes, why);
    return;
  }
  rs_part_domain(runner, 1, 1, probes->living + probes->living / 8);
  probes->runner = runner;
  probes->vm = rs_part_shared(runner, 0);
  if (probes->vm == RS_NONE) rs_base_fatal("no VM for the probes");
  probes->begun = rs_base_now();
  probes->resume = 0;
  atomic_store(&rs_part_page(runner, probes->vm)->missed, 1);
  watch(probes, STALL);
  for (uint32_t i = 0; i < probes->count; i++)
    if (probes->at[i].unit != RS_NONE) rs_probes_place(probes, &probes->at[i]);
}

static void retry(uv_timer_t *timer) { rs_probes_run(timer->data); }

static void run_later(rs_probes *probes, const char *why) {
  rs_engine *engine = probes->engine;
  if (probes->delay < DELAY_FIRST) probes->delay = DELAY_FIRST;
  if (probes->delay > DELAY_MOST) probes->delay = DELAY_MOST;
  rs_entry_log(engine, RS_NONE, RS_NONE, 2,
               "the probes' runner %s; another follows in %.1f s", why,
               (double)probes->delay / 1000);
  uv_update_time(&engine->loop);
  uv_timer_start(&probes->retry, retry, probes->delay, 0);
}

/* It ran while its runner died. */
static void accuse(rs_probes *probes, rs_probe *probe) {
  rs_blame *blame = probes->blames;
  uint32_t i = 0;
  while (i < probes->blame_count &&
         (blame[i].unit != probe->unit || blame[i].hash != probe->hash))
    i++;
  if (i == probes->blame_count) {
    blame = rs_base_grow(blame, (i + 1) * sizeof *blame);
    blame[i] = (rs_blame){.unit = probe->unit, .hash = probe->hash};
    probes->blames = blame;
    probes->blame_count++;
  }
  blame[i].deaths++;
  if (blame[i].deaths < DEATHS_MAX) return;
  probe->disabled = true;
  rs_entry_log(probes->engine, probe->unit, probe->inc, 3,
               "a probe (%s) is disabled: it was running when the probes' runner died, "
               "%d times",
               probe->name, DEATHS_MAX);
}

/* What it knew is not known any more, but for how often it was bad in a row. */
static void forget(rs_probes *probes, rs_runner *runner, rs_probe *probe) {
  static const char why[] = "the probes' runner died";
  if (probe->slot != RS_NONE)
    probe->bad = atomic_load(&rs_part_memory(runner, probe->slot)->bad);
  probe->slot = RS_NONE;
  probe->ahead = 0;
  if (probe->ending) {
    rs_probes_free(probes, probe);
    return;
  }
  bool told = probe->kind == RS_P_PROBE && probe->verdict != 0 &&
              probe->verdict != RS_VERDICT_UNKNOWN;
  if (!told) return;
  rs_bytes text = {0};
  rs_event note = {.kind = RS_NOTE_PROBE, .unit = probe->unit, .inc = probe->inc};
  note.other = probe->plan;
  note.other_inc = probe->row;
  rs_probes_said(probe, RS_VERDICT_UNKNOWN, why, sizeof why - 1);
  rs_bytes_add(&text, probe->name, strlen(probe->name) + 1);
  rs_bytes_add(&text, "", 1);
  rs_bytes_add(&text, why, sizeof why - 1);
  note.a = RS_VERDICT_UNKNOWN;
  note.text = rs_texts_put(&probes->engine->texts, text.at, text.size);
  rs_engine_put(probes->engine, note);
  rs_bytes_free(&text);
}

void rs_probes_lost(rs_runner *runner) {
  rs_probes *probes = runner->engine->probes;
  if (probes->runner != runner) return;
  const rs_vm *page = rs_part_page(runner, probes->vm);
  rs_probe *culprit = runs(page) ? running(probes, page) : NULL;
  if (culprit) accuse(probes, culprit);
  probes->runner = NULL;
  uv_timer_stop(&probes->stall);
  for (uint32_t i = 0; i < probes->count; i++)
    if (probes->at[i].unit != RS_NONE) forget(probes, runner, &probes->at[i]);
  bool young = rs_base_now() - probes->begun < (rs_time)YOUNG * RS_SECOND;
  probes->delay = young ? probes->delay * 2 : 0;
  if (probes->living > 0) run_later(probes, "died");
}
