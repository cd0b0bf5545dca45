--- Waiting, and the time.
---
--- ```lua
--- local time = require 'std.time'
---
--- local before = time.mono()
--- if not time.sleep(0.05) then return end -- the worker is to stop
--- assert(time.mono() - before >= 0.05)
---
--- for tick in time.every(0.02) do
---   if tick >= 3 then break end
--- end
--- ```

local host = require 'runsmith.host'
local schedule = require 'runsmith.vm.schedule'

local M = {}

local SECONDS_MAX = 1e9 -- some thirty years: as good as for ever

local function check(name, seconds)
  if type(seconds) ~= 'number' or seconds < 0 or seconds ~= seconds then
    local text = '%s takes a number of seconds, not %s'
    error(text:format(name, tostring(seconds)), 3)
  end
  return seconds < SECONDS_MAX and seconds or SECONDS_MAX
end

--- Waits. The other workers of the VM go on.
--- @param seconds number
--- @return true? # or nil, 'stopping'
function M.sleep(seconds)
  return schedule.wait(check('time.sleep', seconds))
end

--- Seconds since 1970, with a fraction. It may jump; to measure, use `mono`.
--- @return number
function M.now()
  local seconds, micros = require('runsmith.vm.owned').luv().gettimeofday()
  return seconds + micros / 1e6
end

--- Seconds since some moment in the past, with a fraction. It never goes back.
--- @return number
function M.mono() return host.now() end

--- `for tick in time.every(1) do … end`: at once, then once in so many seconds, counted
--- from the first: it does not drift. Ticks that were missed are left out of the loop
--- but counted. Ends when the worker is to stop.
--- @param seconds number
--- @return fun(): integer?
function M.every(seconds)
  seconds = check('time.every', seconds)
  if seconds == 0 then error('time.every takes more than 0 seconds', 2) end
  local start, tick
  return function()
    local now = host.now()
    if not start then
      start, tick = now, 0
      return tick
    end
    tick = math.max(tick + 1, math.ceil((now - start) / seconds))
    local at = start + tick * seconds
    if schedule.wait(math.max(0, at - now)) then return tick end
  end
end

return M
