#include "channels.h"
#include "../base/json.h"

static void put_rate(rs_bytes *out, const char *key, const rs_channel_rate *rate) {
  rs_json_int(out, key, (int64_t)rs_channel_speed(rate, rs_base_now()));
}

static void put_channel(rs_bytes *out, const rs_chan *chan) {
  static const char *const overflows[] = {"block", "drop_oldest", "error"};
  const rs_channel_head *head = chan->map.head;
  const rs_channel_book *book = chan->map.book;
  uint32_t overflow = atomic_load(&book->overflow);
  rs_time oldest = atomic_load(&head->oldest), now = rs_base_now();
  rs_bytes_text(out, "{\"name\":");
  rs_json_string(out, chan->name, strlen(chan->name));
  rs_json_int(out, "capacity", atomic_load(&book->capacity));
  rs_json_name(out, "overflow", overflows[overflow < 3 ? overflow : 0]);
  if (chan->map.durable) rs_json_name(out, "durable", chan->map.durable);
  rs_json_int(out, "depth", atomic_load(&head->ready));
  rs_json_int(out, "taken", atomic_load(&head->taken));
  rs_json_int(out, "sent", (int64_t)atomic_load(&head->sent.count));
  rs_json_int(out, "acked", (int64_t)atomic_load(&head->acked.count));
  rs_json_int(out, "redelivered", (int64_t)atomic_load(&head->redelivered));
  rs_json_int(out, "rejected", (int64_t)atomic_load(&head->rejected));
  rs_json_int(out, "dropped", (int64_t)atomic_load(&head->dropped));
  put_rate(out, "sent_rate", &head->sent);
  put_rate(out, "acked_rate", &head->acked);
  if (atomic_load(&head->ready) > 0 && oldest > 0 && oldest <= now)
    rs_json_span(out, "oldest_age", now - oldest);
  rs_bytes_text(out, "}");
}

void rs_channels_status(rs_engine *engine, rs_bytes *out, const char *path) {
  bool some = false;
  for (const rs_chan *chan = engine->channels; chan; chan = chan->next) {
    if (!chan->map.book || strcmp(chan->at, path) != 0) continue;
    rs_bytes_text(out, some ? "," : ",\"channels\":[");
    put_channel(out, chan);
    some = true;
  }
  if (some) rs_bytes_text(out, "]");
}
