-- One worker that greets, once a second, until it is told to stop.

local rs = require 'runsmith'

return rs.supervisor 'hello' {
  rs.worker 'greeter' { run = 'greeter', args = { whom = 'world', every = 1 } },
}
