--- A plan's units as nested tables, for drawing and for JSON.
local abi = require 'runsmith.abi'
local terminal = require 'cli.terminal'
local travel = require 'runsmith.tree.travel'

local M = {}

local C, seconds = abi.C, abi.seconds

local KINDS = {
  [C.RS_SUPERVISOR] = 'supervisor',
  [C.RS_WORKER] = 'worker',
  [C.RS_COMMAND] = 'command',
}
local BACKENDS = {
  [C.RS_COROUTINE] = 'coroutine',
  [C.RS_THREAD] = 'thread',
  [C.RS_PROCESS] = 'process',
}
local STRATEGIES = {
  [C.RS_ONE_FOR_ONE] = 'one_for_one',
  [C.RS_ONE_FOR_ALL] = 'one_for_all',
  [C.RS_REST_FOR_ONE] = 'rest_for_one',
}
local RESTARTS = {
  [C.RS_TRANSIENT] = 'transient',
  [C.RS_PERMANENT] = 'permanent',
  [C.RS_TEMPORARY] = 'temporary',
}
local AUTO = {
  [C.RS_AUTO_NEVER] = 'never',
  [C.RS_AUTO_ANY] = 'any_significant',
  [C.RS_AUTO_ALL] = 'all_significant',
}

local function finite(time)
  local number = seconds(time)
  return number < math.huge and number or nil
end

local function shutdown_of(spec)
  if spec.shutdown < 0 then return 'kill' end
  return finite(spec.shutdown) or 'forever'
end

-- A definition is never decoded: that would make functions of it. Its shape is enough.
local function runs(view, spec)
  if spec.kind == C.RS_COMMAND then
    return table.concat(view:list(view.exec[spec.exec].argv), ' ')
  elseif spec.run_module ~= abi.NONE then
    return view:bytes(view.module[spec.run_module].name)
  elseif bit.band(spec.flags, C.RS_TASK) ~= 0 then
    return 'a function'
  elseif spec.run.len > 0 then
    return travel.named_module(view:bytes(spec.run)) or 'a definition'
  end
end

local function heartbeat_of(view, spec)
  if spec.life == abi.NONE then return finite(spec.heartbeat) end
  local life, least = view.life[spec.life], math.huge
  for i = life.state_at, life.state_at + life.state_count - 1 do
    least = math.min(least, seconds(view.state[i].heartbeat))
  end
  return least < math.huge and least or nil
end

local function after_of(view, unit)
  local names = {}
  for i = 0, unit.after_count - 1 do
    names[i + 1] = view:bytes(view.unit[view.after[unit.after_at + i]].name)
  end
  return names[1] and names or nil
end

local function add_supervisor(entry, spec, has)
  entry.strategy = STRATEGIES[spec.strategy]
  local max = spec.max ~= abi.NONE and spec.max or nil
  entry.intensity = { max = max, within = finite(spec.within) }
  entry.isolate, entry.vms = has(C.RS_ISOLATE), spec.vms
  entry.ordered, entry.pool = has(C.RS_ORDERED), has(C.RS_POOL)
  entry.journal = has(C.RS_BRIEF) and 'brief' or 'full'
  entry.auto_shutdown = AUTO[spec.auto_shutdown]
  entry.children = {}
end

--- One unit of a plan.
--- @param view runsmith.View
--- @param row integer
--- @return table
function M.unit(view, row)
  local unit = view.unit[row]
  local spec = view.spec[unit.spec]
  local function has(flag) return bit.band(spec.flags, flag) ~= 0 end
  local entry = {
    name = has(C.RS_TEMPLATE) and '(pool)' or view:bytes(unit.name),
    kind = KINDS[spec.kind],
    runs = runs(view, spec),
    after = after_of(view, unit),
    restart = RESTARTS[spec.restart],
    shutdown = shutdown_of(spec),
    launch = finite(spec.launch),
    heartbeat = heartbeat_of(view, spec),
    stall = finite(spec.stall),
    significant = has(C.RS_SIGNIFICANT),
    backoff = spec.backoff_first > 0 and seconds(spec.backoff_first) or nil,
    file = view:bytes(unit.file),
    line = unit.line,
  }
  if spec.kind == C.RS_SUPERVISOR then
    add_supervisor(entry, spec, has)
  elseif spec.backend == C.RS_CUSTOM then
    entry.backend = view:bytes(view.backend[spec.custom].name)
  else
    entry.backend = BACKENDS[spec.backend]
  end
  return entry
end

--- All units, nested.
--- @param view runsmith.View
--- @return table root
function M.tree(view)
  local made = {}
  for row = 0, view.count.unit - 1 do
    local entry = M.unit(view, row)
    made[row] = entry
    if row > 0 then
      local children = made[view.unit[row].parent].children
      children[#children + 1] = entry
    end
  end
  return made[0]
end

--- How many there are.
--- @param view runsmith.View
--- @return string
function M.summary(view)
  local counts = { supervisor = 0, worker = 0, command = 0 }
  for row = 0, view.count.unit - 1 do
    local kind = KINDS[view.spec[view.unit[row].spec].kind]
    counts[kind] = counts[kind] + 1
  end
  local parts = {}
  for _, kind in ipairs { 'supervisor', 'worker', 'command' } do
    if counts[kind] > 0 then parts[#parts + 1] = terminal.count(counts[kind], kind) end
  end
  return table.concat(parts, ', ')
end

return M
