/* oracle_charge.c -- who pays for an end: the restart limits, `restart`, strategies. */
#include <string.h>

#include "oracle.h"
#include "sim.h"

static rs_seen *at(rs_sim *sim, uint32_t unit) { return &sim->oracle->unit[unit]; }

static const char *path(rs_sim *sim, uint32_t unit) { return rs_story_path(sim, unit); }

/* --- limits --------------------------------------------------------------------- */

static uint32_t counted(const rs_charges *charges, rs_time now, rs_time within) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < charges->count; i++) {
    if (within == RS_NEVER || now - charges->at[i] <= within) n++;
  }
  return n;
}

static void charge(rs_charges *charges, rs_time now) {
  if (charges->count == RS_CHARGES_MAX) {
    memmove(charges->at, charges->at + 1, (RS_CHARGES_MAX - 1) * sizeof(rs_time));
    charges->count--;
  }
  charges->at[charges->count++] = now;
}

/* Would one more restart of `unit` exceed its supervisor's limit or its own? */
static bool exceeds(rs_sim *sim, uint32_t unit, bool *loose) {
  rs_seen *seen = at(sim, unit), *parent = at(sim, seen->parent);
  const rs_plan_spec *spec = rs_oracle_spec(sim, seen);
  const rs_plan_spec *above = rs_oracle_spec(sim, parent);
  *loose = parent->charges.loose || seen->own.loose;
  if (counted(&parent->charges, sim->now, above->within) >= above->max) return true;
  if (spec->own_max == RS_NONE) return false;
  return counted(&seen->own, sim->now, spec->own_within) >= spec->own_max;
}

/* --- strategies ----------------------------------------------------------------- */

/* The siblings that go with it: stopped first, then started unless temporary, held. */
static void strategy(rs_sim *sim, uint32_t unit, uint32_t reason) {
  /* Other orders may have come since. */
  bool surely = !at(sim, unit)->felled && !at(sim, unit)->maybe;
  rs_seen *seen = at(sim, unit);
  if (seen->parent == RS_NONE) return;
  const rs_plan_spec *above = rs_oracle_spec(sim, at(sim, seen->parent));
  if (above->strategy == RS_ONE_FOR_ONE) return;
  bool behind = above->strategy == RS_ONE_FOR_ALL;
  for (uint32_t i = rs_core_child(sim->core, seen->parent); i != RS_NONE;
       i = rs_core_next(sim->core, i)) {
    rs_seen *other = at(sim, i);
    if (i == unit) behind = true;
    if (i == unit || !behind || !other->exists) continue;
    if (!(other->may_stop & RS_BY_STRATEGY)) {
      other->strategy_at = sim->now;
      other->maybe = !surely;
    }
    if (surely) other->maybe = false;
    other->may_stop |= RS_BY_STRATEGY;
    other->in_pass = other->live && surely;
    if (rs_oracle_spec(sim, other)->restart == RS_TEMPORARY) {
      if (!other->ever || !other->live) continue;
    } else if (!other->held && !other->failed) {
      other->may_start |= reason;
      if (!surely) other->unsure = true;
      else if (!other->unsure) other->completed = false; /* else it may have failed */
    }
  }
}

/* --- ends ----------------------------------------------------------------------- */

static void auto_shutdown(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  if (!(rs_oracle_spec(sim, seen)->flags & RS_SIGNIFICANT)) return;
  rs_seen *parent = at(sim, seen->parent);
  uint8_t mode = rs_oracle_spec(sim, parent)->auto_shutdown;
  bool all = mode == RS_AUTO_ALL;
  for (uint32_t i = 0; all && i < sim->oracle->ids; i++) {
    rs_seen *other = at(sim, i);
    if (!other->exists || other->parent != seen->parent || i == unit) continue;
    if (!(rs_oracle_spec(sim, other)->flags & RS_SIGNIFICANT)) continue;
    if (other->removed) continue;
    if (!other->completed && !other->failed) all = false;
  }
  if (mode == RS_AUTO_ANY || all) parent->may_stop |= RS_BY_GIVING_UP;
}

static void for_good(rs_sim *sim, uint32_t unit, bool ok) {
  rs_seen *seen = at(sim, unit);
  seen->completed = ok;
  seen->failed = !ok;
  if (unit == sim->oracle->root) {
    sim->oracle->root_failed = !ok;
    return;
  }
  auto_shutdown(sim, unit);
}

static const uint32_t OWN_FAULT = RS_BY_VIOLATION | RS_BY_GIVING_UP;

