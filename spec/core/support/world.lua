--- A world for the core: a clock that is told to move, units that do as they should
--- unless they are told not to, and a log of what the core decided.
local ffi = require 'ffi'
local lib = require 'spec.core.support.lib'
local plan = require 'spec.core.support.plan'

local C, NONE, time = lib.C, lib.NONE, lib.time

local World = {}
World.__index = World

local WHY = { [0] = '?', 'ok', 'error', 'exception', 'signal', 'interrupted', 'launch',
  'collateral', 'children', 'pre', 'killed' }
local CONSTRAINT = { 'heartbeat', 'timeout', 'transition', 'launch', 'stall',
  'shutdown',
  'probe', 'protocol' }
local KILLED = { 'violation', 'shutdown', 'operator', 'now' }
local AGAIN = { 'failed', 'ended', 'strategy', 'collateral', 'operator', 'reload' }
local HEALTH = { 'healthy', 'lingering', 'completed', 'failed', 'stopped', 'waiting' }

local function seconds(span) return tonumber(span) / 1e9 end

local JOURNAL = {
  [C.RS_J_STARTED] = function() return 'started' end,
  [C.RS_J_TRANSITION] = function(e) return ('state %d'):format(e.c) end,
  [C.RS_J_READY] = function() return 'ready' end,
  [C.RS_J_VIOLATION] = function(e)
    return ('violation %s %g'):format(CONSTRAINT[e.a], seconds(e.x))
  end,
  [C.RS_J_EXITED] = function(e)
    return ('exited %s%s'):format(WHY[e.a], e.c == 1 and ' expected' or '')
  end,
  [C.RS_J_KILLED] = function(e) return 'killed ' .. KILLED[e.a] end,
  [C.RS_J_RESTART] = function(e)
    return ('restart %s%s %g'):format(AGAIN[e.a], e.b == 1 and ' charged' or '',
      seconds(e.x))
  end,
  [C.RS_J_COLLATERAL] = function(e, world)
    return 'collateral of ' .. (e.other == NONE and 'nobody' or world:path(e.other))
  end,
  [C.RS_J_COMPLETED] = function() return 'completed' end,
  [C.RS_J_ESCALATED] = function(e) return ('escalated %d%s'):format(e.a,
    e.b == 1 and ' own' or '') end,
  [C.RS_J_RELOAD] = function(e)
    return ('reload +%d -%d ~%d =%d'):format(e.a, e.b, e.c, tonumber(e.x))
  end,
  [C.RS_J_STOP] = function(e) return e.a == 1 and 'stop hold' or 'stop' end,
  [C.RS_J_START] = function() return 'start' end,
}

local ANSWERS = {
  [C.RS_DO_START] = 'start', [C.RS_DO_ASK] = 'ask', [C.RS_DO_INTERRUPT] = 'interrupt',
  [C.RS_DO_KILL] = 'kill', [C.RS_DO_LOOK] = 'look', [C.RS_DO_LOOK_VM] = 'look_vm',
  [C.RS_DO_PATCH] = 'patch', [C.RS_DO_SIGNAL] = 'signal',
  [C.RS_DO_GONE] = 'gone', [C.RS_DO_DROP_PLAN] = 'drop',
  [C.RS_DO_END] = 'end', [C.RS_DO_FORGET] = 'forget',
}

--- @param tree table
--- @param options? { seed?: integer }
function World.new(tree, options)
  local self = setmetatable({
    now = 100, log = {}, paths = {}, mute = {}, plans = {}, number = 0, actions = {},
    entries = {}, live = {}, root = tree.name, out = ffi.new('rs_action[64]'),
      silent = {}, lost = {}, given = {}, wanted = {},
  }, World)
  self.core = C.rs_core_new(C.rs_spec_memory, options and options.seed or 1, 0)
  assert(self:apply(tree))
  return self
end

function World:free()
  C.rs_core_free(self.core)
  self.core = nil
  return tonumber(C.rs_spec_bytes)
end

function World:apply(tree)
  local made, keep, size = plan.make(tree)
  local why = ffi.new 'char[200]'
  if C.rs_plan_check(made, size, why, 200) ~= 0 then error(ffi.string(why)) end
  self.number = self.number + 1
  self.plans[self.number] = keep
  if C.rs_core_apply(self.core, time(self.now), made, self.number, why, 200) ~= 0 then
    return nil, ffi.string(why)
  end
  self:pump()
  return true
end

function World:path(id)
  local path = ffi.new 'char[200]'
  C.rs_core_path(self.core, id, path, 200)
  local text = ffi.string(path):gsub('^[^/]*/', '')
  if text ~= '' then self.paths[id] = text end
  return text ~= '' and text or self.paths[id]
end

