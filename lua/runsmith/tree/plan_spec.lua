--- The rules that units share: rows of RS_T_SPEC, RS_T_LIFE, RS_T_STATE and RS_T_EDGE.
local abi = require 'runsmith.abi'
local ffi = require 'ffi'
local plan_exec = require 'runsmith.tree.plan_exec'
local travel = require 'runsmith.tree.travel'

local M = {}

local C, time, NONE, NEVER = abi.C, abi.time, abi.NONE, abi.NEVER

local KINDS =
  { supervisor = C.RS_SUPERVISOR, worker = C.RS_WORKER, command = C.RS_COMMAND }
local BACKENDS = {
  coroutine = C.RS_COROUTINE,
  thread = C.RS_THREAD,
  process = C.RS_PROCESS,
}
local STRATEGIES = {
  one_for_one = C.RS_ONE_FOR_ONE,
  one_for_all = C.RS_ONE_FOR_ALL,
  rest_for_one = C.RS_REST_FOR_ONE,
}
local RESTARTS = {
  transient = C.RS_TRANSIENT,
  permanent = C.RS_PERMANENT,
  temporary = C.RS_TEMPORARY,
}
local AUTO = {
  never = C.RS_AUTO_NEVER,
  any_significant = C.RS_AUTO_ANY,
  all_significant = C.RS_AUTO_ALL,
}
local ENDS = { ok = C.RS_ENDS_OK, error = C.RS_ENDS_ERROR, [false] = C.RS_ENDS_NOT }

local function put_state(self, state)
  local row = self.rows.state:add()
  self:put(row.name, state.name)
  row.timeout, row.heartbeat = time(state.timeout), time(state.heartbeat)
  row.every = time(state.every)
  row.ready, row.ends = state.ready and 1 or 0, ENDS[state.ends]
  row.edge_at, row.edge_count = self.rows.edge.count, #state.edges
  for _, edge in ipairs(state.edges) do
    local edge_row = self.rows.edge:add()
    self:put(edge_row.event, edge.event)
    edge_row.to, edge_row.timeout = edge.to - 1, time(edge.timeout)
  end
end

