/* Whatever runners write into the memory that they share with the engine, it neither
** crashes nor believes what is wrong. The whole engine is real, its turn too, and
** the plan is compiled from a script; its runners are this file.
**
** Input: steps of a byte that says what is done, and what that takes (enum below). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../host/engine/calm.h"
#include "../../host/engine/journal/entry.h"
#include "../../host/engine/runner/lua.h"
#include "../../host/engine/probe/probes.h"
#include "../../host/engine/runner/runner.h"
#include "../../host/engine/turn.h"

enum { RECORD, VERDICT, GARBAGE, MOVE, SLOT, PAGE, TURN, DIE, STEPS };
enum { PEERS_MAX = 4096, STEPS_MAX = 300, TEXT_MAX = 255 };

static rs_engine engine;
static rs_bytes plan;
static int peer[PEERS_MAX];
static uint32_t peers;

/* What is left of the input; zeros after its end. */
typedef struct rs_left {
  const uint8_t *at;
  size_t size;
} rs_left;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
bool __wrap_rs_server_make(rs_engine *of, int fd);
void __wrap_rs_families_end(rs_families *families, rs_family *family);

/* ---- what is not real: the fork server, and processes that runners left ---- */

bool __wrap_rs_server_make(rs_engine *of, int fd) {
  if (peers == PEERS_MAX) return false;
  peer[peers++] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  of->runners->hello = true; /* it was made just now */
  return true;
}

void __wrap_rs_families_end(rs_families *families, rs_family *family) {
  (void)families;
  family->gone(family);
}

/* ---- input ---- */

static uint32_t take(rs_left *left, uint32_t bytes) {
  uint32_t value = 0;
  for (; bytes > 0; bytes--) {
    value = value << 8 | (left->size > 0 ? *left->at : 0);
    if (left->size > 0) left->at++, left->size--;
  }
  return value;
}

/* A number that is often near one that is right. */
static uint32_t number(rs_left *left, uint32_t right) {
  uint32_t how = take(left, 1);
  if (how < 160) return right;
  if (how < 200) return how - 160;
  if (how < 220) return right + how - 210;
  if (how < 240) return RS_NONE - (how - 220);
  return take(left, 4);
}

/* ---- a runner ---- */

static rs_runner *runner_at(rs_left *left) {
  uint32_t which = take(left, 1) % 8;
  rs_runner *runner = engine.runners;
  while (which-- > 0 && runner && runner->next) runner = runner->next;
  return runner && !runner->dead && runner->part_count > 0 ? runner : NULL;
}

static rs_vm_book *vm_at(rs_runner *runner, rs_left *left, uint32_t *id) {
  rs_part *part = runner->part[take(left, 1) % runner->part_count];
  uint32_t index = take(left, 1) % part->seg.vms;
  *id = 0;
  for (uint32_t i = 0; i < runner->part_count; i++)
    if (runner->part[i] == part) *id = i << RS_SEGMENT_SHIFT | index;
  return rs_part_vm(runner, *id);
}

/* The writer's side of a VM's up ring, as its memory has it. */
static rs_ring writer(const rs_vm_book *vm) {
  rs_ring ring = vm->up;
  ring.mine = atomic_load(&ring.head->tail);
  return ring;
}

static void ring_bell(rs_runner *runner, uint32_t vm) {
  const uint64_t one = 1;
  rs_part *part = rs_part_of(runner, vm);
  uint32_t index = vm & ((1u << RS_SEGMENT_SHIFT) - 1);
  atomic_fetch_or(&part->seg.head->news[index / 64], UINT64_C(1) << index % 64);
  if (runner->bell && write(runner->bell->fd, &one, sizeof one) < 0) abort();
}

