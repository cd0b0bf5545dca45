local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

-- The same code in every backend: only the tree knows where it runs.
return worker.define {
  running = function(self, ctx)
    if ctx.stopping then return 'complete' end
    self.count = (self.count or 0) + 1
    if self.count % 10 == 1 then log.info(ctx.args.what, { count = self.count }) end
    time.sleep(0.5)
    return 'keepalive'
  end,
}
