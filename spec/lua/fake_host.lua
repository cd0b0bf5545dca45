--- A VM without its C side: `runsmith.host` with a clock that the spec owns, down
--- records that it feeds and up records that it reads, and plans that are Lua tables.
--- Coroutines are really resumed; nothing sleeps. `fake.new()` loads the modules of
--- lua/runsmith afresh on top of it.

local M = {}

local NONE = 0xffffffff

local function numbers(names)
  local set = {}
  for number, name in ipairs(names) do
    set[name] = number
  end
  return set
end

local UP = numbers {
  'BEGIN', 'ENTER', 'EXIT', 'LOG', 'OUTPUT', 'DROPPED', 'RUNS', 'READY', 'STATUS',
  'HANDLE', 'GONE', 'REPLY', 'LOOK', 'VERDICT', 'LINES', 'TAKEN',
}
local DOWN = numbers {
  'START', 'ASK', 'END', 'EMIT', 'KILL', 'CLOSE', 'DROP_PLAN', 'EVAL', 'PLAN',
  'STATE', 'UNIT', 'PATCH', 'LINE', 'ENTRY', 'DATA',
}
local WHY = numbers {
  'OK', 'ERROR', 'EXCEPTION', 'SIGNAL', 'INTERRUPTED', 'LAUNCH', 'COLLATERAL',
  'CHILDREN', 'PRE', 'KILLED',
}

local UP_NAMES, WHY_NAMES = {}, {}
for name, number in pairs(UP) do
  UP_NAMES[number] = name
end
for name, number in pairs(WHY) do
  WHY_NAMES[number] = name
end

--- @class fake.Vm
local Vm = {}
Vm.__index = Vm

-- Resumes as the C side does: an armed task's coroutine is interrupted until it is
-- dead.
local function resume_armed(co, ...)
  local where
  debug.sethook(function()
    if coroutine.running() ~= co then return end
    where = where or debug.traceback(co, 'interrupted')
    error('interrupted', 0)
  end, '', 1)
  for _ = 1, 100 do
    coroutine.resume(co, ...)
    if coroutine.status(co) == 'dead' then break end
  end
  debug.sethook()
  return 'interrupted', where or 'interrupted'
end

local function outcome(co, ok, ...)
  if not ok then return 'error', tostring((...)), debug.traceback(co) end
  if coroutine.status(co) == 'dead' then return 'done', ... end
  return 'yield', ...
end

