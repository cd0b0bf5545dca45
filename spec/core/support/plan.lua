--- Trees as Lua tables → plans, without the script's compiler: what the core reads.
local ffi = require 'ffi'
local lib = require 'spec.core.support.lib'

local M = {}

local C, time, NONE = lib.C, lib.time, lib.NONE

local LIFE = { -- starting -run-> running -stop-> closing -done-> stopped; or crashed
  { 'starting', timeout = 10, on = { { 'error', 4 }, { 'run', 1, 1 } } },
  { 'running', heartbeat = 2, ready = true, on = { { 'error', 4 }, { 'stop', 2, 1 } } },
  { 'closing', timeout = 10, on = { { 'done', 3 }, { 'error', 4 } } },
  { 'stopped', ends = 1 },
  { 'crashed', ends = 2 },
}

local KIND = { supervisor = 1, worker = 2, command = 3 }
local BACKEND = { coroutine = 1, thread = 2, process = 3, command = 4, custom = 5 }
local STRATEGY = { one_for_one = 0, one_for_all = 1, rest_for_one = 2 }
local RESTART = { transient = 0, permanent = 1, temporary = 2 }
local AUTO = { never = 0, any = 1, all = 2 }
local TYPES = {
  [0] = 'rs_plan_unit', 'rs_plan_spec', 'rs_plan_life', 'rs_plan_state', 'rs_plan_edge',
  'uint32_t', 'rs_plan_exec', 'rs_plan_module', 'rs_plan_backend', 'rs_plan_probe',
  'rs_plan_channel', 'uint8_t',
}

