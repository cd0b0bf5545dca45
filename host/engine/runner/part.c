#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
  RING_SMALL = 64 << 10,
  RING_LARGE = 256 << 10, /* what no record has reached takes no memory */
  LARGE_FROM = 256,       /* units for which a domain's rings are large */
  FIRST_SLOTS = 8,
  MORE_VMS = 16,
  MORE_SLOTS = 1024,
  INDEX_MASK = (1 << RS_SEGMENT_SHIFT) - 1
};

static uint32_t id_of(uint32_t part, uint32_t index) {
  return part << RS_SEGMENT_SHIFT | index;
}

rs_part *rs_part_of(const rs_runner *runner, uint32_t id) {
  uint32_t part = id >> RS_SEGMENT_SHIFT;
  return part < runner->part_count ? runner->part[part] : NULL;
}

rs_vm_book *rs_part_vm(const rs_runner *runner, uint32_t vm) {
  rs_part *part = rs_part_of(runner, vm);
  uint32_t index = vm & INDEX_MASK;
  return part && index < part->seg.vms && part->vm[index].made ? &part->vm[index]
                                                               : NULL;
}

rs_slot_book *rs_part_book(const rs_runner *runner, uint32_t slot) {
  rs_part *part = rs_part_of(runner, slot);
  uint32_t index = slot & INDEX_MASK;
  return part && index < part->fresh ? &part->slot[index] : NULL;
}

rs_vm *rs_part_page(const rs_runner *runner, uint32_t vm) {
  return &rs_part_of(runner, vm)->seg.vm[vm & INDEX_MASK];
}

rs_slot *rs_part_memory(const rs_runner *runner, uint32_t slot) {
  return &rs_part_of(runner, slot)->seg.slot[slot & INDEX_MASK];
}

static bool add_part(rs_runner *runner, uint32_t vms, uint32_t slots, uint32_t ring) {
  if (runner->part_count == RS_SEGMENTS_MAX) return false;
  rs_part *part = rs_base_new(sizeof *part);
  int fd = rs_segment_make(&part->seg, vms, slots, ring, ring);
  if (fd < 0) {
    free(part);
    errno = -fd;
    return false;
  }
  part->slot = rs_base_grow(NULL, slots * sizeof *part->slot);
  part->vm = rs_base_new(vms * sizeof *part->vm);
  part->free = RS_NONE;
  rs_ctl ctl = {.kind = RS_CTL_SEGMENT, .a = runner->part_count, .b = vms, .c = slots};
  ctl.x = ctl.y = ring;
  int fds[2] = {fd, runner->bell->fd};
  rs_runner_tell(runner, &ctl, NULL, fds, runner->part_count == 0 ? 2 : 1);
  close(fd);
  runner->part[runner->part_count++] = part;
  return true;
}

/* The VM that used it before is gone; the next one begins at the beginning. */
static void clear_ring(rs_ring_head *head) {
  atomic_store(&head->tail, 0);
  atomic_store(&head->head, 0);
  atomic_store(&head->wanted, 0);
}

static bool make_vm(rs_runner *runner, uint32_t vm) {
  rs_part *part = rs_part_of(runner, vm);
  uint32_t index = vm & INDEX_MASK;
  rs_vm_book *book = &part->vm[index];
  int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (bell < 0) return false;
  *book = (rs_vm_book){.made = true, .bell = bell, .unit = RS_NONE};
  book->up = rs_segment_up(&part->seg, index);
  book->down = rs_segment_down(&part->seg, index);
  clear_ring(book->up.head);
  clear_ring(book->down.head);
  book->delays = rs_base_new(sizeof *book->delays);
  book->fulls = rs_base_new(sizeof *book->fulls);
  rs_delays_begin(book->delays, rs_base_now());
  rs_delays_begin(book->fulls, rs_base_now());
  rs_ctl ctl = {.kind = RS_CTL_VM, .a = vm};
  rs_runner_tell(runner, &ctl, NULL, &bell, 1);
  return true;
}