local function add_tasks(vm, host)
  local next_id = 1
  function host.open(slot, inc)
    local id = table.remove(vm.free) or next_id
    if id == next_id then next_id = next_id + 1 end
    vm.tasks[id] = { slot = slot, inc = inc, beats = 1 }
    vm.opened = vm.opened + 1
    return id
  end

  function host.close(id)
    assert(vm.tasks[id], 'closed twice')
    vm.tasks[id], vm.timers[id] = nil, nil
    vm.free[#vm.free + 1] = id
    vm.opened = vm.opened - 1
  end

  function host.pointer(id) return id end
  function host.stopping(id) return vm.stopping[vm.tasks[id].slot] or false end
  function host.beat(id) vm.tasks[id].beats = vm.tasks[id].beats + 1 end
  function host.arm(id) vm.tasks[id].armed = true end
  function host.running() return vm.running end

  function host.resume(id, co, ...)
    assert(vm.tasks[id], 'a closed task is resumed')
    assert(not vm.running, 'a resume inside another')
    vm.running = id
    local function back(...)
      vm.running = nil
      return ...
    end
    if vm.tasks[id].armed then return back(resume_armed(co, ...)) end
    return back(outcome(co, coroutine.resume(co, ...)))
  end
end

local function add_timers(vm, host)
  function host.now() return vm.clock end

  function host.note(id, at, bad)
    assert(vm.tasks[id], 'a note of a closed task')
    vm.notes = vm.notes or {}
    vm.notes[id] = { next = at, bad = bad }
  end
  function host.timer(id, at)
    assert(vm.tasks[id], 'a timer of a closed task')
    vm.timers[id] = at
  end

  function host.expired()
    local first
    for id, at in pairs(vm.timers) do
      local before = not first or at < vm.timers[first]
      local tie = first and at == vm.timers[first] and id < first
      if at <= vm.clock and (before or tie) then first = id end
    end
    if first then vm.timers[first] = nil end
    return first
  end
end

local function add_records(vm, host)
  function host.receive()
    local command = table.remove(vm.down, 1)
    if command then return unpack(command, 1, 6) end
  end

  function host.put(kind, id, a, b, text)
    local task = id and assert(vm.tasks[id], 'a record of a closed task') or {}
    assert(#(text or '') <= host.text_max)
    local record = {
      kind = assert(UP_NAMES[kind]),
      slot = task.slot,
      inc = task.inc,
      a = a or 0,
      b = b or 0,
      text = text or '',
    }
    if record.kind == 'EXIT' then record.why = WHY_NAMES[a] end
    vm.up[#vm.up + 1] = record
  end

  function host.enter() vm.section = vm.section + 1 end
  function host.leave()
    vm.section = vm.section - 1
    assert(vm.section >= 0, 'a section was left twice')
  end
end

local function add_plans(vm, host)
  function host.plan(number)
    if vm.plans[number] then
      vm.pinned[number] = true
      return number, 0
    end
  end
  function host.drop(number) vm.pinned[number] = nil end
end

local function bytes(_, text) return text or '' end

local function fake_abi(vm)
  return {
    C = {
      RS_PROCESS = 3,
      RS_CUSTOM = 5,
      RS_TASK = 64,
      rs_task_beat = function(id)
        vm.host.beat(id)
        return vm.host.stopping(id) and 1 or 0
      end,
      rs_task_stopping = function(id) return vm.host.stopping(id) and 1 or 0 end,
    },
    NONE = NONE,
    task = function(pointer) return pointer end,
    view = function(number) return vm.plans[number] end,
  }
end

-- What runs is given to plans as it is: travel's encoding has a spec of its own.
local function fake_travel(vm)
  return {
    encode = function(what)
      vm.code[#vm.code + 1] = what
      return #vm.code
    end,
    decode = function(code)
      local what = vm.code[code]
      return type(what) == 'function' and what() or what
    end,
    modules = function() return vm.named or {} end,
  }
end

local function forget_modules()
  for name in pairs(package.loaded) do
    if name:find '^runsmith' or name:find '^std%.' then package.loaded[name] = nil end
  end
end

--- A fresh VM. Its modules are `vm.schedule` and what `require` gives after that.
--- @return fake.Vm
function M.new()
  forget_modules()
  local vm = setmetatable({
    clock = 100,
    down = {},
    up = {},
    tasks = {},
    free = {},
    timers = {},
    stopping = {},
    plans = {},
    pinned = {},
    code = {},
    section = 0,
    opened = 0,
  }, Vm)
  local host = { up = UP, down = DOWN, why = WHY, text_max = 16320 }
  vm.host = host
  add_tasks(vm, host)
  add_timers(vm, host)
  add_records(vm, host)
  add_plans(vm, host)
  function host.place() return vm.place or 1, 'plant' end
  package.loaded['runsmith.host'] = host
  package.loaded['runsmith.abi'] = fake_abi(vm)
  package.loaded['runsmith.tree.travel'] = fake_travel(vm)
  vm.schedule = require 'runsmith.vm.schedule'
  vm.load = require 'runsmith.vm.load'
  vm.turns = require 'runsmith.vm.turn'
  return vm
end

local function add_states(view, rows)
  local at, index = #view.state + 1, {}
  for i, row in ipairs(rows) do
    index[row[1]] = i - 1
  end
  for _, row in ipairs(rows) do
    local names = {}
    for event in pairs(row.on or {}) do
      names[#names + 1] = event
    end
    table.sort(names)
    view.state[#view.state + 1] = {
      name = row[1],
      every = (row.every or 0) * 1e9,
      ends = ({ ok = 1, error = 2 })[row.ends] or 0,
      edge_at = #view.edge + 1,
      edge_count = #names,
    }
    for _, event in ipairs(names) do
      view.edge[#view.edge + 1] = { event = event, to = assert(index[row.on[event]]) }
    end
  end
  view.life[#view.life + 1] = { state_at = at, state_count = #rows }
  return #view.life
end

M.DEFAULT = {
  { 'starting', on = { run = 'running', error = 'crashed' } },
  { 'running', on = { complete = 'terminating', error = 'crashed' } },
  { 'terminating', on = { complete = 'stopped', error = 'crashed' } },
  { 'stopped', ends = 'ok' },
  { 'crashed', ends = 'error' },
}

local function add_code(vm, run)
  if type(run) == 'string' then run = { module = run } end
  if run.lifecycle or run.define then run = { definition = run } end
  vm.code[#vm.code + 1] = run
  return #vm.code
end

--- A plan with a root 'plant' and one worker for each of `units`: { name, run = a
--- module's name, a definition or { task = fn }, args = a table }.
--- @param number integer
--- @param units table[]
--- @param modules? table[] { name, source, version = 1 }
function Vm:plan(number, units, modules)
  local view = {
    unit = { [0] = { name = 'plant', parent = NONE, spec = 0 } },
    spec = { [0] = { backend = 0, flags = 0, life = NONE } },
    life = {},
    state = {},
    edge = {},
    module = {},
    backend = {},
    probe = {},
    count = { module = #(modules or {}), unit = #units + 1 },
    head = { root_dir = self.root or '/nonexistent' },
    bytes = bytes,
  }
  for i, unit in ipairs(units) do
    local code = add_code(self, unit.run)
    local args = unit.args and require('string.buffer').encode(unit.args)
    view.unit[i] = { name = unit[1], parent = 0, spec = i, args = args }
    view.spec[i] = {
      backend = unit.custom and 5 or unit.process and 3 or 1,
      run_module = unit.process and 0,
      custom = i,
      flags = unit.run.task and 64 or 0,
      life = add_states(view, unit.run.lifecycle or M.DEFAULT),
      run = code,
    }
    view.backend[i] = { code = code }
  end
  for i, module in ipairs(modules or {}) do
    view.module[i - 1] = {
      name = module[1],
      source = module[2],
      version = module.version or 1,
      file = '/plant/' .. module[1]:gsub('%.', '/') .. '.lua',
    }
  end
  self.plans[number] = view
end

--- Adds a row of RS_T_PROBE to a plan: 1 a probe, 2 a `ready`, 3 an on_activity.
function Vm:probe(number, row, kind, cargo)
  self.code[#self.code + 1] = cargo
  self.plans[number].probe[row] =
    { code = #self.code, kind = kind, unit = 1, identity = #self.code }
end

--- Puts a record into the down ring.
function Vm:tell(kind, slot, inc, a, b, text)
  local record = { DOWN[kind], slot or NONE, inc or 0, a or 0, b or 0, text }
  self.down[#self.down + 1] = record
end

--- Starts row `row` of plan 1 in slot `row`, and lets it run as far as it goes.
function Vm:start(row, inc, text)
  self:tell('START', row, inc or 0, 1, row, text)
  return self:turn()
end

function Vm:ask(slot, inc)
  self.stopping[slot] = true
  self:tell('ASK', slot, inc or 0)
  return self:turn()
end

--- Turns until the VM would wait, at most `most` times; how the last one ended.
function Vm:turn(most)
  for _ = 1, most or 50 do
    local how = self.turns.turn()
    if how ~= 'again' then return how end
  end
  return 'again'
end

--- Lets time go by, from one timer to the next.
function Vm:pass(seconds)
  local till = self.clock + seconds
  while true do
    local first = math.huge
    for _, at in pairs(self.timers) do
      first = math.min(first, at)
    end
    if first > till then break end
    self.clock = math.max(self.clock, first)
    self:turn()
  end
  self.clock = till
  return self:turn()
end

--- The records put since the last call, as short texts: 'BEGIN 0', 'EXIT OK'.
function Vm:said()
  local list = {}
  for i, record in ipairs(self.up) do
    list[i] = record.kind .. ' ' .. (record.why or record.a)
    if record.kind ~= 'EXIT' and record.text ~= '' then
      list[i] = record.kind .. ' ' .. record.text
    end
  end
  self.last = self.up[#self.up]
  self.up = {}
  return list
end

--- Nothing is open, armed or in a section any more.
function Vm:is_clean()
  return self.opened == 0 and next(self.timers) == nil and self.section == 0
end

return M
