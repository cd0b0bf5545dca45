--- What the probes' runner runs. A probe is a task that is in none of its functions but
--- waits on the VM's one heap of timers; each look is another task beside it, so that
--- all that a look opened is closed when it ends, however it ends.
---
--- The engine says in which state a unit is; when and how often is looked, and what the
--- looks amount to, is decided here. It is told changes alone.

local activity = require 'runsmith.vm.activity'
local cjson = require 'cjson'
local host = require 'runsmith.host'
local judge = require 'runsmith.probe.judge'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local ID, SLOT, INC, ROW, KIND, SELF = T.ID, T.SLOT, T.INC, T.ROW, T.KIND, T.SELF
local PHASE = T.PHASE

local M = {}

local up, down = host.up, host.down

local AT_ONCE = 128 -- looks in progress; each may need descriptors or a process
local LOAD_MAX = 5 -- seconds until a probe's code must be there
local LATE, LATE_SHARE = 0.05, 0.1 -- time lost to others that excuses a look
local READY_EVERY = 0.1 -- a `ready` that does not say how often
local NAME_MAX, DETAIL_MAX = 100, 2000
local VERDICTS = { alive = 1, dead = 2, unknown = 3, failing = 4 } -- RS_VERDICT_...
local TELL, RESTART, EMIT = 0, 1, 2 -- RS_VERDICT_ACTION...

--- @class runsmith.Probe
--- @field spec runsmith.Cargo what it is, once it is loaded
--- @field every number
--- @field is_ready boolean it is a command's `ready`
--- @field on boolean its unit is in a state in which it looks
--- @field waits? boolean its turn to look has come, but others are still looking
--- @field asked? boolean the engine is to send the unit
--- @field run? runsmith.Task the look in progress
--- @field ended? { verdict?: boolean, reason: string } how that was cut short
--- @field state? string as it was told; nil: not yet
--- @field good integer good looks in a row
--- @field bad integer bad looks in a row
--- @field since? number the first of these
--- @field judged? 'alive'|'dead'
--- @field said? string the verdict last told
--- @field over? boolean it is to end

local probe, look = {}, {} --- @type runsmith.Behaviour, runsmith.Behaviour

local looking = 0
local queue, first, last = {}, 1, 0 -- those that wait for their turn
local busy, own = 0, {} -- seconds that user code ran: in all, and by task's id

local function cancel(task)
  task[T.TICKET] = nil
  host.timer(task[ID], nil)
  host.note(task[ID], nil, task[SELF].bad)
end

local function plan_next(task, at)
  if not task[ID] then return end
  local p = task[SELF]
  if not p.on or not p.spec then return cancel(task) end
  host.note(task[ID], at, p.bad)
  return schedule.park(task, at)
end

local function cut(value, most)
  local text = value == nil and '' or tostring(value)
  return (text:sub(1, most):gsub('%z', ' '))
end

local function tell(task, verdict, reason, action, event)
  local p = task[SELF]
  p.said = verdict
  -- Whoever hears of it may ask at once when it looks next.
  if p.began and p.every then host.note(task[ID], p.began + p.every, p.bad) end
  local name = cut(p.spec and (p.spec.name or p.spec.kind) or 'probe', NAME_MAX)
  local text = table.concat({ name, event or '', cut(reason, DETAIL_MAX) }, '\0')
  host.put(up.VERDICT, task[ID], VERDICTS[verdict], action or TELL, text)
end

-- Runs `fn` in a task of its own, until `at` at the latest.
local function begin(task, phase, at, fn, a, b, c, d)
  local p = task[SELF]
  local id = host.open(task[SLOT], task[INC])
  local kind = { plan = task[KIND].plan, runs = look }
  local run = T.new(id, task[SLOT], task[INC], task[ROW], kind)
  run[SELF] = task
  schedule.add(run, true)
  looking = looking + 1
  own[id] = 0
  p.run, p.ended, p.began, p.until_at = run, nil, host.now(), at
  p.busy = busy
  schedule.park(task, at)
  return schedule.call(run, phase, fn, a, b, c, d)
end

-- Seconds of the look in progress in which its VM was not there for it.
local function lost(p)
  local others = busy - p.busy - (own[p.run[ID]] or 0)
  return others + math.max(0, host.now() - p.until_at)
end

