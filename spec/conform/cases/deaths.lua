-- Workers that take their runner with them, or that only its end can end.

local deeds = require 'deeds'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local APART = { isolate = true, intensity = { max = 2, within = 60 } }

-- Its first incarnation does this, a later one completes.
local function doing(deed)
  return worker.define {
    lifecycle = {
      { 'first', on = { go = 'second' } },
      { 'second', heartbeat = 5, on = { done = 'over', error = 'fallen' } },
      { 'over', ends = 'ok' },
      { 'fallen', ends = 'error' },
    },
    second = function(_, ctx)
      time.sleep(0.1) -- so that the other is there
      if ctx.incarnation == 0 then deed() end
      return 'done'
    end,
    before_exit = function(_, _, graceful)
      if not graceful then error 'before_exit was called' end
    end,
  }
end

local other = worker.define {
  lifecycle = {
    { 'first', on = { go = 'living' } },
    { 'living', heartbeat = 5, on = { stop = 'over' } },
    { 'over', ends = 'ok' },
  },
  living = function(_, ctx)
    if ctx.stopping then return 'stop' end
    time.sleep(60)
    return 'keepalive'
  end,
}

local function units(deed)
  return {
    { 'w', run = doing(deed), fields = { stall = 0.3 } },
    { 'other', run = other },
  }
end

return {
  alone = true,
  { 'a fault', group = APART, units = units(deeds.null), trace = {} },
  { 'a kill that names nobody', group = APART, units = units(deeds.kill), trace = {} },
  { 'a call that never returns', group = APART, units = units(deeds.find), trace = {} },
  { 'an exit', group = APART, units = units(function() os.exit(7) end), trace = {} },
}
