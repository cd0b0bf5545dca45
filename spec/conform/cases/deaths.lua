-- Workers that take their runner with them, or that only its end can end: what differs
-- is who else was in it.

local deeds = require 'deeds'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local APART = { isolate = true, intensity = { max = 2, within = 60 } }

-- Its first incarnation does this, a later one completes.
local function doing(deed)
  return worker.define {
    lifecycle = {
      { 'first', on = { go = 'second' } },
      { 'second', heartbeat = 60, on = { done = 'over', error = 'fallen' } },
      { 'over', ends = 'ok' },
      { 'fallen', ends = 'error' },
    },
    second = function(_, ctx)
      if ctx.incarnation == 0 then
        time.sleep(0.1) -- so that the other is there
        deed()
      end
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
    { 'living', heartbeat = 60, on = { stop = 'over' } },
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

local BEGUN = [[
  0 started
  0 first
  0 first -go-> second
  0 ready
]]
local AGAIN = [[
  1 started
  1 first
  1 first -go-> second
  1 ready
  1 second -done-> over
  1 exited ok
  1 completed
]]
local CHARGED = '1 restart failed charged\n'
local VICTIM = '0 collateral\n0 exited collateral\n1 restart collateral\n'
local UNTOUCHED = [[
  0 started
  0 first
  0 first -go-> living
  0 ready
]]
local COLLATERAL = UNTOUCHED .. VICTIM .. [[
  1 started
  1 first
  1 first -go-> living
  1 ready
]]

-- The culprit's trace is the same; the other's where it had a runner of its own is not.
local function differing(w)
  local alone = { w = w, other = UNTOUCHED }
  return { w = w, other = COLLATERAL }, { process = alone, mixed_again = alone }
end

local fault, fault_alone =
  differing(BEGUN .. '0 exited SEGV its runner was ended by SEGV at address 0x0\n'
    .. CHARGED .. AGAIN)
local stuck, stuck_alone = differing(BEGUN .. [[
  0 violation stall in second
  0 killed violation
  0 exited KILL its runner was ended by KILL
]] .. CHARGED .. AGAIN)
local exit, exit_alone =
  differing(BEGUN .. '0 exited error its runner exited with status 7\n'
    .. CHARGED .. AGAIN)
local nothing, nothing_alone =
  differing(BEGUN .. '0 exited error its runner exited with status 0\n'
    .. CHARGED .. AGAIN)

-- Nobody is named: in a shared runner the fault domain has failed, once.
local killed_alone = {
  group = '0 started\n0 ready',
  w = BEGUN .. '0 exited KILL its runner was ended by KILL\n' .. CHARGED .. AGAIN,
  other = UNTOUCHED,
}
local killed = {
  group = '0 started\n0 ready\n0 restart failed charged',
  w = BEGUN .. VICTIM .. AGAIN, other = COLLATERAL,
}

return {
  alone = true,
  { 'a fault', group = APART, units = units(deeds.null), trace = fault,
    differs = fault_alone },
  { 'a kill from outside', group = APART, units = units(deeds.kill), trace = killed,
    differs = { process = killed_alone, mixed_again = killed_alone } },
  { 'a call that never returns', group = APART, units = units(deeds.find),
    trace = stuck, differs = stuck_alone },
  { 'an exit', group = APART, units = units(function() os.exit(7) end), trace = exit,
    differs = exit_alone },
  { 'an exit that says all is well', group = APART,
    units = units(function() os.exit(0) end), trace = nothing,
    differs = nothing_alone },
}