bool rs_part_first(rs_runner *runner) {
  return add_part(runner, 1, FIRST_SLOTS, RING_LARGE) && make_vm(runner, 0);
}

void rs_part_domain(rs_runner *runner, uint32_t vms, uint32_t shared, uint32_t slots) {
  runner->shared_vms = shared;
  if (vms <= 1 && slots <= FIRST_SLOTS) return;
  vms = vms <= 1 ? 1 : vms - 1;
  if (vms > RS_VMS_MAX) vms = RS_VMS_MAX;
  if (slots > RS_SLOTS_MAX - 1) slots = RS_SLOTS_MAX - 1;
  uint32_t ring = slots >= LARGE_FROM ? RING_LARGE : RING_SMALL;
  /* Without it they get numbers where there is room, as a reload's do. */
  if (!add_part(runner, vms, slots, ring)) runner->shared_vms = 1;
}

/* In `part`, or RS_NONE. */
static uint32_t slot_in(rs_part *part) {
  uint32_t index = part->free;
  if (index != RS_NONE) part->free = part->slot[index].vm;
  else if (part->fresh < part->seg.slots) index = part->fresh++;
  return index;
}

uint32_t rs_part_slot(rs_runner *runner, uint32_t unit, uint32_t inc, uint32_t vm) {
  uint32_t index = RS_NONE, number = runner->part_count;
  while (index == RS_NONE && number-- > 0) index = slot_in(runner->part[number]);
  if (index == RS_NONE) {
    if (!add_part(runner, MORE_VMS, MORE_SLOTS, RING_SMALL)) return RS_NONE;
    number = runner->part_count - 1;
    index = slot_in(runner->part[number]);
  }
  runner->part[number]->slot[index] = (rs_slot_book){unit, inc, vm};
  rs_vm_book *home = rs_part_vm(runner, vm);
  if (home) home->units++;
  return id_of(number, index);
}

void rs_part_free(rs_runner *runner, uint32_t slot) {
  rs_part *part = rs_part_of(runner, slot);
  uint32_t index = slot & INDEX_MASK;
  rs_vm_book *home = rs_part_vm(runner, part->slot[index].vm);
  if (home && home->units > 0) home->units--;
  part->slot[index] = (rs_slot_book){RS_NONE, 0, part->free};
  part->free = index;
}

static void end_vm(rs_vm_book *book) {
  if (!book->made) return;
  close(book->bell);
  rs_bytes_free(&book->waiting);
  free(book->delays);
  free(book->fulls);
  *book = (rs_vm_book){0};
}

/* The shared VMs that the second segment begins with. */
static uint32_t shared_in(const rs_runner *runner, uint32_t part) {
  return part == 1 && runner->shared_vms > 1 ? runner->shared_vms - 1 : 0;
}

/* A number whose VM is gone for good, or that none had yet. */
static uint32_t free_vm(rs_runner *runner) {
  for (uint32_t p = 0; p < runner->part_count; p++) {
    rs_part *part = runner->part[p];
    uint32_t shared = shared_in(runner, p);
    for (uint32_t i = shared; i < part->seg.vms; i++) {
      if (part->vm[i].made && !part->vm[i].ended) continue;
      end_vm(&part->vm[i]);
      return id_of(p, i);
    }
  }
  uint32_t number = runner->part_count;
  return add_part(runner, MORE_VMS, MORE_SLOTS, RING_SMALL) ? id_of(number, 0)
                                                            : RS_NONE;
}

/* A reload may ask for more shared VMs than were foreseen: they get numbers where there
** is room. */
static uint32_t find_shared(const rs_runner *runner, uint32_t number) {
  if (number == 0) return 0;
  if (number < runner->shared_vms) return id_of(1, number - 1);
  for (uint32_t p = 0; p < runner->part_count; p++)
    for (uint32_t i = 0; i < runner->part[p]->seg.vms; i++) {
      const rs_vm_book *book = &runner->part[p]->vm[i];
      if (book->made && !book->own && book->number == number) return id_of(p, i);
    }
  return RS_NONE;
}

