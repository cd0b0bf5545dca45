/* entry.h -- journal entries as lines of JSON (contract, section 8).
**
** Layer    engine.
** Owner    nothing is kept.
** Thread   the engine's.
** Limits   none; texts may hold any bytes.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_ENTRY_H
#define RS_ENTRY_H

#include "../state.h"

/* Names this life. */
void rs_entry_boot(rs_engine *engine);

/* What the core decided. */
void rs_entry_write(rs_engine *engine, const rs_entry *entry);

/* One line that a unit wrote. */
void rs_entry_output(rs_engine *engine, uint32_t unit, uint32_t inc, const char *stream,
                     const char *text, size_t size);

/* A probe's verdict; `text` as of RS_UP_VERDICT. Its number. */
uint64_t rs_entry_probe(rs_engine *engine, const rs_event *note, const char *text,
                        size_t size);

/* What the engine says of a unit; RS_NONE: of the host. A note: it is written after all
** that came before; at once where the host has ended and no turn follows. */
void rs_entry_log(rs_engine *engine, uint32_t unit, uint32_t inc, uint32_t level,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* What such a note says. */
void rs_entry_said(rs_engine *engine, const rs_event *note, const char *text,
                   size_t size);

/* {"text":..., "fields":{...}} as a worker wrote it, not to be trusted. */
void rs_entry_log_json(rs_engine *engine, uint32_t unit, uint32_t inc, uint32_t level,
                       const char *json, size_t size);

/* Tells what the disk could not take, or no longer has. The core has nothing left that
** is numbered already. */
void rs_entry_disk(rs_engine *engine);

/* Who is above a unit, be it that the core has forgotten it by the time that its last
** entries are written; RS_NONE. */
uint32_t rs_entry_above(rs_engine *engine, uint32_t unit);

/* For one reader, in place of entries that are kept no longer: the journal has none. */
void rs_entry_gap(rs_engine *engine, uint64_t from, uint64_t up_to, rs_bytes *out);

/* A log line of the host's own, with its cause. */
void rs_entry_note(rs_engine *engine, uint64_t cause, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

#endif
