--- The tasks of a VM: who is ready, who waits and for what. All user code is resumed
--- here, through host.resume.
---
--- An interrupt may strike between any two instructions of a worker's coroutine, so
--- what workers share here is changed by single assignments, the last of which commits.

local host = require 'runsmith.host'

local T = require 'runsmith.vm.task'
local ID, SLOT, INC, KIND, CO, PHASE = T.ID, T.SLOT, T.INC, T.KIND, T.CO, T.PHASE
local STATE, TICKET, VALUES, REFUSE = T.STATE, T.TICKET, T.VALUES, T.REFUSE

local M = {}

--- What runs a kind of task: `life` or `backend`.
--- @class runsmith.Behaviour
--- @field begin fun(task: runsmith.Task, text: string)
--- @field next fun(task: runsmith.Task) it is ready, and in none of its functions
--- @field done fun(task: runsmith.Task, value: any) its function returned
--- @field fail fun(task: runsmith.Task, message: string, traceback: string)
--- @field ask fun(task: runsmith.Task)
--- @field heed? fun(task: runsmith.Task): boolean a wait begins, and no stop has been
---   heard of: true if it is to be refused; default: no stop refuses it
--- @field emit fun(task: runsmith.Task, event: string)
--- @field kill fun(task: runsmith.Task)
--- @field upset fun(task: runsmith.Task, message: string, traceback: string) a callback
---   of its raised
--- @field interrupted? fun(task: runsmith.Task, traceback: string) default: its end

local IDS = 2 ^ 24 -- a ticket is a count times this, plus the task's id
local SERIALS = 2 ^ 28 -- a ticket older than so many waits is no longer told apart

local OWN_LINES = { -- of a traceback, below the worker's
  '\n[^\n]*runsmith/vm/schedule%.lua:%d+: in function <[^\n]*$',
  '\n[^\n]*runsmith/vm/owned%.lua:%d+: in function <[^\n]*$',
  "\n[^\n]*runsmith/vm/owned%.lua:%d+: in function 'rerun'$",
}

local DONE, WAIT, EXPIRED = {}, {}, {}
local NONE = { n = 0 } -- what a wake without values gives
local ON_TIME, ON_STOP = { n = 1, EXPIRED }, { n = 2, nil, 'stopping' }

local tasks, by_slot, count = {}, {}, 0
local ready, head, tail = {}, 1, 0
local serial = 0
local running --- @type runsmith.Task?
local is_lent = false -- what runs in its name is not its own coroutine
local finishers, askers = {}, {}

local yield = coroutine.yield

local function next_ticket(task)
  serial = serial % SERIALS + 1
  return serial * IDS + task[ID]
end

local function push(task)
  ready[tail + 1] = task
  tail = tail + 1
end

--- Nobody runs, whatever went wrong.
function M.quit() running, is_lent = nil, false end

--- The incarnation in whose name Lua runs now.
--- @return runsmith.Task?
function M.current() return running end

