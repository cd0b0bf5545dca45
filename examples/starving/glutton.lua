local time = require 'std.time'
local worker = require 'runsmith.worker'

return worker.define {
  running = function(self, ctx)
    if ctx.stopping then return 'complete' end
    time.sleep(1)
    if ctx.stopping then return 'complete' end
    self.eaten = 0
    while true do -- never waits again: nobody else in this VM can run
      self.eaten = self.eaten + 1
    end
  end,
}