-- A lifecycle's row; equal ones share it.
local function life_row(self, life)
  if not life then return NONE end
  local parts = {}
  for _, state in ipairs(life.states) do
    parts[#parts + 1] = ('%s %.17g %.17g %.17g %s %s'):format(
      state.name,
      state.timeout,
      state.heartbeat,
      state.every,
      tostring(state.ready),
      tostring(state.ends)
    )
    for _, edge in ipairs(state.edges) do
      parts[#parts + 1] = ('  %s %d %.17g'):format(edge.event, edge.to, edge.timeout)
    end
  end
  local key = table.concat(parts, '\n')
  local number = self.lives[key]
  if number then return number end
  local row
  row, number = self.rows.life:add()
  row.state_at, row.state_count = self.rows.state.count, #life.states
  for _, state in ipairs(life.states) do
    put_state(self, state)
  end
  self.lives[key] = number
  return number
end

-- The states without the timeouts, which change in place.
local function life_essence(life)
  local parts = {}
  for i, state in ipairs(life and life.states or {}) do
    local edges = {}
    for j, edge in ipairs(state.edges) do
      edges[j] = { edge.event, edge.to }
    end
    parts[i] = { state.name, state.ends, state.ready, edges }
  end
  return parts
end

local function shutdown_time(value, default)
  if value == nil then value = default end
  if value == 'kill' then return -1 end
  if value == 'forever' then return NEVER end
  return time(value)
end

local function put_backoff(row, backoff)
  if not backoff then return end
  row.backoff_first = time(backoff.first)
  row.backoff_factor = backoff.factor or 2
  row.backoff_max = time(backoff.max or math.max(60, backoff.first))
  row.backoff_jitter = backoff.jitter or 0
  row.backoff_reset = time(backoff.reset or 60)
end

-- The flags whose condition holds.
local function flags_of(conditions)
  local flags = 0
  for flag, condition in pairs(conditions) do
    if condition then flags = bit.bor(flags, C[flag]) end
  end
  return flags
end

-- How many restarts an intensity lets happen.
local function restarts(intensity)
  local max = intensity.max or 3
  return max == math.huge and NONE or max
end

local function put_supervisor(row, fields, is_root)
  local intensity = fields.intensity or {}
  row.strategy = STRATEGIES[fields.strategy or 'one_for_one']
  row.auto_shutdown = AUTO[fields.auto_shutdown or 'never']
  row.vms = fields.vms or 1
  row.max, row.within = restarts(intensity), time(intensity.within or 5)
  row.own_max, row.own_within = NONE, NEVER
  row.shutdown = shutdown_time(fields.shutdown, 'forever')
  row.launch = fields.launch and time(fields.launch) or NEVER
  row.stall = NEVER
  put_backoff(row, fields.backoff)
  return flags_of {
    RS_ISOLATE = fields.isolate or is_root,
    RS_ORDERED = fields.ordered or fields.strategy == 'rest_for_one',
    RS_BRIEF = fields.journal == 'brief',
    RS_POOL = fields.pool ~= nil,
  }
end

local function put_child(row, fields)
  local intensity = fields.intensity
  row.vms, row.max, row.within = 1, 0, NEVER
  row.own_max, row.own_within = NONE, NEVER
  if intensity then
    row.own_max, row.own_within = restarts(intensity), time(intensity.within or 5)
  end
  row.shutdown = shutdown_time(fields.shutdown, 5)
  row.launch = time(fields.launch or 10)
end

local function put_worker(self, row, tree, leaf)
  local fields = leaf.fields
  local backend = fields.backend or 'coroutine'
  local custom = tree.custom[backend]
  row.backend = custom and C.RS_CUSTOM or BACKENDS[backend]
  row.custom = custom and custom.row or NONE
  local shared = backend == 'coroutine' and leaf.stall or math.huge
  row.stall = time(fields.stall or shared)
  if leaf.run and not custom then
    row.life = life_row(self, leaf.life)
    local pack = leaf.pack
    self:put(row.run, pack and travel.bytes(pack) or travel.encode(leaf.run))
    row.run_module = leaf.run.module and self.module_rows[leaf.run.module] or NONE
  end
  return leaf.is_task and not custom and C.RS_TASK or 0
end

local function worker_essence(self, tree, leaf)
  local custom = tree.custom[leaf.fields.backend or 'coroutine']
  local part = { life = life_essence(leaf.life), backend = leaf.fields.backend }
  if leaf.pack then
    part.run = self:essence(leaf.pack)
  elseif leaf.run then
    part.run = { leaf.run.module, self.versions[leaf.run.module] or '' }
  end
  if custom then part.custom = self:essence(tree.packs[custom.node]) end
  return part
end

--- A leaf's row, and what of it asks for a new incarnation when it changes.
--- @param self runsmith.Compiler
--- @param tree runsmith.Tree
--- @param leaf runsmith.Leaf
--- @param unit integer its row
--- @param exec integer
--- @return integer row, table essence
function M.row(self, tree, leaf, unit, exec)
  local fields = leaf.fields
  local row = ffi.new 'rs_plan_spec'
  row.kind, row.exec = KINDS[leaf.kind], exec
  row.life, row.custom, row.run_module = NONE, NONE, NONE
  row.restart = RESTARTS[fields.restart or 'transient']
  row.heartbeat = NEVER
  local flags
  local essence = { kind = leaf.kind, process = plan_exec.essence(self, tree, fields) }
  if leaf.kind == 'supervisor' then
    flags = put_supervisor(row, fields, unit == 0)
  else
    put_child(row, fields)
    if leaf.kind == 'worker' then
      flags = put_worker(self, row, tree, leaf)
      essence.worker = worker_essence(self, tree, leaf)
    else
      row.backend, row.stall, flags = C.RS_EXTERNAL, NEVER, 0
      if fields.heartbeat then row.heartbeat = time(fields.heartbeat) end
    end
  end
  row.flags = bit.bor(
    flags,
    flags_of {
      RS_SIGNIFICANT = fields.significant,
      RS_NO_NEW_PRIVS = fields.no_new_privs,
      RS_TEMPLATE = tree.template[unit],
    }
  )
  return self:share('spec', row), essence
end

return M