/* True if it stops for nothing but a strategy's pass of this very moment: whether its
** end was still its own is the core's to say. */
static bool just_now(rs_sim *sim, uint32_t unit) {
  if (sim->oracle->shutdown) return false;
  for (; unit != RS_NONE; unit = at(sim, unit)->parent) {
    uint32_t why = at(sim, unit)->may_stop & ~OWN_FAULT;
    bool open = at(sim, unit)->strategy_at == sim->now ||
                (at(sim, unit)->maybe && !at(sim, unit)->asked);
    if (why != 0 && (why != RS_BY_STRATEGY || !open)) return false;
  }
  return true;
}

enum { STOPPED_OTHERWISE = RS_BY_OPERATOR | RS_BY_RELOAD | RS_BY_SHUTDOWN };

/* Late or not, it went in a stop, or by what that sends. */
static bool is_forced(rs_sim *sim, uint32_t unit, uint32_t why, int32_t number) {
  const rs_seen *seen = at(sim, unit);
  bool command = rs_oracle_spec(sim, seen)->kind == RS_COMMAND;
  return why == RS_WHY_OK || seen->interrupted || seen->killed ||
         (command && why == RS_WHY_SIGNAL && number == RS_SIM_STOP);
}

/* It ended while it was to stop; `forced`: by what it was sent. */
static void stopped(rs_sim *sim, uint32_t unit, bool ok, bool forced, bool above) {
  rs_seen *seen = at(sim, unit);
  bool temporary = rs_oracle_spec(sim, seen)->restart == RS_TEMPORARY;
  if (just_now(sim, unit) && !temporary && unit != sim->oracle->root)
    seen->owes = seen->owes_loose = true;
  if (above) return;
  bool maybe = seen->maybe && seen->owes_loose;
  if ((seen->felled || maybe) && !temporary && !seen->held && !seen->removed)
    strategy(sim, unit, RS_BY_STRATEGY);
  bool by_strategy = !(seen->may_stop & STOPPED_OTHERWISE);
  bool done = seen->felled && ok && !seen->held &&
              rs_oracle_spec(sim, seen)->restart == RS_TRANSIENT;
  if (done) seen->completed = seen->unsure = true; /* or it comes back */
  if (temporary && (by_strategy || seen->felled) && !seen->held) {
    /* It does not come back, so this is its end; of force in a stop, no failure. */
    seen->completed = ok || forced;
    seen->failed = !seen->completed;
    seen->unsure = (forced && !ok) || seen->interrupted;
    seen->may_start &= RS_BY_OPERATOR | RS_BY_RELOAD;
  }
}

void rs_charge_ended(rs_sim *sim, uint32_t unit, uint32_t why, int32_t number) {
  rs_seen *seen = at(sim, unit);
  const rs_plan_spec *spec = rs_oracle_spec(sim, seen);
  bool ok = why == RS_WHY_OK && !seen->violated && !seen->verdict;
  bool own_stop = seen->may_stop & ~OWN_FAULT;
  bool leaf = spec->kind != RS_SUPERVISOR;
  bool above = unit != sim->oracle->root && rs_oracle_stopping(sim, seen->parent);
  bool touched = seen->asked || seen->interrupted || seen->killed;
  bool open = leaf && !touched && !rs_oracle_stops(sim, unit);
  bool loose = open && (own_stop || above);
  if (open) own_stop = above = false; /* whatever was to stop it never came */
  seen->in_pass = false;
  seen->ready = false;
  if (own_stop || above || sim->oracle->shutdown) {
    stopped(sim, unit, ok, is_forced(sim, unit, why, number),
            above || sim->oracle->shutdown);
    return;
  }
  if (unit == sim->oracle->root || spec->restart == RS_TEMPORARY ||
      (ok && spec->restart == RS_TRANSIENT)) {
    for_good(sim, unit, ok);
    if (seen->told_wrong) seen->unsure = true; /* its nonsense may have been its end */
    if (!seen->told_wrong || spec->restart == RS_TEMPORARY || !leaf) return;
    seen->may_start |= RS_BY_FAILURE; /* or its nonsense made it a failure */
    seen->owes = seen->owes_loose = sim->oracle->loose = true;
    strategy(sim, unit, RS_BY_STRATEGY);
    return;
  }
  seen->may_start |= RS_BY_FAILURE;
  seen->owes = true;
  seen->owes_loose = (seen->told_wrong && leaf) || loose;
  strategy(sim, unit, RS_BY_STRATEGY);
}

/* True if it lived in that domain's runner. */
static bool lived(rs_sim *sim, uint32_t unit, uint32_t domain) {
  rs_seen *seen = at(sim, unit);
  if (!seen->exists || !seen->live) return false;
  uint8_t backend = rs_oracle_spec(sim, seen)->backend;
  if (backend != RS_COROUTINE && backend != RS_THREAD) return false;
  rs_actor *actor = rs_world_actor(sim, unit, seen->inc);
  if (actor == NULL || actor->domain == RS_NONE) return false;
  return sim->world.domain[actor->domain].unit == domain;
}

