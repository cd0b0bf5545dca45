/* The kernel counts a wait for a processor once it is over. Of a thread that is ready
** to run at this moment, all that it did not run is taken for such a wait, so that the
** one in progress counts too. */
#include "rung.h"

static rs_time between(rs_time least, rs_time value, rs_time most) {
  return value < least ? least : value > most ? most : value;
}

static rs_time others_of(const rs_runner *runner, const rs_vm *page, uint32_t slot) {
  const rs_slot *memory = rs_part_memory(runner, slot);
  return atomic_load(&page->busy) - atomic_load(&memory->own);
}

/* The turn of another that is in progress. */
static rs_time turn_of(const rs_rung *rung, const rs_vm *page, rs_time now) {
  uint32_t state = atomic_load(&page->state);
  if (state != RS_VM_RUNNING && state != RS_VM_FULL) return 0;
  if (atomic_load(&page->slot) == rung->slot) return 0;
  return now - between(rung->at, atomic_load(&page->since), now);
}

void rs_rung_begin(rs_rung *rung, const rs_runner *runner, uint32_t slot) {
  const rs_vm *page = rs_part_page(runner, rs_part_book(runner, slot)->vm);
  rung->at = rs_base_now();
  rung->slot = slot;
  rung->inc = rs_part_book(runner, slot)->inc;
  rung->others = others_of(runner, page, slot);
  rung->cpu = rs_delay_cpu(runner->child.pid, atomic_load(&page->tid));
}

rs_time rs_rung_lost(const rs_rung *rung, const rs_runner *runner) {
  if (runner->child.pid == 0) return 0; /* nobody is there to be interrupted */
  const rs_vm *page = rs_part_page(runner, rs_part_book(runner, rung->slot)->vm);
  rs_time now = rs_base_now(), all = now - rung->at;
  rs_cpu cpu = rs_delay_cpu(runner->child.pid, atomic_load(&page->tid));
  rs_time struck = atomic_load(&page->struck);
  rs_time keeper = struck < rung->at ? all : between(0, struck - rung->at, all);
  rs_time wait = cpu.waited - rung->cpu.waited;
  rs_time unused = all - (cpu.ran - rung->cpu.ran);
  if (cpu.ready && unused > wait) wait = unused;
  rs_time others = others_of(runner, page, rung->slot) - rung->others;
  rs_time lost = keeper + between(0, wait, all) + between(0, others, all);
  return between(0, lost + turn_of(rung, page, now), all);
}
