/* core.c -- the core's door. */
#include "core.h"

rs_core *rs_core_new(const rs_memory *memory, uint64_t seed, uint64_t seq) {
  (void)memory, (void)seed, (void)seq;
  return NULL;
}
void rs_core_free(rs_core *core) { (void)core; }
int rs_core_apply(rs_core *core, rs_time now, const rs_plan *plan, uint32_t number,
                  char *why, size_t why_size) {
  (void)core, (void)now, (void)plan, (void)number, (void)why, (void)why_size;
  return -1;
}
uint32_t rs_core_add(rs_core *core, rs_time now, uint32_t supervisor, const char *name,
                     uint32_t name_len, uint64_t by, char *why, size_t why_size) {
  (void)core, (void)now, (void)supervisor, (void)name, (void)name_len, (void)by;
  (void)why, (void)why_size;
  return RS_NONE;
}
void rs_core_step(rs_core *core, rs_time now, const rs_event *ev) {
  (void)core, (void)now, (void)ev;
}
uint32_t rs_core_run(rs_core *core, rs_time now, rs_action *out, uint32_t max) {
  (void)core, (void)now, (void)out, (void)max;
  return 0;
}
rs_time rs_core_due(const rs_core *core) { return (void)core, RS_NEVER; }
uint64_t rs_core_seq(rs_core *core) { return (void)core, 0; }
bool rs_core_view(const rs_core *core, uint32_t unit, rs_view *view) {
  return (void)core, (void)unit, (void)view, false;
}
uint32_t rs_core_units(const rs_core *core) { return (void)core, 0; }
uint32_t rs_core_child(const rs_core *core, uint32_t u) { return (void)core, (void)u, RS_NONE; }
uint32_t rs_core_next(const rs_core *core, uint32_t u) { return (void)core, (void)u, RS_NONE; }
size_t rs_core_path(const rs_core *core, uint32_t unit, char *path, size_t size) {
  return (void)core, (void)unit, (void)path, (void)size, 0;
}
uint32_t rs_core_find(const rs_core *core, const char *path, size_t len) {
  return (void)core, (void)path, (void)len, RS_NONE;
}
