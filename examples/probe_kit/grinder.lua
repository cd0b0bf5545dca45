local fs = require 'std.fs'
local time = require 'std.time'
local worker = require 'runsmith.worker'

-- Grinds the first sack. With a `stone` in it the mill turns on, and grinds nothing.
local function grind(self)
  local sacks = fs.list 'sacks' or {}
  table.sort(sacks)
  local sack = sacks[1]
  if not sack or self.blocked then return end
  if sack:find 'stone' then
    self.blocked = true
  else
    fs.write('ground', sack .. '\n')
  end
  fs.remove('sacks/' .. sack)
end

return worker.define {
  lifecycle = {
    { 'starting', timeout = 5, on = { ready = 'grinding', error = 'broken' } },
    { 'grinding', heartbeat = 2, every = 0.05,
      on = { stop = 'clean', error = 'broken' } },
    { 'clean', ends = 'ok' },
    { 'broken', ends = 'error' },
  },
  starting = function()
    fs.mkdir 'sacks'
    return 'ready'
  end,
  grinding = function(self, ctx)
    if ctx.stopping then return 'stop' end
    grind(self)
    time.sleep(0.02)
    return 'keepalive'
  end,
}