static void lose(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  bool forced = seen->interrupted || seen->killed;
  seen->live = seen->ready = seen->in_pass = false;
  seen->told_at = sim->now;
  if (rs_oracle_stopping(sim, unit) && !just_now(sim, unit)) {
    stopped(sim, unit, false, forced, rs_oracle_stopping(sim, seen->parent));
    return;
  }
  if (rs_oracle_spec(sim, seen)->restart == RS_TEMPORARY) {
    seen->completed = seen->unsure = forced;
    seen->failed = !forced; /* not by itself: no auto_shutdown */
    return;
  }
  seen->may_start |= RS_BY_COLLATERAL;
  strategy(sim, unit, RS_BY_COLLATERAL);
}

void rs_charge_collateral(rs_sim *sim, const rs_event *ev) {
  uint32_t domain = ev->unit, culprit = ev->other;
  bool named = culprit != RS_NONE; /* if it ended before, it has paid already */
  if (named && (!rs_oracle_is(sim, culprit) || !at(sim, culprit)->live ||
                at(sim, culprit)->inc != ev->other_inc))
    culprit = RS_NONE;
  bool stops = rs_oracle_stopping(sim, domain) && !just_now(sim, domain), any = false;
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *seen = at(sim, i);
    if (!lived(sim, i, domain)) continue;
    any = true;
    if (i != culprit && !seen->violated && !seen->told_wrong && !seen->verdict)
      continue;
    seen->live = false;
    seen->told_at = sim->now;
    rs_charge_ended(sim, i, RS_WHY_SIGNAL, 0);
    if (i != culprit) seen->owes_loose = true; /* it was to pay, and may have to */
  }
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    if (lived(sim, i, domain)) lose(sim, i);
  }
  if (!named && any && !stops)
    at(sim, domain)->owes = at(sim, domain)->owes_loose = true;
}

/* --- what the core says of it ----------------------------------------------------- */

static void entry_restart(rs_sim *sim, const rs_entry *entry) {
  rs_seen *seen = at(sim, entry->unit);
  bool charged = entry->b == 1;
  if (!charged) return;
  if (!seen->owes) {
    if (!sim->oracle->loose)
      rs_sim_fail(sim, "charged", "%s is charged (why %u) for nothing that it did",
                  path(sim, entry->unit), entry->a);
    return;
  }
  seen->owes = false;
  bool loose;
  if (seen->live) { /* its runner: charged to itself */
    const rs_plan_spec *spec = rs_oracle_spec(sim, seen);
    if (counted(&seen->charges, sim->now, spec->within) >= spec->max &&
        !seen->charges.loose)
      rs_sim_fail(sim, "intensity", "the runner of %s dies once too often",
                  path(sim, entry->unit));
    charge(&seen->charges, sim->now);
    return;
  }
  if (exceeds(sim, entry->unit, &loose) && !loose)
    rs_sim_fail(sim, "intensity", "%s restarts once too often", path(sim, entry->unit));
  charge(&at(sim, seen->parent)->charges, sim->now);
  charge(&seen->own, sim->now);
}

static void entry_escalated(rs_sim *sim, const rs_entry *entry) {
  rs_seen *seen = at(sim, entry->unit);
  bool right = false;
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *child = at(sim, i);
    bool loose = false;
    if (!child->exists || !child->owes) continue;
    if (i == entry->unit) { /* its runner died */
      const rs_plan_spec *spec = rs_oracle_spec(sim, child);
      right = child->charges.loose ||
              counted(&child->charges, sim->now, spec->within) >= spec->max;
    }
    if (child->parent != entry->unit) continue;
    child->owes = false;
    if (exceeds(sim, i, &loose) || loose) right = true;
  }
  seen->may_stop |= RS_BY_GIVING_UP;
  seen->owes = false;
  if (entry->unit == sim->oracle->root) sim->oracle->root_failed = true;
  if (!right && !sim->oracle->loose)
    rs_sim_fail(sim, "gave up", "%s was within its limit", path(sim, entry->unit));
}

void rs_charge_entry(rs_sim *sim, const rs_entry *entry) {
  if (entry->b == 1 || entry->kind == RS_J_ESCALATED) sim->oracle->troubled = true;
  if (entry->kind == RS_J_RESTART) entry_restart(sim, entry);
  else entry_escalated(sim, entry);
}

/* Nothing may be owed once the core is done. */
void rs_charge_turn(rs_sim *sim) {
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *seen = at(sim, i);
    if (!seen->exists || !seen->owes) continue;
    bool excused = seen->owes_loose || rs_oracle_stopping(sim, i);
    seen->owes = false;
    if (!excused)
      rs_sim_fail(sim, "not charged", "%s ended; no restart and no giving up",
                  path(sim, i));
  }
}