uint32_t rs_part_shared(rs_runner *runner, uint32_t number) {
  uint32_t vm = find_shared(runner, number);
  if (vm == RS_NONE) vm = free_vm(runner);
  if (vm == RS_NONE) return RS_NONE;
  if (!rs_part_vm(runner, vm) && !make_vm(runner, vm)) return RS_NONE;
  rs_part_vm(runner, vm)->number = number;
  return vm;
}

uint32_t rs_part_own(rs_runner *runner, uint32_t unit) {
  uint32_t vm = runner->place == RS_PLACE_PROCESS ? 0 : free_vm(runner);
  if (vm == RS_NONE || (vm != 0 && !make_vm(runner, vm))) return RS_NONE;
  rs_vm_book *book = rs_part_vm(runner, vm);
  book->own = true;
  book->unit = unit;
  return vm;
}

void rs_part_ring(rs_runner *runner, rs_vm_book *book) {
  rs_engine *engine = runner->engine;
  book->ring_it = true;
  if (runner->bells_due) return;
  runner->bells_due = true;
  runner->bells_next = engine->bells;
  engine->bells = runner;
}

void rs_part_put(rs_runner *runner, uint32_t vm, const rs_record *record,
                 const void *text) {
  rs_vm_book *book = rs_part_vm(runner, vm);
  if (!book) return;
  rs_part_ring(runner, book);
  if (book->waiting.size == 0 && rs_ring_put(&book->down, record, text) == 0) return;
  rs_bytes_add(&book->waiting, record, sizeof *record);
  rs_bytes_add(&book->waiting, text, record->size);
}

void rs_part_flush(rs_runner *runner, uint32_t vm) {
  rs_vm_book *book = rs_part_vm(runner, vm);
  size_t done = 0;
  if (!book || book->waiting.size == 0) return;
  while (done < book->waiting.size) {
    rs_record record;
    memcpy(&record, book->waiting.at + done, sizeof record);
    const char *text = book->waiting.at + done + sizeof record;
    /* What no ring can take is nobody's: it is dropped, not waited for. */
    if (rs_ring_put(&book->down, &record, text) == -1) break;
    done += sizeof record + record.size;
  }
  if (done > 0) rs_part_ring(runner, book);
  rs_bytes_drop(&book->waiting, done);
  if (book->waiting.size == 0) rs_bytes_free(&book->waiting);
}

static void ring_bell(rs_vm_book *book) {
  const uint64_t one = 1;
  book->ring_it = false;
  /* A bell that is full is rung already. */
  if (write(book->bell, &one, sizeof one) < 0) return;
}

void rs_part_ring_now(rs_runner *runner, uint32_t vm) {
  rs_vm_book *book = rs_part_vm(runner, vm);
  if (!book) return;
  ring_bell(book);
  sched_yield(); /* it may have been put on this processor */
}

static void ring_all(rs_part *part) {
  for (uint32_t i = 0; i < part->seg.vms; i++)
    if (part->vm[i].made && part->vm[i].ring_it) ring_bell(&part->vm[i]);
}

void rs_part_bells(rs_engine *engine) {
  while (engine->bells) {
    rs_runner *runner = engine->bells;
    engine->bells = runner->bells_next;
    runner->bells_due = false;
    for (uint32_t p = 0; p < runner->part_count; p++) ring_all(runner->part[p]);
  }
}

void rs_part_end(rs_runner *runner) {
  while (runner->part_count > 0) {
    rs_part *part = runner->part[--runner->part_count];
    for (uint32_t i = 0; i < part->seg.vms; i++) end_vm(&part->vm[i]);
    rs_segment_unmap(&part->seg);
    free(part->vm);
    free(part->slot);
    free(part);
  }
}