--- Has `fn(task)` called whenever a task ends.
function M.at_finish(fn) finishers[#finishers + 1] = fn end

--- Has `fn(task)` called whenever a worker is asked to stop.
function M.at_ask(fn) askers[#askers + 1] = fn end

--- A worker has been asked to stop.
--- @param task runsmith.Task
function M.asked(task)
  for _, asker in ipairs(askers) do
    asker(task)
  end
end

--- Makes a task ready that is in none of its functions: `next` is called for it.
--- @param task runsmith.Task
function M.continue(task)
  task[PHASE] = 'between'
  push(task)
end

local function forget(task, id)
  host.close(id)
  tasks[id] = nil
  if by_slot[task[SLOT]] == task then by_slot[task[SLOT]] = nil end
  count = count - 1
  task[KIND].plan:leave()
end

-- What is undone as a task ends, before the engine hears of its end.
local function undo(task, id)
  task[ID], task[TICKET], task[CO] = nil, nil, nil
  for _, finisher in ipairs(finishers) do
    finisher(task, id)
  end
end

--- The task has ended: tells the engine and forgets it.
--- @param task runsmith.Task
--- @param why integer host.why
--- @param text? string
--- @param left? integer 1: it left data to its next incarnation
function M.finish(task, why, text, left)
  local id = task[ID]
  if not id then return end
  undo(task, id)
  host.put(host.up.EXIT, id, why, left or 0, (text or ''):sub(1, host.text_max))
  forget(task, id)
end

--- Ends a task that the engine knows nothing of.
--- @param task runsmith.Task
function M.discard(task)
  local id = task[ID]
  if not id then return end
  undo(task, id)
  forget(task, id)
end

--- A traceback without the last lines that are the framework's own.
--- @param traceback? string
--- @return string
function M.trimmed(traceback)
  local text = tostring(traceback or '')
  for _, line in ipairs(OWN_LINES) do
    text = text:gsub(line, '')
  end
  return text
end

--- It was interrupted, and that was its end, unless it is a helper.
--- @param task runsmith.Task
--- @param traceback string
function M.interrupted(task, traceback)
  local own, text = task[KIND].runs.interrupted, M.trimmed(traceback)
  if own then return own(task, text) end
  return M.finish(task, host.why.INTERRUPTED, text)
end

-- The coroutine of a task: idle between two functions, it needs no new one for each.
local function body(fn, a, b, c, d)
  while true do
    fn, a, b, c, d = yield(DONE, fn(a, b, c, d))
  end
end

local function settle(task, how, a, b, c)
  running = nil
  if how == 'yield' then
    if a == WAIT then return end
    task[TICKET] = nil
    if a == DONE then return task[KIND].runs.done(task, b, c) end
    return push(task) -- a plain coroutine.yield lets the others have a turn
  end
  task[CO] = nil
  if how == 'interrupted' then return M.interrupted(task, a) end
  return task[KIND].runs.fail(task, tostring(a), M.trimmed(b))
end

local function resume(task, ...)
  running = task
  return settle(task, host.resume(task[ID], task[CO], ...))
end

--- Runs a function in the task's coroutine; `done` or `fail` of its kind comes after.
--- @param task runsmith.Task
--- @param phase string
function M.call(task, phase, fn, a, b, c, d)
  task[PHASE] = phase
  if not task[CO] then task[CO] = coroutine.create(body) end
  return resume(task, fn, a, b, c, d)
end

local function back(...)
  running, is_lent = nil, false
  return ...
end

--- Runs another coroutine in the task's name: a callback's, an eval's.
--- @param task runsmith.Task
--- @param co thread
--- @return string how, any ... as host.resume
function M.lend(task, co, ...)
  running, is_lent = task, true
  return back(host.resume(task[ID], co, ...))
end

--- Leaves whatever function the task is in, for good; it is in none afterwards.
--- @param task runsmith.Task
function M.abandon(task)
  task[CO], task[TICKET], task[VALUES] = nil, nil, nil
  host.timer(task[ID], nil)
end

--- Begins a wait of the running worker, which `wake` ends, now or later.
--- @return integer ticket
function M.ticket()
  local task = running
  if not task or task[CO] ~= coroutine.running() then
    error('only the worker itself can wait: not a callback, nor a coroutine of its', 3)
  end
  task[TICKET] = next_ticket(task)
  return task[TICKET]
end

-- After the yield of a wait with a timer.
local function woken(task, first, ...)
  if first == EXPIRED then return nil, 'timeout' end
  host.timer(task[ID], nil)
  return first, ...
end

local function given(task)
  local values = task[VALUES]
  task[VALUES] = nil
  if not values then return nil, 'stopping' end
  return unpack(values, 1, values.n)
end

-- Whether a stop refuses the wait that is begun: the first one since.
local function refused(task)
  if task[REFUSE] == nil then
    local heed = task[KIND].runs.heed
    if not heed or not heed(task) then return false end
  elseif not task[REFUSE] then
    return false
  end
  task[REFUSE], task[TICKET] = false, nil
  return true
end

--- Waits until the ticket is woken, and returns what `wake` was given. The stop rule
--- holds: nil, 'stopping'. After `seconds`: nil, 'timeout'.
--- @param ticket integer
--- @param seconds? number
function M.suspend(ticket, seconds)
  local task = running
  if task[TICKET] ~= ticket then return given(task) end
  if refused(task) then return nil, 'stopping' end
  if not seconds then return yield(WAIT) end
  host.timer(task[ID], host.now() + seconds)
  return woken(task, yield(WAIT))
end

--- As `suspend`, but a stop does not end it: for what is short and must be whole.
--- @param ticket integer
function M.hold(ticket)
  local task = running
  if task[TICKET] ~= ticket then return given(task) end
  task[TICKET] = -ticket
  return yield(WAIT)
end

--- Ends a wait. A ticket that is no longer waited for is not heard: false.
--- @param ticket integer
function M.wake(ticket, ...)
  local task = tasks[ticket % IDS]
  if not task then return false end
  if task[TICKET] ~= ticket and task[TICKET] ~= -ticket then return false end
  local n = select('#', ...)
  task[VALUES] = n == 0 and NONE or { n = n, ... }
  task[TICKET] = nil
  if task ~= running or is_lent then push(task) end
  return true
end

local function slept(first, why)
  if first == EXPIRED then return true end
  return first, why
end

--- Waits; the stop rule holds.
--- @param seconds number
--- @return true? # or nil, 'stopping'
function M.wait(seconds)
  M.ticket()
  local task = running
  if refused(task) then return nil, 'stopping' end
  host.timer(task[ID], host.now() + seconds)
  return slept(yield(WAIT))
end

--- Has `next` called for a task that is in none of its functions: at that moment, or
--- when it is asked to stop.
--- @param task runsmith.Task
--- @param at number
function M.park(task, at)
  task[PHASE], task[TICKET] = 'between', next_ticket(task)
  host.timer(task[ID], at)
end

--- Ends the wait in progress because of a stop, if it heeds one.
--- @param task runsmith.Task
function M.disturb(task)
  if not task[TICKET] or task[TICKET] < 0 then return end
  host.timer(task[ID], nil)
  if task[PHASE] ~= 'between' then task[VALUES] = ON_STOP end
  task[TICKET] = nil
  push(task)
end

--- @return integer tasks that have not ended
function M.count() return count end

--- Keeps the VM from ending (1), or no longer (-1): what a task left is to be reaped.
--- @param change integer
function M.linger(change) count = count + change end

--- @return integer last mark up to which `pop` gives who is ready now
function M.mark() return tail end

--- The next who is ready.
--- @param last integer
--- @return runsmith.Task?
function M.pop(last)
  if head > last then
    if head > tail then head, tail = 1, 0 end
    return nil
  end
  local task = ready[head]
  ready[head] = nil
  head = head + 1
  return task
end

--- A task's turn has come.
--- @param task runsmith.Task
function M.go(task)
  if not task[ID] or task[TICKET] then return end
  if task[PHASE] == 'between' then return task[KIND].runs.next(task) end
  local values = task[VALUES]
  if not values then return resume(task) end
  task[VALUES] = nil
  return resume(task, unpack(values, 1, values.n))
end

--- Makes those ready whose timers are due.
function M.expire()
  for id in host.expired do
    local task = tasks[id]
    if task and task[TICKET] then
      task[TICKET] = nil
      if task[PHASE] ~= 'between' then task[VALUES] = ON_TIME end
      push(task)
    end
  end
end

--- Takes a new task in. A helper of another one's is not found by its slot.
--- @param task runsmith.Task
--- @param is_helper? boolean
function M.add(task, is_helper)
  tasks[task[ID]] = task
  if not is_helper then by_slot[task[SLOT]] = task end
  count = count + 1
  task[KIND].plan:enter()
end

--- @param slot integer
--- @param inc integer
--- @return runsmith.Task?
function M.find(slot, inc)
  local task = by_slot[slot]
  if task and task[INC] == inc then return task end
end

--- Ends a task now. If it is suspended, it is resumed interrupted, so that the exit
--- says where it was.
--- @param task runsmith.Task
function M.kill(task)
  if task[PHASE] ~= 'between' and task[CO] then
    host.arm(task[ID])
    task[TICKET] = nil
    return resume(task)
  end
  local state = task[STATE] and (' in state %s'):format(task[STATE].name) or ''
  return M.finish(task, host.why.INTERRUPTED, 'between two steps' .. state)
end

--- Runs the VM until it is to end.
function M.run() return require('runsmith.vm.turn').run() end

return M