static void put(rs_runner *runner, rs_left *left, bool verdict) {
  static char text[TEXT_MAX + 40];
  uint32_t id, size = 0, slot = take(left, 1) % 12;
  rs_vm_book *vm = vm_at(runner, left, &id);
  if (!vm) return;
  const rs_slot_book *book = rs_part_book(runner, slot);
  uint32_t inc = book ? book->inc : 0;
  if (runner->place == RS_PLACE_PROBES && book && engine.probes &&
      inc < engine.probes->count)
    inc = engine.probes->at[inc].inc;
  rs_record record = {.slot = number(left, slot), .inc = number(left, inc)};
  record.kind = verdict ? RS_UP_VERDICT : take(left, 1) % (RS_UP_COUNT + 2);
  record.a = number(left, take(left, 1) % 6);
  record.b = number(left, take(left, 1) % 4);
  record.at = rs_base_now() + (int32_t)take(left, 4);
  if (verdict) size = (uint32_t)sprintf(text, "kind%cgo%c", 0, 0);
  for (uint32_t more = take(left, 1); more > 0; more--)
    text[size++] = (char)take(left, 1);
  record.size = size;
  rs_ring ring = writer(vm);
  if (atomic_load(&ring.head->tail) - atomic_load(&ring.head->head) > ring.size) return;
  rs_ring_put(&ring, &record, text);
  ring_bell(runner, id);
}

static void spoil(rs_runner *runner, rs_left *left, bool move) {
  uint32_t id;
  rs_vm_book *vm = vm_at(runner, left, &id);
  if (!vm) return;
  uint64_t tail = atomic_load(&vm->up.head->tail);
  uint32_t count = take(left, 1);
  for (uint32_t i = 0; !move && i < count; i++)
    vm->up.bytes[(tail + i) % vm->up.size] = (uint8_t)take(left, 1);
  tail = move ? tail + number(left, 8) : tail + (count + 7) / 8 * 8;
  atomic_store(&vm->up.head->tail, tail);
  if (move && take(left, 1) % 2) atomic_store(&vm->up.head->head, take(left, 4));
  ring_bell(runner, id);
}

/* Bytes over memory that the engine reads and does not own. */
static void scribble(rs_left *left, void *memory, size_t size) {
  size_t at = take(left, 1) % size;
  for (uint32_t i = take(left, 1) % 16; i > 0 && at < size; i--)
    ((uint8_t *)memory)[at++] = (uint8_t)take(left, 1);
}

static void step(rs_left *left) {
  uint32_t what = take(left, 1) % STEPS, id;
  rs_runner *runner = runner_at(left);
  if (what == TURN || !runner) uv_run(&engine.loop, UV_RUN_NOWAIT);
  else if (what == RECORD || what == VERDICT) put(runner, left, what == VERDICT);
  else if (what == GARBAGE || what == MOVE) spoil(runner, left, what == MOVE);
  else if (what == SLOT) {
    id = take(left, 1) % 8;
    if (rs_part_book(runner, id))
      scribble(left, rs_part_memory(runner, id), sizeof(rs_slot));
  } else if (what == PAGE) {
    if (vm_at(runner, left, &id))
      scribble(left, rs_part_page(runner, id), sizeof(rs_vm));
  } else rs_runner_kill(runner, RS_NONE, 0);
}

/* ---- one host after another ---- */

static void *resize(void *ctx, void *old, size_t old_size, size_t size) {
  (void)ctx;
  (void)old_size;
  if (size > 0) return rs_base_grow(old, size);
  free(old);
  return NULL;
}

static void begin(void) {
  static const rs_memory memory = {resize, NULL};
  char why[200];
  uint32_t made;
  int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (write(fd, plan.at, plan.size) != (ssize_t)plan.size) abort();
  if (rs_plans_add(&engine.plans, fd, &made, why, sizeof why) != 0) abort();
  engine.core = rs_core_new(&memory, 1, 0);
  engine.ended = false;
  const rs_plan *bytes = rs_plans_get(&engine.plans, made)->plan;
  if (rs_core_apply(engine.core, rs_base_now(), bytes, made, why, sizeof why) != 0)
    abort();
  rs_probes_apply(&engine, made);
  engine.applied = true;
}

