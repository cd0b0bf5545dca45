-- Three coroutines in one VM, one of which does not let the others run.

local rs = require 'runsmith'

return rs.supervisor 'kitchen' {
  stall = 0.5,
  intensity = { max = 100, within = 60 },

  rs.worker 'glutton' { run = 'glutton' },
  rs.worker 'cook' { run = 'cook' },
  rs.worker 'waiter' { run = 'cook' },
}