local function act(task, verdict, reason)
  local p = task[SELF]
  local action = p.spec.fields.action or 'restart'
  local good = verdict == 'alive'
  if type(action) == 'table' and action.call then
    tell(task, verdict, reason)
    local at = host.now() + p.timeout
    return begin(task, 'call', at, action.call, p.unit, good, reason)
  end
  if good or action == 'warn' then return tell(task, verdict, reason) end
  if type(action) == 'table' then
    return tell(task, verdict, reason, EMIT, action.emit)
  end
  return tell(task, verdict, reason, RESTART)
end

local function become(task, verdict, reason)
  local p = task[SELF]
  local before = p.judged
  p.judged = verdict
  if before == verdict then
    if p.said ~= verdict then tell(task, verdict, reason) end
    return
  end
  if not before and verdict == 'alive' then return tell(task, verdict, reason) end
  return act(task, verdict, reason)
end

local function count_bad(task, reason)
  local p, fields = task[SELF], task[SELF].spec.fields
  p.good, p.bad = 0, p.bad + 1
  p.since = p.since or p.began
  if p.is_ready then return end
  local most, hold = fields.failures or 1, fields.hold or 0
  local lasted = host.now() - p.since
  if p.bad >= most and lasted >= hold then return become(task, 'dead', reason) end
  if p.judged == 'dead' then return end
  local text = ('%d of %d: %s'):format(p.bad, most, tostring(reason))
  if p.bad >= most then
    text = ('for %.3g of %g s: %s'):format(lasted, hold, tostring(reason))
  end
  return tell(task, 'failing', text)
end

-- A look has ended.
local function settle(task, verdict, reason)
  local p = task[SELF]
  if verdict == nil then
    if p.said ~= 'unknown' and not p.is_ready then tell(task, 'unknown', reason) end
  elseif verdict then
    p.good, p.bad, p.since = p.good + 1, 0, nil
    local enough = p.good >= (p.spec.fields.successes or 1)
    if enough then become(task, 'alive', reason) end
  else
    count_bad(task, reason or 'it gave no reason')
  end
end

local function next_waiting()
  while looking < AT_ONCE and first <= last do
    local task = queue[first]
    queue[first] = nil
    first = first + 1
    if task[ID] and task[SELF].waits then
      task[SELF].waits = nil
      probe.next(task)
    end
  end
end

-- The run is over and all that it opened is closed; its probe goes on.
local function finish_run(run, verdict, reason)
  local task, phase = run[SELF], run[PHASE]
  local p = task[SELF]
  local ended = p.ended
  own[run[ID]] = nil
  schedule.discard(run)
  looking = looking - 1
  p.run, p.ended = nil, nil
  if ended then
    verdict, reason = ended.verdict, ended.reason
  end
  if p.over then
    schedule.finish(task, host.why.OK)
  elseif phase == 'load' then
    if not p.spec then
      tell(task, 'unknown', reason)
    else
      plan_next(task, host.now() + p.delay)
    end
  elseif phase == 'check' and p.on then
    settle(task, verdict, reason)
    if not p.run then plan_next(task, math.max(p.began + p.every, host.now())) end
  else
    if phase == 'call' and reason then judge.log(task, 'its action: ' .. reason) end
    plan_next(task, host.now() + p.every)
  end
  return next_waiting()
end

function look.done(run, verdict, reason)
  local task, phase = run[SELF], run[PHASE]
  if phase == 'load' then
    local p, fields = task[SELF], verdict.fields
    p.spec, p.delay = verdict, fields.delay or 0
    p.timeout = fields.timeout or 1
    p.every = fields.every or p.is_ready and READY_EVERY or 10
    p.wants, p.on = judge.wants_unit(verdict), judge.looks_in(verdict, p.state, p.ready)
    if p.is_ready then p.on = true end
    if judge.wants_lines(verdict) then host.put(up.LINES, task[ID]) end
  end
  if phase == 'call' then verdict, reason = nil, nil end
  return finish_run(run, verdict, reason)
end

-- Whose fault it is that there is no memory nobody can say, its unit's the least.
function look.fail(run, message, traceback)
  if message:find 'not enough memory$' then
    return finish_run(run, nil, "the probes' runner has not enough memory")
  end
  if run[PHASE] ~= 'check' then message = message .. '\n' .. traceback end
  return finish_run(run, false, message)
end

function look.upset(run, message, traceback)
  schedule.abandon(run)
  return look.fail(run, message, traceback)
end

function look.interrupted(run, traceback)
  return finish_run(run, false, 'interrupted: it held up the others\n' .. traceback)
end

function look.ask() end
function look.emit() end
function look.kill() end

