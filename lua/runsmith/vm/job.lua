--- Work of the library's that awaits luv requests one after another and must come to
--- its end whatever becomes of the worker that asked for it: no descriptor stays open,
--- no file half-written. No user code runs in it.

local host = require 'runsmith.host'
local schedule = require 'runsmith.vm.schedule'

local M = {}

local yield = coroutine.yield

local function advance(job, ...)
  local function settle(ok, ...)
    if coroutine.status(job.co) ~= 'dead' then return end
    if ok then return schedule.wake(job.ticket, ...) end
    return schedule.wake(job.ticket, nil, 'runsmith: ' .. tostring((...)))
  end
  return settle(coroutine.resume(job.co, ...))
end

--- Runs `fn(job, ...)` and waits for what it returns. A stop does not end this wait.
--- @param fn function
function M.run(fn, ...)
  local job = { ticket = schedule.ticket(), co = coroutine.create(fn) }
  host.enter()
  advance(job, job, ...)
  host.leave()
  return schedule.hold(job.ticket)
end

--- In a job: makes a luv request and waits for its callback's arguments.
--- @param job table
--- @param request function a function of luv's; its callback comes last
--- @return string? err, any ...
function M.await(job, request, ...)
  local args, count = { ... }, select('#', ...)
  args[count + 1] = function(...) return advance(job, ...) end
  local made, err = request(unpack(args, 1, count + 1))
  if not made then return err end
  return yield()
end

return M
