#include "../journal/entry.h"
#include "probes.h"

void rs_probes_keep(rs_backlog *backlog, const char *line, size_t size) {
  if (size > RS_TEXT_MAX) {
    backlog->dropped++;
    return;
  }
  if (backlog->count == RS_BACKLOG) {
    backlog->first = (backlog->first + 1) % RS_BACKLOG;
    backlog->count--;
    backlog->dropped++;
  }
  uint32_t last = (backlog->first + backlog->count++) % RS_BACKLOG;
  backlog->entry[last].size = 0;
  rs_bytes_add(&backlog->entry[last], line, size);
}

void rs_probes_feed(rs_probes *probes, rs_probe *probe) {
  rs_backlog *backlog = probe->backlog;
  while (backlog->count > 0 && probe->slot != RS_NONE && probe->ahead < RS_AHEAD) {
    const rs_bytes *entry = &backlog->entry[backlog->first];
    rs_record record = {.kind = RS_DOWN_ENTRY, .a = backlog->dropped};
    record.size = (uint32_t)entry->size;
    rs_probes_put(probes, probe, record, entry->at);
    probe->ahead++;
    backlog->first = (backlog->first + 1) % RS_BACKLOG;
    backlog->count--;
    if (backlog->dropped == 0) continue;
    uint32_t dropped = backlog->dropped;
    backlog->dropped = 0;
    rs_entry_log(probes->engine, probe->unit, RS_NONE, 2,
                 "on_activity: %u entries dropped: it was too slow", dropped);
  }
}

bool rs_probes_read_lines(const rs_engine *engine) {
  return engine->probes && engine->probes->line_readers > 0;
}

void rs_probes_line(rs_engine *engine, uint32_t unit, uint32_t inc, const char *stream,
                    const char *text, size_t size) {
  rs_probes *probes = engine->probes;
  if (!probes || probes->line_readers == 0 || unit == RS_NONE) return;
  rs_record record = {.kind = RS_DOWN_LINE, .a = stream[3] == 'e' ? 2 : 1};
  record.size = (uint32_t)(size < RS_TEXT_MAX ? size : RS_TEXT_MAX);
  for (uint32_t i = rs_probes_watched(probes, unit)->first; i != RS_NONE;
       i = probes->at[i].next) {
    rs_probe *probe = &probes->at[i];
    if (!probe->lines || probe->inc != inc) continue;
    if (probe->slot == RS_NONE || probe->ahead >= RS_LINES_AHEAD) {
      probe->missed++;
      continue;
    }
    record.b = probe->missed;
    probe->missed = 0;
    probe->ahead++;
    rs_probes_put(probes, probe, record, text);
  }
}