local function add(self, place, row)
  local rows = self[place]
  rows[#rows + 1] = row
  return #rows - 1
end

local function ref(self, text)
  text = text or ''
  local at = #self.heap
  self.heap = self.heap .. text
  return { at = at, len = #text }
end

local function add_life(self, states)
  local number = self.lives[states]
  if number then return number end
  local first = #self[3]
  for _, state in ipairs(states) do
    local row = ffi.new('rs_plan_state', {
      name = ref(self, state[1]), timeout = time(state.timeout or math.huge),
      heartbeat = time(state.heartbeat or math.huge), every = 0,
      ready = state.ready and 1 or 0, ends = state.ends or 0,
      edge_at = #self[4], edge_count = #(state.on or {}),
    })
    for _, edge in ipairs(state.on or {}) do
      add(self, 4, ffi.new('rs_plan_edge', {
        event = ref(self, edge[1]), to = edge[2], timeout = time(edge[3] or math.huge),
      }))
    end
    add(self, 3, row)
  end
  number = add(self, 2, ffi.new('rs_plan_life', { first, #states }))
  self.lives[states] = number
  return number
end

local function shutdown(value, default)
  if value == nil then value = default end
  if value == 'kill' then return -1 end
  return time(value)
end

local function flags_of(unit, is_root)
  return bit.bor(
    (is_root or unit.isolate) and C.RS_ISOLATE or 0, unit.ordered and C.RS_ORDERED or 0,
    unit.significant and C.RS_SIGNIFICANT or 0, unit.brief and C.RS_BRIEF or 0,
    unit.pool and C.RS_POOL or 0, unit.template and C.RS_TEMPLATE or 0,
    unit.task and C.RS_TASK or 0)
end

local function add_spec(self, unit, is_root)
  local boss = unit.kind == 'supervisor'
  local backoff = unit.backoff or {}
  local lua = not boss and unit.kind == 'worker' and unit.backend ~= 'custom'
  local backend = unit.kind == 'command' and 'command' or unit.backend or 'coroutine'
  local own = unit.own or {}
  return add(self, 1, ffi.new('rs_plan_spec', {
    kind = KIND[unit.kind], backend = boss and 0 or BACKEND[backend],
    restart = RESTART[unit.restart or 'transient'],
    strategy = STRATEGY[unit.strategy or 'one_for_one'],
    auto_shutdown = AUTO[unit.auto or 'never'], flags = flags_of(unit, is_root),
    vms = unit.vms or 1, max = unit.max or 3, within = time(unit.within or 5),
    own_max = own.max or NONE, own_within = time(own.within or math.huge),
    backoff_first = time(backoff.first or 0), backoff_max = time(backoff.max or 60),
    backoff_reset = time(backoff.reset or 60), backoff_factor = backoff.factor or 2,
    backoff_jitter = backoff.jitter or 0,
    shutdown = shutdown(unit.shutdown, boss and math.huge or 5),
    launch = time(unit.launch or 10), stall = time(unit.stall or math.huge),
    heartbeat = time(unit.heartbeat or math.huge),
    life = lua and add_life(self, unit.life or LIFE) or NONE,
    exec = unit.kind == 'command' and 0 or NONE,
    custom = backend == 'custom' and 0 or NONE, run_module = NONE,
  }))
end

local function add_unit(self, unit, parent)
  local row = #self[0]
  self.rows[unit] = row
  add(self, 0, ffi.new('rs_plan_unit', {
    name = ref(self, unit.template and '' or unit.name),
    parent = parent or NONE, spec = add_spec(self, unit, not parent),
    identity = unit.version or 1,
  }))
  for _, child in ipairs(unit) do add_unit(self, child, row) end
  if unit.pool then
    unit.pool.template = true
    add_unit(self, unit.pool, row)
  end
end

local function add_afters(self, unit)
  local names = {}
  for _, child in ipairs(unit) do names[child.name] = self.rows[child] end
  for _, child in ipairs(unit) do
    self.afters[self.rows[child]] = { child.after or {}, names }
    add_afters(self, child)
  end
  local pool = unit.pool
  if pool then self.afters[self.rows[pool]] = { pool.after or {}, names } end
end

local function lay_out(self)
  local parts, at = {}, ffi.sizeof 'rs_plan'
  local head = ffi.new 'rs_plan'
  ffi.copy(head.magic, 'rsplan01', 8)
  head.abi = C.RS_ABI
  for place = 0, 11 do
    local bytes, count
    if place == 11 then
      bytes, count = self.heap, #self.heap
    else
      count = #self[place]
      local rows = ffi.new(TYPES[place] .. '[?]', count)
      for i = 0, count - 1 do rows[i] = self[place][i + 1] end
      bytes = ffi.string(rows, ffi.sizeof(rows))
    end
    bytes = bytes .. ('\0'):rep(-#bytes % 8)
    head.tables[place].at, head.tables[place].count = at, count
    parts[#parts + 1] = bytes
    at = at + #bytes
  end
  head.size = at
  return ffi.string(head, ffi.sizeof 'rs_plan') .. table.concat(parts)
end

--- @param tree table the root: fields as in the contract, children in the array part
--- @return string bytes
function M.bytes(tree)
  local self = { heap = '', lives = {}, rows = {}, afters = {} }
  for place = 0, 11 do self[place] = {} end
  add(self, 6, ffi.new('rs_plan_exec', {
    argv = ref(self, 'true\0'), umask = -1, nice = 127, oom_score_adj = 2000,
    stop_signal = 15, ready_fd = -1, ready_probe = NONE,
    files_hash = tree.contents or 0,
  }))
  add(self, 8, ffi.new('rs_plan_backend', {}))
  add_unit(self, tree)
  add_afters(self, tree)
  for row = 0, #self[0] - 1 do
    local list, names = unpack(self.afters[row] or { {} })
    local unit = self[0][row + 1]
    unit.after_at, unit.after_count = #self[5], #list
    for _, name in ipairs(list) do add(self, 5, names[name]) end
  end
  return lay_out(self)
end

--- @return ffi.cdata* plan, string bytes keep these as long as the plan is used
function M.make(tree)
  local bytes = M.bytes(tree)
  local copy = ffi.new('uint64_t[?]', math.ceil(#bytes / 8))
  ffi.copy(copy, bytes, #bytes)
  return ffi.cast('const rs_plan *', copy), copy, #bytes
end

--- @return boolean good, string why
function M.check(bytes)
  local copy = ffi.new('uint64_t[?]', math.ceil(#bytes / 8) + 1)
  ffi.copy(copy, bytes, #bytes)
  local why = ffi.new 'char[200]'
  return C.rs_plan_check(copy, #bytes, why, 200) == 0, ffi.string(why)
end

for kind in pairs(KIND) do
  --- rs.supervisor, rs.worker, rs.command in small.
  M[kind] = function(name)
    return function(fields)
      fields.name, fields.kind = name, kind
      return fields
    end
  end
end

return M
