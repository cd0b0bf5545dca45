--- `ctx`, the host's side of a worker. Its fields are made when they are first asked
--- for.
---
--- The array part holds what is the host's: [1] the task, [2] how many transitions
--- there were, then an edge and its time for each of the last HISTORY_MAX. All else is
--- a field.

local abi = require 'runsmith.abi'
local host = require 'runsmith.host'

local C = abi.C
local T = require 'runsmith.vm.task'
local ID, INC, ROW, KIND, QUEUE = T.ID, T.INC, T.ROW, T.KIND, T.QUEUE

local M = {}

local HISTORY_MAX = 100
local QUEUE_MAX = 16
local NONE = 0xffffffff -- RS_NONE, as a field of 32 bits reads

--- @class runsmith.Context
--- @field name string
--- @field path string
--- @field args any a copy, the worker's own
--- @field incarnation integer
--- @field stopping boolean read afresh at each access
--- @field exception? { message: string, traceback: string }
--- @field history { from: string, event: string, to: string, at: number }[]
--- @field data any plain data; the next incarnation's after a reload
--- @field package pointer ffi.cdata*
local Context = {}

-- What the calls through the FFI take; nil: the incarnation has ended.
local function pointer(ctx)
  local id = ctx[1][ID]
  if not id then return nil end
  local found = abi.task(host.pointer(id))
  rawset(ctx, 'pointer', found)
  return found
end

--- A sign of life.
--- @return boolean stopping
function Context:heartbeat()
  local task = rawget(self, 'pointer') or pointer(self)
  if not task then return true end
  return C.rs_task_beat(task) ~= 0
end

--- Puts an event into the queue; it is taken in place of the next 'keepalive'.
--- @param event string
--- @return true? # or nil, 'full'
function Context:emit(event)
  if type(event) ~= 'string' then
    error('emit: an event is a string, not a ' .. type(event), 2)
  end
  return M.queue(self[1], event)
end

local lazy = {}

function lazy.name(ctx)
  local task = ctx[1]
  local view = task[KIND].plan.view
  return view:bytes(view.unit[task[ROW]].name)
end

function lazy.path(ctx)
  local task = ctx[1]
  local view = task[KIND].plan.view
  local parts, row = { ctx.name }, view.unit[task[ROW]].parent
  while row ~= NONE do
    table.insert(parts, 1, view:bytes(view.unit[row].name))
    row = view.unit[row].parent
  end
  return table.concat(parts, '/')
end

function lazy.args(ctx)
  local task = ctx[1]
  local view = task[KIND].plan.view
  local bytes = view:bytes(view.unit[task[ROW]].args)
  if bytes ~= '' then return require('string.buffer').decode(bytes) end
end

local fresh = {}

function fresh.stopping(ctx)
  local task = rawget(ctx, 'pointer') or pointer(ctx)
  if not task then return true end
  return C.rs_task_stopping(task) ~= 0
end

function fresh.incarnation(ctx) return ctx[1][INC] end

function fresh.history(ctx)
  local list, count = {}, ctx[2]
  for i = math.max(1, count - HISTORY_MAX + 1), count do
    local at = 3 + (i - 1) % HISTORY_MAX * 2
    local edge, time = ctx[at], ctx[at + 1]
    list[#list + 1] =
      { from = edge.from.name, event = edge.event, to = edge.to.name, at = time }
  end
  return list
end

function Context.__index(ctx, key)
  local get = fresh[key]
  if get then return get(ctx) end
  get = lazy[key]
  if not get then return Context[key] end
  local value = get(ctx)
  rawset(ctx, key, value)
  return value
end

function Context.__tostring(ctx)
  return ('%s (incarnation %d)'):format(ctx.path, ctx.incarnation)
end

--- @param task runsmith.Task
--- @return runsmith.Context
function M.new(task) return setmetatable({ task, 0 }, Context) end

--- Names a unit of a pool, which the plan does not.
--- @param ctx runsmith.Context
--- @param text string name, NUL, args as JSON; without these it has the template's
function M.added(ctx, text)
  local name, args = text:match '^(%Z*)%z(.*)$'
  rawset(ctx, 'name', name or text)
  if args and args ~= '' then
    rawset(ctx, 'args', require('cjson').decode(args))
  end
end

--- The incarnation has ended: its C side is no longer there.
--- @param ctx runsmith.Context
function M.ended(ctx) rawset(ctx, 'pointer', nil) end

--- Remembers a transition.
--- @param ctx runsmith.Context
--- @param edge runsmith.Edge
function M.moved(ctx, edge)
  local count = ctx[2] + 1
  local at = 3 + (count - 1) % HISTORY_MAX * 2
  ctx[at], ctx[at + 1] = edge, host.now()
  ctx[2] = count
end

--- @param task runsmith.Task
--- @param event string
--- @return true? # or nil, 'full'
function M.queue(task, event)
  local queue = task[QUEUE]
  if not queue then
    task[QUEUE] = { event }
    return true
  end
  if #queue >= QUEUE_MAX then return nil, 'full' end
  queue[#queue + 1] = event
  return true
end

return M
