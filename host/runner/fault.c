/* The handler knows the thread's VM, the VM knows whom it runs: stores, nothing else.
** Then the signal takes its usual way, core dump included. */
#define _GNU_SOURCE
#include "fault.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"

enum { STACK = 64 << 10 };

static rs_fault *record;
static pid_t owner; /* a child that C code forked leaves nothing */
static atomic_flag taken = ATOMIC_FLAG_INIT;

/* A signal that another process sent strikes any thread, and nobody in it did wrong. */
static bool is_our_own(const siginfo_t *info) {
  if (info->si_code > 0) return true;
  return info->si_code == SI_TKILL && info->si_pid == owner;
}

static void write_down(int number, const siginfo_t *info) {
  rs_machine *vm = is_our_own(info) ? rs_machine_self() : NULL;
  if (vm) {
    bool runs = atomic_load(&vm->aim.running) != 0;
    atomic_store(&record->vm, vm->id);
    atomic_store(&record->slot, runs ? atomic_load(&vm->aim.slot) : RS_NONE);
    atomic_store(&record->inc, atomic_load(&vm->aim.inc));
  }
  if (info->si_code > 0)
    atomic_store(&record->address, (uint64_t)(uintptr_t)info->si_addr);
  atomic_store(&record->signal, number);
}

static void on_fault(int number, siginfo_t *info, void *context) {
  (void)context;
  if (record && getpid() == owner && !atomic_flag_test_and_set(&taken))
    write_down(number, info);
  struct sigaction usual = {.sa_handler = SIG_DFL};
  sigaction(number, &usual, NULL);
  /* Blocked while we are in here; comes when we return. */
  raise(number);
}

void rs_fault_init(rs_fault *fault) {
  record = fault;
  owner = getpid();
  struct sigaction action = {.sa_sigaction = on_fault,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK};
  const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaction(signals[i], &action, NULL);
}

void rs_fault_stack(void) {
  stack_t stack = {.ss_size = STACK};
  stack.ss_sp = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack.ss_sp != MAP_FAILED) sigaltstack(&stack, NULL);
}

void rs_fault_unstack(void) {
  stack_t none = {.ss_flags = SS_DISABLE}, old;
  if (sigaltstack(&none, &old) == 0 && old.ss_sp) munmap(old.ss_sp, old.ss_size);
}