-- Its time is up. If the runner itself was not there for it, nobody knows.
local function overrun(task)
  local p = task[SELF]
  local late = lost(p)
  if late > math.max(LATE, p.timeout and p.timeout * LATE_SHARE or 0) then
    p.ended = { reason = ('the probes were late by %.2g s'):format(late) }
  else
    local text = ('no answer within %g s'):format(p.timeout or LOAD_MAX)
    p.ended = { verdict = false, reason = text }
  end
  return schedule.kill(p.run)
end

local function start_look(task, unit)
  local p = task[SELF]
  p.unit = unit
  local lines = p.lines
  p.lines = nil
  return begin(task, 'check', host.now() + p.timeout, judge.look, p.spec, unit, lines)
end

--- Its moment has come: to look, or to end a look that takes too long.
function probe.next(task)
  local p = task[SELF]
  if p.run then return overrun(task) end
  if not p.on or p.over or p.asked then return end
  if looking >= AT_ONCE then
    last = last + 1
    queue[last], p.waits = task, true
    return
  end
  if not p.wants then return start_look(task) end
  p.asked = true
  return host.put(up.LOOK, task[ID])
end

local function hear_unit(task, text)
  local p = task[SELF]
  if not p.asked then return end
  p.asked = nil
  if p.on and not p.run then return start_look(task, cjson.decode(text)) end
end

local function hear_state(task, text, is_ready)
  local p = task[SELF]
  local is_first = p.state == nil
  p.state, p.ready = text, is_ready == 1
  if not p.spec or p.is_ready then return end
  local on = judge.looks_in(p.spec, p.state, p.ready)
  if on == p.on then return end
  p.on, p.waits, p.asked = on, nil, nil
  if not is_first then
    p.good, p.bad, p.since = 0, 0, nil
  end
  if not p.run then plan_next(task, host.now() + p.delay) end
end

local function hear_line(task, text, stream, missed)
  local p = task[SELF]
  host.put(up.TAKEN, task[ID], 1)
  p.lines = judge.keep_line(p.lines, stream, text, missed)
end

local function load_spec(task)
  local p = task[SELF]
  p.on = false
  local at = host.now() + LOAD_MAX
  return begin(task, 'load', at, judge.load, task[KIND].code)
end

--- @param task runsmith.Task
--- @param text string how often it was bad in a row, where a runner before this knew
function probe.begin(task, text)
  local is_ready, bad = task[KIND].what == judge.READY, tonumber(text) or 0
  task[SELF] = { on = false, good = 0, bad = bad, is_ready = is_ready }
  task[PHASE] = 'between'
  return load_spec(task)
end

--- Its unit has ended, or the tree has it no longer.
function probe.ask(task)
  local p = task[SELF]
  p.over = true
  if p.run then return schedule.kill(p.run) end
  return schedule.finish(task, host.why.OK)
end

function probe.emit() end
function probe.kill() end

-- It is described anew; what it counted stays if it is the same.
function probe.renew(task)
  local p = task[SELF]
  if p.over then return end
  if p.run then
    looking = looking - 1
    own[p.run[ID]] = nil
    schedule.discard(p.run)
  end
  cancel(task)
  task[SELF] = { on = false, good = 0, bad = 0, is_ready = p.is_ready }
  task[SELF].state, task[SELF].ready = p.state, p.ready
  return load_spec(task)
end

local function hear_patch(task, _, number, row)
  local before, kind = task[KIND], judge.kind(number, row, task[KIND].runs)
  kind.plan:enter()
  task[KIND] = kind
  before.plan:leave()
  if kind.key ~= before.key then return kind.runs.renew(task) end
end

-- Counts whose time the VM's is.
local function timed(id, from, ...)
  local span = host.now() - from
  busy = busy + span
  if own[id] then own[id] = own[id] + span end
  return ...
end

--- Makes this VM the probes'.
function M.install()
  local resume = host.resume
  function host.resume(id, ...) return timed(id, host.now(), resume(id, ...)) end
  local commands = require 'runsmith.vm.commands'
  commands.starts(function(number, row)
    local is_activity = judge.what(number, row) == judge.ACTIVITY
    return judge.kind(number, row, is_activity and activity or probe)
  end)
  commands.on(down.STATE, hear_state)
  commands.on(down.UNIT, hear_unit)
  commands.on(down.LINE, hear_line)
  commands.on(down.PATCH, hear_patch)
  commands.on(down.ENTRY, activity.hear)
end

return M