--- @param path string without the root's name; the root's own is whole
function World:id(path)
  local view, whole = ffi.new 'rs_view', path
  if path ~= self.root then whole = self.root .. '/' .. path end
  local id = C.rs_core_find(self.core, whole, #whole)
  if id == NONE then error('no unit ' .. path) end
  C.rs_core_view(self.core, id, view)
  return id, view
end

function World:view(path)
  local _, view = self:id(path)
  return view
end

function World:health(path) return HEALTH[self:view(path).health] end

--- @param kind string e.g. 'EXIT'
--- @param path string
--- @param fields? table
function World:feed(kind, path, fields)
  local ev = ffi.new('rs_event', fields or {})
  local id, view = path, ffi.new 'rs_view'
  if type(path) == 'string' then
    id, view = self:id(path)
  else
    C.rs_core_view(self.core, id, view)
  end
  ev.kind, ev.unit = C['RS_EV_' .. kind], id
  if not (fields and fields.inc) then ev.inc = view.inc end
  if not (fields and fields.at) then ev.at = time(self.now) end
  C.rs_core_step(self.core, time(self.now), ev)
end

--- Feeds, then lets the core decide and the world answer until nothing is left.
function World:tell(kind, path, fields)
  self:feed(kind, path, fields)
  return self:pump()
end

function World:exit(path, why, fields)
  fields = fields or {}
  fields.a = C['RS_WHY_' .. (why or 'ok'):upper()]
  return self:tell('EXIT', path, fields)
end

local DO = {}

function DO:start(action, path)
  self.given[path] = action.b == 1
  self.live[path] = (self.live[path] or 0) + 1
  assert(self.live[path] == 1, 'two incarnations of ' .. path)
  local how = self.mute[path] and self.mute[path].start
  if how == true then return end
  self:feed('STARTED', path, { a = 1 })
  if how == 'launch' then return end
  local view = self:view(path)
  local made = ffi.cast('const rs_plan *', self.plans[action.plan])
  local base = ffi.cast('const char *', made)
  local units = ffi.cast('const rs_plan_unit *', base + made.tables[0].at)
  local specs = ffi.cast('const rs_plan_spec *', base + made.tables[1].at)
  if specs[units[view.row].spec].life == NONE then
    self:feed('READY', path)
    return
  end
  self:feed('ENTER', path, { a = 0 })
  self:feed('BEGIN', path, { a = 1 })
  self:feed('ENTER', path, { a = 1 })
end

function DO:ask(action, path)
  self.wanted[path] = action.a == 1
  self:feed('EXIT', action.unit, { a = C.RS_WHY_OK })
end

function DO:interrupt(action)
  self:feed('EXIT', action.unit, { a = C.RS_WHY_INTERRUPTED, text = 77 })
end

function DO:kill(action, path)
  local shared = self.shares and self.shares[path]
  if shared then
    self:feed('DOMAIN_DEAD', shared, { other = action.unit, other_inc = action.inc,
      b = 9 })
  else
    self:feed('EXIT', action.unit, { a = C.RS_WHY_KILLED, b = 9 })
  end
end

function DO:look(_, path)
  local silent = self.silent[path]
  self:feed('SEEN', path, { at = time(silent or self.now),
    x = time(self.lost[path] or 0) })
end

function DO:look_vm(action, path)
  local who = self.runs
  self:feed('VM_SEEN', path, who and {
    a = action.a, other = self:id(who[1]), other_inc = self:view(who[1]).inc,
    at = time(who[2]), x = time(who[3] or 0),
  } or { a = action.a, other = NONE, b = self.busy and 1 or 0 })
end

function DO:drop(action) self.dropped = action.a end

function World:perform(action)
  local name = ANSWERS[action.kind]
  local path = action.unit ~= NONE and self:path(action.unit) or ''
  if action.kind == C.RS_DO_JOURNAL then
    local e = ffi.new('rs_entry', action.entry)
    self.entries[#self.entries + 1] = e
    self.log[#self.log + 1] = ('%s: %s'):format(path, JOURNAL[e.kind](e, self))
    if e.kind == C.RS_J_EXITED then self.live[path] = nil end
    return
  end
  self.actions[#self.actions + 1] = name .. ' ' .. path
  if name ~= 'look' and name ~= 'look_vm' and name ~= 'patch' and name ~= 'forget' then
    local extra = name == 'end' and ' ' .. action.b or ''
    self.log[#self.log + 1] = name:upper() .. ' ' .. path .. extra
  end
  local mute = self.mute[path]
  if mute and mute[name] and name ~= 'start' then return end
  if DO[name] then DO[name](self, action, path) end
end

function World:pump()
  for _ = 1, 10000 do
    local n = C.rs_core_run(self.core, time(self.now), self.out, 64)
    if n == 0 then return self end
    local batch = ffi.new('rs_action[?]', n)
    ffi.copy(batch, self.out, n * ffi.sizeof 'rs_action')
    for i = 0, n - 1 do self:perform(batch[i]) end
  end
  error 'the core does not come to rest'
end

--- Lets time pass; the core is woken whenever it asked to be.
function World:advance(span)
  local till = self.now + span
  while true do
    local due = C.rs_core_due(self.core)
    if due > time(till) then break end
    self.now = math.max(self.now, seconds(due))
    self:pump()
  end
  self.now = till
  return self:pump()
end

--- The log since the last call; `pattern` keeps what matches.
function World:take(pattern)
  local got = {}
  for _, line in ipairs(self.log) do
    if not pattern or line:match(pattern) then got[#got + 1] = line end
  end
  self.log, self.actions, self.entries = {}, {}, {}
  return got
end

--- Only what was done: STARTs, ASKs, KILLs, the end.
function World:deeds() return self:take '^%u+ ' end

return World
