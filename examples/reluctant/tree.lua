-- A worker that never heeds a stop, beside one that does.

local rs = require 'runsmith'

return rs.supervisor 'office' {
  rs.worker 'polite' { run = 'clerk', args = { heeds = true } },
  rs.worker 'reluctant' { run = 'clerk', args = { heeds = false }, shutdown = 1 },
}
