-- A traffic light: a lifecycle of its own, with a time limit for each state.

local rs = require 'runsmith'

return rs.supervisor 'crossing' {
  rs.worker 'light' { run = 'light', args = { green = 0.3, amber = 0.1, red = 0.3 } },
}