static void end_probes(void) {
  rs_probes *probes = engine.probes;
  if (!probes) return;
  for (uint32_t i = 0; i < probes->count; i++)
    if (probes->at[i].unit != RS_NONE) rs_probes_free(probes, &probes->at[i]);
  uv_close((uv_handle_t *)&probes->retry, NULL);
  uv_close((uv_handle_t *)&probes->stall, NULL);
  uv_run(&engine.loop, UV_RUN_NOWAIT);
  free(probes->at);
  free(probes->watched);
  free(probes->dirty);
  free(probes->blames);
  free(probes);
  engine.probes = NULL;
}

static void end(void) {
  engine.ended = true;
  engine.bells = engine.over = NULL;
  for (rs_runner *runner = engine.runners; runner; runner = runner->next) {
    runner->bells_due = false;
    rs_lua_stop_timer(runner);
  }
  while (engine.runners) rs_runner_free(engine.runners);
  end_probes();
  uv_timer_stop(&engine.spare);
  uv_idle_stop(&engine.again);
  while (peers > 0) close(peer[--peers]);
  rs_core_free(engine.core);
  while (engine.plans.count > 0)
    rs_plans_drop(&engine.plans, engine.plans.at[0].number);
  for (uint32_t i = 0; i < engine.unit_room; i++)
    engine.units[i] = (rs_unit){.slot = RS_NONE};
  engine.inbox_at = engine.inbox_count = 0;
  engine.journal.begin = engine.journal.end = 0;
  rs_texts_trim(&engine.texts);
  uv_run(&engine.loop, UV_RUN_NOWAIT);
}

/* What the script beside this file is compiled to. */
static void evaluate(const char *script) {
  const char *program = getenv("RUNSMITH");
  char chunk[4096];
  int pipes[2];
  if (!program || pipe(pipes) != 0) abort();
  pid_t pid = fork();
  if (pid == 0) {
    int all = open("/dev/null", O_WRONLY), out = fcntl(pipes[1], F_DUPFD, 10);
    dup2(out, 3), dup2(all, 4);
    execl(program, program, "__evaluate", script, "--cpu", "10", "--memory", "1e15",
          NULL);
    _exit(127);
  }
  close(pipes[1]);
  for (ssize_t got; (got = read(pipes[0], chunk, sizeof chunk)) > 0;)
    rs_bytes_add(&plan, chunk, (size_t)got);
  close(pipes[0]);
  int status;
  if (waitpid(pid, &status, 0) != pid || status != 0) abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  static rs_engine_options options = {.log_fd = -1, .witness_fd = -1};
  (void)argc;
  (void)argv;
  evaluate(getenv("RS_FUZZ_TREE"));
  engine.options = &options;
  uv_loop_init(&engine.loop);
  engine.children.loop = &engine.loop;
  engine.loop.data = &engine.children;
  engine.families.children = &engine.children;
  engine.server.retry.data = engine.spare.data = &engine;
  uv_timer_init(&engine.loop, &engine.spare);
  uv_timer_init(&engine.loop, &engine.server.retry);
  rs_turn_begin(&engine);
  rs_calm_init(&engine);
  rs_journal_init(&engine.journal);
  engine.journal.disk.fd = -1;
  rs_entry_boot(&engine);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  rs_left left = {bytes, size};
  begin();
  for (int i = 0; i < 4; i++) uv_run(&engine.loop, UV_RUN_NOWAIT);
  for (int steps = 0; left.size > 0 && steps < STEPS_MAX && !engine.ended; steps++)
    step(&left);
  for (int i = 0; i < 4 && !engine.ended; i++) uv_run(&engine.loop, UV_RUN_NOWAIT);
  end();
  return 0;
}
