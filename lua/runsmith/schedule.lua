--- The tasks of a VM: who is ready, who waits and for what. All user code is resumed
--- here, through host.resume.
---
--- An interrupt may strike between any two instructions of a worker's coroutine, so
--- what workers share here is changed by single assignments, the last of which commits.

local host = require 'runsmith.host'

local M = {}

--- One incarnation of a unit in this VM. At most 16 fields, so that it takes 448 bytes.
--- @class runsmith.Task
--- @field id? integer the host's; nil: it has ended
--- @field slot integer
--- @field inc integer
--- @field row integer its row in the plan
--- @field kind runsmith.Kind
--- @field co? thread where its functions run, one after another
--- @field self? table
--- @field ctx? runsmith.Context
--- @field phase string which of its functions runs; what it waits for otherwise
--- @field state? runsmith.State
--- @field edge? runsmith.Edge the transition in progress
--- @field ticket? integer the wait in progress; below zero: one that heeds no stop
--- @field values? table what that wait will return
--- @field refuse? boolean nil: not asked to stop; true: the next wait is refused
--- @field due? number not before then is its state's function called again
--- @field queue? string[] emitted events

--- What runs a kind of task: `life` or `backend`.
--- @class runsmith.Behaviour
--- @field begin fun(task: runsmith.Task, text: string)
--- @field next fun(task: runsmith.Task) it is ready, and in none of its functions
--- @field done fun(task: runsmith.Task, value: any) its function returned
--- @field fail fun(task: runsmith.Task, message: string, traceback: string)
--- @field ask fun(task: runsmith.Task)
--- @field emit fun(task: runsmith.Task, event: string)
--- @field kill fun(task: runsmith.Task)
--- @field upset fun(task: runsmith.Task, message: string, traceback: string) a callback
---   of its raised
--- @field interrupted? fun(task: runsmith.Task, traceback: string) default: its end

local IDS = 2 ^ 24 -- a ticket is a count times this, plus the task's id
local SERIALS = 2 ^ 28 -- a ticket older than so many waits is no longer told apart

local OWN_LINES = { -- of a traceback, below the worker's
  '\n[^\n]*runsmith/schedule%.lua:%d+: in function <[^\n]*$',
  '\n[^\n]*runsmith/owned%.lua:%d+: in function <[^\n]*$',
  "\n[^\n]*runsmith/owned%.lua:%d+: in function 'rerun'$",
}

local DONE, WAIT, EXPIRED = {}, {}, {}

local tasks, by_slot, count = {}, {}, 0
local ready, head, tail = {}, 1, 0
local serial = 0
local running --- @type runsmith.Task?
local is_lent = false -- what runs in its name is not its own coroutine
local finishers = {}

local yield = coroutine.yield

local function next_ticket(task)
  serial = serial % SERIALS + 1
  return serial * IDS + task.id
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

--- The tasks of this VM that have not ended, for eval and drops.
--- @return table<integer, runsmith.Task>
function M.tasks() return tasks end

