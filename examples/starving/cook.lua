local time = require 'std.time'
local worker = require 'runsmith.worker'

-- A limit of 0.4 s is shorter than the glutton's stall; still it is never violated,
-- since the time that the glutton took is not the cook's.
return worker.define {
  lifecycle = {
    { 'starting', timeout = 10, on = { run = 'cooking', error = 'burnt' } },
    { 'cooking', heartbeat = 0.4, on = { complete = 'closed', error = 'burnt' } },
    { 'closed', ends = 'ok' },
    { 'burnt', ends = 'error' },
  },
  cooking = function(_, ctx)
    if ctx.stopping then return 'complete' end
    time.sleep(0.1)
    return 'keepalive'
  end,
}
