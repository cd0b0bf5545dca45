#define _GNU_SOURCE
#include "handover.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../journal/entry.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

struct rs_kept {
  int fd;
  uint32_t size;
  uint32_t from;     /* the incarnation whose data is wanted */
  uint32_t of;       /* the one whose data `fd` is */
  uint32_t to;       /* the one that was started after `from` */
  bool wanted;       /* it was asked, and the next is not started yet */
  bool has;          /* `fd` is one */
  bool asked, given; /* for the entry of `to` */
};

static struct rs_kept *kept_of(rs_engine *engine, uint32_t unit) {
  return unit < engine->kept_room ? &engine->kept[unit] : NULL;
}

static struct rs_kept *make(rs_engine *engine, uint32_t unit) {
  if (unit >= engine->kept_room) {
    uint32_t room = engine->kept_room ? engine->kept_room : 64;
    while (room <= unit) room *= 2;
    engine->kept = rs_base_grow(engine->kept, room * sizeof *engine->kept);
    for (uint32_t i = engine->kept_room; i < room; i++)
      engine->kept[i] = (struct rs_kept){.fd = -1};
    engine->kept_room = room;
  }
  return &engine->kept[unit];
}

static void drop(struct rs_kept *kept) {
  if (kept->has) close(kept->fd);
  kept->has = false;
}

void rs_handover_forget(rs_engine *engine, uint32_t unit) {
  struct rs_kept *kept = kept_of(engine, unit);
  if (!kept) return;
  drop(kept);
  kept->wanted = false;
}

void rs_handover_served(rs_engine *engine, const rs_action *action) {
  struct rs_kept *kept = kept_of(engine, action->unit);
  if (kept && kept->of != action->inc) drop(kept);
}

void rs_handover_ask(rs_engine *engine, const rs_action *action) {
  struct rs_kept *kept = make(engine, action->unit);
  kept->wanted = true;
  kept->from = action->inc;
}

/* Why it is not what was asked for; NULL: it is. */
static const char *fault(const rs_ctl_got *got) {
  struct stat st;
  if (got->fd_count != 1) return "data without a descriptor";
  int seals = fcntl(got->fds[0], F_GET_SEALS);
  if (seals < 0 || (seals & SEALS) != SEALS) return "data that is not sealed";
  if (fstat(got->fds[0], &st) != 0 || st.st_size <= 0 ||
      (uint64_t)st.st_size != got->ctl.x)
    return "data of another size than it said";
  return got->ctl.x > RS_HANDOVER_MAX ? "more data than a worker may leave" : NULL;
}

void rs_handover_take(rs_runner *runner, rs_ctl_got *got) {
  rs_engine *engine = runner->engine;
  const rs_slot_book *book = rs_part_book(runner, got->ctl.a);
  if (!book) {
    rs_entry_log(engine, runner->owner, RS_NONE, 3, "its runner sent data of nobody's");
    rs_runner_kill(runner, RS_NONE, 0);
    return;
  }
  if (book->unit == RS_NONE || book->inc != got->ctl.b) return; /* it is over */
  struct rs_kept *kept = kept_of(engine, book->unit);
  const char *why = fault(got);
  if (!kept || !kept->wanted || kept->from != book->inc)
    why = "data that nobody asked for";
  if (why) {
    rs_event event = {.kind = RS_EV_PROTOCOL, .unit = book->unit, .inc = book->inc};
    event.text = rs_texts_print(&engine->texts, "its runner sent %s", why);
    rs_engine_put(engine, event);
    return;
  }
  drop(kept);
  kept->fd = got->fds[0];
  kept->size = (uint32_t)got->ctl.x;
  kept->of = book->inc;
  kept->has = true;
  got->fds[0] = -1;
}

void rs_handover_give(rs_runner *runner, uint32_t vm, uint32_t slot,
                      const rs_action *action) {
  struct rs_kept *kept = kept_of(runner->engine, action->unit);
  if (!kept) return;
  if (action->b != 1) drop(kept);
  kept->to = action->inc;
  kept->asked = kept->wanted || kept->has;
  kept->given = kept->has;
  kept->wanted = false;
  if (!kept->has) return;
  rs_ctl ctl = {.kind = RS_CTL_DATA, .a = slot, .b = action->inc, .x = kept->size};
  rs_record record = {.kind = RS_DOWN_DATA, .slot = slot, .inc = action->inc};
  rs_runner_tell(runner, &ctl, NULL, &kept->fd, 1);
  rs_part_put(runner, vm, &record, NULL);
}

int rs_handover_told(rs_engine *engine, uint32_t unit, uint32_t inc) {
  const struct rs_kept *kept = kept_of(engine, unit);
  if (!kept || !kept->asked || kept->to != inc) return -1;
  return kept->given;
}
