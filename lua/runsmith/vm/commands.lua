--- What the engine tells a VM, one command after another.

local handover = require 'runsmith.vm.handover'
local host = require 'runsmith.host'
local patch = require 'runsmith.vm.patch'
local plans = require 'runsmith.vm.plans'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local KIND, SELF, CTX = T.KIND, T.SELF, T.CTX

local M = {}

local handlers = {}
local work --- @type function calls on behalf of a task
local closing = false
local given --- @type string? what the next START's task is to have from the one before
local is_placed = false -- whose runner this is is known by the first START
local kind_of = plans.kind -- (plan's number, row) → what a START's unit is
local down = host.down

local PROBES = 4 -- RS_PLACE_PROBES

--- The runner has its place: the probes' knows of no workers.
function M.place()
  is_placed = true
  if host.place() == PROBES then require('runsmith.probe.watch').install() end
end

-- A unit whose description cannot be used is told as a failed launch.
local function refuse(slot, inc, why)
  local id = host.open(slot, inc)
  host.put(host.up.EXIT, id, host.why.LAUNCH, 0, tostring(why):sub(1, host.text_max))
  host.close(id)
end

handlers[down.DATA] = function(slot, inc) given = host.given(slot, inc) end

handlers[down.START] = function(slot, inc, number, row, text)
  local data = given
  given = nil
  if not is_placed then M.place() end
  local ok, kind = pcall(kind_of, number, row)
  if not ok then return refuse(slot, inc, kind) end
  local task = T.new(host.open(slot, inc), slot, inc, row, kind)
  schedule.add(task)
  work(task, kind.runs.begin, text or '', data)
end

-- A handler for one incarnation; what is about an earlier one is not heard.
local function about(fn)
  return function(slot, inc, a, b, text)
    local task = schedule.find(slot, inc)
    if task then work(task, fn, text or '', a, b) end
  end
end

handlers[down.ASK] = about(function(task, _, left)
  if left == 1 then handover.want(task) end
  task[KIND].runs.ask(task)
end)
handlers[down.PATCH] = about(
  function(task, _, number, row) patch.apply(task, number, row) end
)
handlers[down.END] = about(schedule.kill)
handlers[down.EMIT] = about(function(task, event) task[KIND].runs.emit(task, event) end)
handlers[down.KILL] = about(function(task) task[KIND].runs.kill(task) end)

handlers[down.CLOSE] = function() closing = true end

handlers[down.PLAN] = function(_, _, number)
  require('runsmith.vm.rehearse').run(plans.get(number))
end

handlers[down.DROP_PLAN] = function(_, _, number) plans.drop(number) end

local function reply(id, ok, text)
  host.put(host.up.REPLY, nil, id, ok and 1 or 0, text:sub(1, host.text_max))
end

-- No tail call: what it raises has a place.
local AS_EXPRESSION = 'local all = ... return all(%s\n)'
local OWN_LINE = '\n[^\n]*runsmith/vm/commands%.lua:%d+: in function <[^\n]*$'

local SKETCH = { depth = 4, items = 100 }

-- A table that is no JSON, as Lua writes it: what is no data by its name, what is in
-- itself or too deep as three dots.
local function sketch(value, depth, above)
  if type(value) == 'string' then return ('%q'):format(value) end
  local meta = type(value) == 'table' and getmetatable(value)
  local named = type(meta) == 'table' and rawget(meta, '__tostring')
  if type(value) ~= 'table' or named then return tostring(value) end
  if above[value] or depth == 0 then return '{…}' end
  above[value] = true
  local parts = {}
  for key, item in next, value do
    local name = type(key) == 'string' and key:find '^[%a_][%w_]*$' and key
      or ('[%s]'):format(sketch(key, 0, above))
    parts[#parts + 1] = ('%s = %s'):format(name, sketch(item, depth - 1, above))
    if #parts == SKETCH.items then break end
  end
  above[value] = nil
  table.sort(parts)
  if #parts == SKETCH.items then parts[#parts + 1] = '…' end
  return ('{ %s }'):format(table.concat(parts, ', '))
end

local function show(value)
  if type(value) ~= 'table' then return tostring(value) end
  local ok, text = pcall(require('cjson').encode, value)
  return ok and text or sketch(value, SKETCH.depth, {})
end

-- What a chunk returned, as `print` would have it.
local function show_all(...)
  local texts = {}
  for i = 1, select('#', ...) do
    texts[i] = show((select(i, ...)))
  end
  return table.concat(texts, '\t')
end

-- In the coroutine that can be interrupted: values have a __tostring of the user's.
local function evaluate(fn)
  local function all(...) return ... end
  return show_all(fn(all))
end

local function tell(id, ms, how, value, trace)
  if how == 'done' then return reply(id, true, value) end
  if how == 'interrupted' then
    local late = 'eval took more than %g s\n%s'
    return reply(id, false, late:format(ms / 1000, schedule.trimmed(value)))
  end
  if how == 'yield' then return reply(id, false, 'eval cannot wait') end
  if not trace then return reply(id, false, tostring(value)) end
  return reply(id, false, value .. '\n' .. trace:gsub(OWN_LINE, ''))
end

handlers[down.EVAL] = function(slot, inc, id, ms, text)
  local task = schedule.find(slot, inc)
  if not task then return reply(id, false, 'this incarnation has ended') end
  local names = { self = task[SELF], ctx = task[CTX] }
  local env = setmetatable(names, { __index = _G, __newindex = _G })
  local fn, why = loadstring(AS_EXPRESSION:format(text), '=eval')
  if not fn then
    fn, why = loadstring(text, '=eval')
  end
  if not fn then return reply(id, false, why) end
  setfenv(fn, env)
  if (ms or 0) > 0 then host.limit(ms / 1000) end
  return tell(id, ms, schedule.lend(task, coroutine.create(evaluate), fn))
end

local function handle(kind, slot, inc, a, b, text)
  if not kind then return false end
  local handler = handlers[kind]
  if handler then handler(slot, inc, a, b, text) end
  return true
end

--- Has a kind of command about one incarnation call `fn(task, text, a, b)`.
--- @param kind integer host.down
--- @param fn fun(task: runsmith.Task, text: string, a: integer, b: integer)
function M.on(kind, fn) handlers[kind] = about(fn) end

--- What START's numbers name here, if not a unit: the probes' runner says.
--- @param fn fun(number: integer, row: integer): runsmith.Kind
function M.starts(fn) kind_of = fn end

--- Takes the next command; false: there is none.
--- @param for_task function (task, fn, ...) calls fn(task, ...)
function M.take(for_task)
  work = for_task
  return handle(host.receive())
end

--- No unit will come any more: the VM ends with its last task.
function M.is_closing() return closing end

return M
