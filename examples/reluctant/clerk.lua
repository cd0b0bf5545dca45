local time = require 'std.time'
local worker = require 'runsmith.worker'

return worker.define {
  running = function(_, ctx)
    if ctx.stopping and ctx.args.heeds then return 'complete' end
    time.sleep(0.2)
    return 'keepalive'
  end,
}
