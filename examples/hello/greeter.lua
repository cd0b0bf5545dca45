local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

-- No lifecycle is given, so it has the default one, whose working state is `running`.
return worker.define {
  running = function(self, ctx)
    if ctx.stopping then return 'complete' end
    self.count = (self.count or 0) + 1
    log.info(('hello, %s'):format(ctx.args.whom), { count = self.count })
    time.sleep(ctx.args.every)
    return 'keepalive'
  end,
}