--- Has `fn(task)` called whenever a task ends.
function M.at_finish(fn) finishers[#finishers + 1] = fn end

--- Makes a task ready that is in none of its functions: `next` is called for it.
--- @param task runsmith.Task
function M.continue(task)
  task.phase = 'between'
  push(task)
end

local function forget(task, id)
  host.close(id)
  tasks[id] = nil
  if by_slot[task.slot] == task then by_slot[task.slot] = nil end
  count = count - 1
  task.kind.plan:leave()
end

-- What is undone as a task ends, before the engine hears of its end.
local function undo(task, id)
  task.id, task.ticket, task.co = nil, nil, nil
  for _, finisher in ipairs(finishers) do
    finisher(task, id)
  end
end

--- The task has ended: tells the engine and forgets it.
--- @param task runsmith.Task
--- @param why integer host.why
--- @param text? string
function M.finish(task, why, text)
  local id = task.id
  if not id then return end
  undo(task, id)
  host.put(host.up.EXIT, id, why, 0, (text or ''):sub(1, host.text_max))
  forget(task, id)
end

--- Ends a task that the engine knows nothing of.
--- @param task runsmith.Task
function M.discard(task)
  local id = task.id
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
  local own, text = task.kind.runs.interrupted, M.trimmed(traceback)
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
    task.ticket = nil
    if a == DONE then return task.kind.runs.done(task, b, c) end
    return push(task) -- a plain coroutine.yield lets the others have a turn
  end
  task.co = nil
  if how == 'interrupted' then return M.interrupted(task, a) end
  return task.kind.runs.fail(task, tostring(a), M.trimmed(b))
end

local function resume(task, ...)
  running = task
  return settle(task, host.resume(task.id, task.co, ...))
end

--- Runs a function in the task's coroutine; `done` or `fail` of its kind comes after.
--- @param task runsmith.Task
--- @param phase string
function M.call(task, phase, fn, a, b, c, d)
  task.phase = phase
  if not task.co then task.co = coroutine.create(body) end
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
  return back(host.resume(task.id, co, ...))
end

--- Leaves whatever function the task is in, for good; it is in none afterwards.
--- @param task runsmith.Task
function M.abandon(task)
  task.co, task.ticket, task.values = nil, nil, nil
  host.timer(task.id, nil)
end

--- Begins a wait of the running worker, which `wake` ends, now or later.
--- @return integer ticket
function M.ticket()
  local task = running
  if not task or task.co ~= coroutine.running() then
    error('only the worker itself can wait: not a callback, nor a coroutine of its', 3)
  end
  task.ticket = next_ticket(task)
  return task.ticket
end

-- After the yield of a wait with a timer.
local function woken(task, first, ...)
  if first == EXPIRED then return nil, 'timeout' end
  host.timer(task.id, nil)
  return first, ...
end

local function given(task)
  local values = task.values
  task.values = nil
  if not values then return nil, 'stopping' end
  return unpack(values, 1, values.n)
end

--- Waits until the ticket is woken, and returns what `wake` was given. The stop rule
--- holds: nil, 'stopping'. After `seconds`: nil, 'timeout'.
--- @param ticket integer
--- @param seconds? number
function M.suspend(ticket, seconds)
  local task = running
  if task.ticket ~= ticket then return given(task) end
  if task.refuse then
    task.refuse, task.ticket = false, nil
    return nil, 'stopping'
  end
  if not seconds then return yield(WAIT) end
  host.timer(task.id, host.now() + seconds)
  return woken(task, yield(WAIT))
end

--- As `suspend`, but a stop does not end it: for what is short and must be whole.
--- @param ticket integer
function M.hold(ticket)
  local task = running
  if task.ticket ~= ticket then return given(task) end
  task.ticket = -ticket
  return yield(WAIT)
end

--- Ends a wait. A ticket that is no longer waited for is not heard: false.
--- @param ticket integer
function M.wake(ticket, ...)
  local task = tasks[ticket % IDS]
  if not task then return false end
  if task.ticket ~= ticket and task.ticket ~= -ticket then return false end
  task.values = { n = select('#', ...), ... }
  task.ticket = nil
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
  if task.refuse then
    task.refuse, task.ticket = false, nil
    return nil, 'stopping'
  end
  host.timer(task.id, host.now() + seconds)
  return slept(yield(WAIT))
end

--- Has `next` called for a task that is in none of its functions: at that moment, or
--- when it is asked to stop.
--- @param task runsmith.Task
--- @param at number
function M.park(task, at)
  task.phase, task.ticket = 'between', next_ticket(task)
  host.timer(task.id, at)
end

--- Ends the wait in progress because of a stop, if it heeds one.
--- @param task runsmith.Task
function M.disturb(task)
  if not task.ticket or task.ticket < 0 then return end
  host.timer(task.id, nil)
  if task.phase ~= 'between' then task.values = { n = 2, nil, 'stopping' } end
  task.ticket = nil
  push(task)
end

--- @return integer tasks that have not ended
function M.count() return count end

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
  if not task.id or task.ticket then return end
  if task.phase == 'between' then return task.kind.runs.next(task) end
  local values = task.values
  if not values then return resume(task) end
  task.values = nil
  return resume(task, unpack(values, 1, values.n))
end

--- Makes those ready whose timers are due.
function M.expire()
  for id in host.expired do
    local task = tasks[id]
    if task and task.ticket then
      task.ticket = nil
      if task.phase ~= 'between' then task.values = { n = 1, EXPIRED } end
      push(task)
    end
  end
end

--- Takes a new task in. A helper of another one's is not found by its slot.
--- @param task runsmith.Task
--- @param is_helper? boolean
function M.add(task, is_helper)
  tasks[task.id] = task
  if not is_helper then by_slot[task.slot] = task end
  count = count + 1
  task.kind.plan:enter()
end

--- @param slot integer
--- @param inc integer
--- @return runsmith.Task?
function M.find(slot, inc)
  local task = by_slot[slot]
  if task and task.inc == inc then return task end
end

--- Ends a task now. If it is suspended, it is resumed interrupted, so that the exit
--- says where it was.
--- @param task runsmith.Task
function M.kill(task)
  if task.phase ~= 'between' and task.co then
    host.arm(task.id)
    task.ticket = nil
    return resume(task)
  end
  local state = task.state and (' in state %s'):format(task.state.name) or ''
  return M.finish(task, host.why.INTERRUPTED, 'between two steps' .. state)
end

--- Runs the VM until it is to end.
function M.run() return require('runsmith.turn').run() end

return M
