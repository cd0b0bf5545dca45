/* The segment's memory: head, VM pages, slots, rings, each from a cache line's
** start. */
#define _GNU_SOURCE
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 64, RING_MIN = 256, RING_MAX = 1 << 26 };
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

_Static_assert(sizeof(rs_slot) == LINE, "a slot is a cache line");
_Static_assert(sizeof(rs_vm) == 2 * LINE, "a VM's page is two");
_Static_assert(sizeof(rs_ring_head) == 2 * LINE, "reader and writer have one each");

static size_t lines(size_t size) { return (size + LINE - 1) / LINE * LINE; }

static size_t ring_size(uint32_t bytes) { return sizeof(rs_ring_head) + bytes; }

static bool is_ring(uint32_t bytes) {
  return bytes >= RING_MIN && bytes <= RING_MAX && (bytes & (bytes - 1)) == 0;
}

/* Fills in all but the addresses; false where the numbers are out of range. */
static bool plan(rs_segment *seg) {
  if (seg->vms == 0 || seg->vms > RS_VMS_MAX || seg->slots > RS_SLOTS_MAX) return false;
  if (!is_ring(seg->up_size) || !is_ring(seg->down_size)) return false;
  size_t rings = ring_size(seg->up_size) + ring_size(seg->down_size);
  seg->size = lines(sizeof(rs_segment_head)) + seg->vms * sizeof(rs_vm) +
              seg->slots * sizeof(rs_slot) + seg->vms * rings;
  return true;
}

static int map(rs_segment *seg, int fd) {
  unsigned char *base =
    mmap(NULL, seg->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return -errno;
  seg->head = (rs_segment_head *)(void *)base;
  base += lines(sizeof(rs_segment_head));
  seg->vm = (rs_vm *)(void *)base;
  base += seg->vms * sizeof(rs_vm);
  seg->slot = (rs_slot *)(void *)base;
  seg->rings = base + seg->slots * sizeof(rs_slot);
  return 0;
}

/* What the makers' zeroes do not say already. */
static void fill(const rs_segment *seg) {
  seg->head->abi = RS_ABI;
  seg->head->vms = seg->vms;
  seg->head->slots = seg->slots;
  seg->head->up_size = seg->up_size;
  seg->head->down_size = seg->down_size;
  atomic_store(&seg->head->fault.vm, RS_NONE);
  atomic_store(&seg->head->fault.slot, RS_NONE);
  for (uint32_t i = 0; i < seg->vms; i++) atomic_store(&seg->vm[i].slot, RS_NONE);
}

int rs_segment_make(rs_segment *segment, uint32_t vms, uint32_t slots, uint32_t up_size,
                    uint32_t down_size) {
  *segment = (rs_segment){
    .vms = vms, .slots = slots, .up_size = up_size, .down_size = down_size};
  if (!plan(segment)) return -EINVAL;
  int fd = memfd_create("runsmith-segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  int code = 0;
  if (ftruncate(fd, (off_t)segment->size) != 0) code = -errno;
  if (code == 0 && fcntl(fd, F_ADD_SEALS, SEALS) != 0) code = -errno;
  if (code == 0) code = map(segment, fd);
  if (code != 0) {
    close(fd);
    return code;
  }
  fill(segment);
  return fd;
}

int rs_segment_map(rs_segment *segment, int fd, uint32_t vms, uint32_t slots,
                   uint32_t up_size, uint32_t down_size) {
  *segment = (rs_segment){
    .vms = vms, .slots = slots, .up_size = up_size, .down_size = down_size};
  if (!plan(segment)) return -EINVAL;
  struct stat st;
  if (fstat(fd, &st) != 0) return -errno;
  if ((uint64_t)st.st_size != segment->size) return -EINVAL;
  /* Without the seals the peer could shrink the file, and a look at it would kill. */
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & SEALS) != SEALS) return -EPERM;
  return map(segment, fd);
}

void rs_segment_unmap(rs_segment *segment) {
  if (segment->head) munmap(segment->head, segment->size);
  *segment = (rs_segment){0};
}

static rs_ring ring_at(unsigned char *base, uint32_t size) {
  return (rs_ring){.head = (rs_ring_head *)(void *)base,
                   .bytes = base + sizeof(rs_ring_head),
                   .size = size};
}

static unsigned char *rings_of(const rs_segment *seg, uint32_t index) {
  return seg->rings + index * (ring_size(seg->up_size) + ring_size(seg->down_size));
}

rs_ring rs_segment_up(const rs_segment *segment, uint32_t index) {
  return ring_at(rings_of(segment, index), segment->up_size);
}

rs_ring rs_segment_down(const rs_segment *segment, uint32_t index) {
  unsigned char *base = rings_of(segment, index) + ring_size(segment->up_size);
  return ring_at(base, segment->down_size);
}
