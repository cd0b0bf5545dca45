--- What holds for one unit's fields: their types, and the rules between them.
local fields_of = require 'runsmith.tree.fields'
local lifecycle = require 'runsmith.tree.lifecycle'
local suggest = require 'runsmith.tree.suggest'
local types = require 'runsmith.tree.types'
local whereabouts = require 'runsmith.tree.whereabouts'
local worker = require 'runsmith.worker'

local M = {}

local show, type, pairs, getmetatable = types.show, type, pairs, getmetatable

local PER_UNIT = { args = true, after = true, probes = true } -- not part of a leaf
local LEAF, OPEN, CLOSE = {}, {}, {}
local SHAPE_DEPTH = 8
local BACKENDS = { coroutine = true, thread = true, process = true }

--- @class runsmith.Leaf what units of equal description share
--- @field kind string
--- @field fields table those of the first such unit
--- @field stall number that of the supervisor above
--- @field run? { module?: string, task?: function, definition?: table }
--- @field is_task? boolean `run` is the whole work in one function, or a module's
--- @field life? runsmith.Life

--- For units whose fields are no table.
M.EMPTY = { kind = 'none', fields = {} }

-- Who has a field that this kind of unit lacks.
local function whose(key, kind)
  local text = ('a %s has no such field'):format(kind)
  for _, other in ipairs { 'supervisor', 'worker', 'command' } do
    local has = fields_of.of[other][key]
    if has then return ('%s, but a %s has: %s'):format(text, other, has.doc) end
  end
  return text
end

local function type_check(checker, row, known)
  local node = checker.tree.nodes[row]
  local wrong = checker:blame(row)
  local is_supervisor = node.kind == 'supervisor'
  for key, value in pairs(node.fields) do
    local field = known[key]
    if field then
      if key ~= 'after' and key ~= 'probes' then field.type.check(value, key, wrong) end
    elseif type(key) == 'string' then
      wrong(
        ("unknown field '%s': %s"):format(
          key,
          suggest.hint(key, known, whose(key, node.kind))
        )
      )
    elseif type(key) ~= 'number' then
      wrong(('the key %s is no field'):format(show(key)))
    elseif not is_supervisor then
      wrong(
        ('a %s has no children; item %s does not belong here'):format(
          node.kind,
          tostring(key)
        )
      )
    elseif key < 1 or key > #node.fields or key % 1 ~= 0 then
      wrong(('the list of children has a hole before item %s'):format(tostring(key)))
    end
  end
  return wrong
end

local function check_common(fields, wrong)
  if fields.significant == true and fields.restart == 'permanent' then
    wrong "significant is for what ends: not with restart = 'permanent'"
  end
  local backoff = fields.backoff
  if type(backoff) == 'table' and type(backoff.first) == 'number' then
    local max = backoff.max == nil and 60 or backoff.max
    if type(max) == 'number' and max < backoff.first and backoff.max ~= nil then
      wrong(
        ('backoff.max is %g, below first, %g; it must be at least that'):format(
          max,
          backoff.first
        )
      )
    end
  end
end

local function refuse_process_fields(fields, wrong, instead)
  for key in pairs(fields_of.PROCESS) do
    if fields[key] ~= nil then
      wrong(('%s is for what has a process of its own: %s'):format(key, instead))
    end
  end
end

local function check_hook(key, value, life, wrong)
  local has_states = key == 'enter' or key == 'leave'
  if type(value) ~= (has_states and 'table' or 'function') then
    local right = has_states and 'table of functions by state' or 'function'
    return wrong(('%s is %s; it must be a %s'):format(key, show(value), right))
  end
  for state, fn in pairs(has_states and value or {}) do
    local name = ('%s.%s'):format(key, tostring(state))
    if not life.index[state] then
      wrong(('%s: no such state: %s'):format(name, suggest.hint(state, life.index)))
    elseif type(fn) ~= 'function' then
      wrong(('%s is %s; it must be a function'):format(name, show(fn)))
    end
  end
end

local function check_state_function(key, value, life, wrong)
  local at = life.index[key]
  if key == 'init' then
    wrong "'init' is reserved; the first state's function is where a worker begins"
  elseif not at then
    local hint = suggest.hint(key, life.index)
    wrong(("'%s' is no state, so nothing calls it: %s"):format(tostring(key), hint))
  elseif type(value) ~= 'function' then
    wrong(('%s is %s; a state has a function'):format(key, show(value)))
  elseif life.states[at].ends then
    wrong(('state %s ends, so nothing calls its function; use before_exit'):format(key))
  end
end

-- A state without a function has one event that it emits.
local function check_silent(state, definition, wrong)
  local others = 0
  for _, edge in ipairs(state.edges) do
    if edge.event ~= 'error' then others = others + 1 end
  end
  local events = #state.edges == 1 and 1 or others
  if not state.ends and definition[state.name] == nil and events ~= 1 then
    local text = 'state %s has no function, and not just one event to emit; write one'
    wrong(text:format(state.name))
  end
end

-- A definition's functions against its lifecycle.
local function check_functions(definition, life, wrong)
  for key, value in pairs(definition) do
    if lifecycle.HOOKS[key] then
      check_hook(key, value, life, wrong)
    elseif key ~= 'lifecycle' then
      check_state_function(key, value, life, wrong)
    end
  end
end

local function check_silences(definition, life, wrong)
  for _, state in ipairs(life.states) do
    check_silent(state, definition, wrong)
  end
end

-- The lifecycle of a definition, read once; false after a mistake.
local function life_of(checker, row, definition, file)
  local known = checker.definitions[definition]
  if known ~= nil then return known end
  local path, good, at = checker.tree:path(row), true, nil
  local function wrong(message)
    at = at or whereabouts.of(worker.place(definition), file)
    good = false
    checker:wrong(at, path, message)
  end
  local rows = definition.lifecycle or lifecycle.DEFAULT
  local life, partial = lifecycle.read(rows, wrong)
  if life or partial then check_functions(definition, life or partial, wrong) end
  if life then check_silences(definition, life, wrong) end
  checker.definitions[definition] = good and life or false
  return checker.definitions[definition]
end

local function definition_text(value)
  return ('%s; it must return worker.define { … }, or a function(ctx)'):format(
    value == true and 'nothing' or show(value)
  )
end

-- A module that `run` names: { definition, life }, or { is_task, life } where it
-- returns the whole work in one function, or false after a mistake.
local function run_module(checker, row, name)
  local known = checker.modules[name]
  if known ~= nil then return known end
  checker.modules[name] = false
  local node = checker.tree.nodes[row]
  local value, fault = checker.load(name)
  local path = checker.tree:path(row)
  if fault and fault.message then
    local at = fault.line and { file = fault.file, line = fault.line } or node.at
    checker:wrong(at, path, fault.message)
  elseif type(value) == 'function' then
    checker.modules[name] = { is_task = true, life = M.task_life }
  elseif not worker.place(value) then
    local file = fault and fault.file
    checker:wrong(
      file and { file = file, line = 1 } or node.at,
      path,
      ("module '%s' returns %s"):format(name, definition_text(value))
    )
  else
    local life = life_of(checker, row, value, fault and fault.file)
    checker.modules[name] = life and { definition = value, life = life } or false
  end
  return checker.modules[name]
end

local function module_of(checker, definition)
  for name, value in pairs(package.loaded) do
    if value == definition then return name end
  end
  for name, known in pairs(checker.modules) do
    if known and known.definition == definition then return name end
  end
end

local function check_run(checker, row, leaf, wrong)
  local run = leaf.fields.run
  leaf.is_task = type(run) == 'function'
  if type(run) == 'string' then
    local known = run_module(checker, row, run)
    leaf.run, leaf.life = { module = run }, known and known.life or nil
    leaf.is_task = known and known.is_task or false
  elseif leaf.is_task then
    leaf.run, leaf.life = { task = run }, M.task_life
  elseif type(run) == 'table' then
    if not worker.place(run) then
      return wrong 'run is a table; it must be made by worker.define { … }'
    end
    leaf.life = life_of(checker, row, run) or nil
    local name = module_of(checker, run)
    leaf.run = name and { module = name } or { definition = run }
  end
  if leaf.run and not leaf.run.module then
    leaf.pack = checker:pack(M.cargo(leaf.run), row, checker.tree.nodes[row].at)
  end
  if leaf.is_task and leaf.fields.lifecycle ~= nil then
    wrong 'lifecycle: a task, a `run` that is a function, has none; use stall'
  end
  if leaf.life and not leaf.is_task and type(leaf.fields.lifecycle) == 'table' then
    leaf.life = lifecycle.override(leaf.life, leaf.fields.lifecycle, wrong)
  end
end

--- What of `run` travels: a definition without its lifecycle, which the plan has.
--- @param run table
--- @return table
function M.cargo(run)
  if not run.definition then return run end
  local functions = {}
  for key, value in pairs(run.definition) do
    if key ~= 'lifecycle' then functions[key] = value end
  end
  return { definition = functions }
end

local function check_worker(checker, row, leaf, wrong)
  local fields = leaf.fields
  local backend = fields.backend == nil and 'coroutine' or fields.backend
  local custom = checker.backends[backend]
  if type(backend) == 'string' and not BACKENDS[backend] and not custom then
    local known = { 'coroutine', 'thread', 'process' }
    for name in pairs(checker.backends) do
      known[#known + 1] = name
    end
    wrong(("backend is '%s': %s"):format(backend, suggest.hint(backend, known)))
  end
  if backend ~= 'process' then
    refuse_process_fields(fields, wrong, "backend = 'process'")
  end
  if fields.run ~= nil then
    check_run(checker, row, leaf, wrong)
  elseif not custom then
    wrong "run is missing; it must be a module's name, worker.define {…} or a function"
  end
end

local function check_command(fields, wrong)
  if fields.exec == nil then
    wrong 'exec is missing; it must be a list of strings: program and arguments'
  end
  if fields.reload ~= nil and fields.files == nil then
    wrong 'reload needs files = { path… }: the signal is sent when only these changed'
  elseif fields.files ~= nil and fields.reload == nil then
    wrong "files needs reload, e.g. 'HUP': the signal sent when only these changed"
  end
end

-- Walks a path of keys and values into nested tables, so that equal shapes meet.
local function descend(at, fields, depth)
  for key, value in pairs(fields) do
    if depth > 0 or not PER_UNIT[key] then
      local by_key = at[key]
      if not by_key then
        by_key = {}
        at[key] = by_key
      end
      if value ~= value then value = LEAF end
      local plain = type(value) == 'table'
        and getmetatable(value) == nil
        and not worker.place(value)
        and depth < SHAPE_DEPTH
      local step = plain and OPEN or value
      at = by_key[step]
      if not at then
        at = {}
        by_key[step] = at
      end
      if plain then at = descend(at, value, depth + 1) end
    end
  end
  local closed = at[CLOSE]
  if not closed then
    closed = {}
    at[CLOSE] = closed
  end
  return closed
end

--- A worker's or command's leaf, shared by all of equal fields.
--- @param checker table
--- @param row integer
--- @param stall number
--- @return runsmith.Leaf
function M.leaf(checker, row, stall)
  local node = checker.tree.nodes[row]
  local root = checker.shapes[node.kind]
  if not root then
    root = {}
    checker.shapes[node.kind] = root
  end
  root[stall] = root[stall] or {}
  local shape = descend(root[stall], node.fields, 0)
  if shape[LEAF] then return shape[LEAF] end
  local leaf = { kind = node.kind, fields = node.fields, stall = stall }
  local before = checker.count
  local wrong = type_check(checker, row, fields_of.of[node.kind])
  check_common(node.fields, wrong)
  if node.kind == 'worker' then
    check_worker(checker, row, leaf, wrong)
  else
    check_command(node.fields, wrong)
  end
  if checker.count == before then shape[LEAF] = leaf end
  return leaf
end

--- A supervisor's leaf.
--- @param checker table
--- @param row integer
--- @return runsmith.Leaf
function M.supervisor(checker, row)
  local node = checker.tree.nodes[row]
  local wrong = type_check(checker, row, fields_of.of.supervisor)
  local fields = node.fields
  check_common(fields, wrong)
  if row > 0 and fields.isolate ~= true then
    refuse_process_fields(fields, wrong, 'isolate = true')
    if fields.vms ~= nil then
      wrong 'vms is for a fault domain of its own: isolate = true'
    end
  end
  if row == 0 and type(fields.after) == 'table' and #fields.after > 0 then
    wrong(('after: %s is no sibling: the root has none'):format(show(fields.after[1])))
  end
  if row == 0 and fields.isolate == false then
    wrong 'isolate is false; the root is always a fault domain of its own'
  end
  if type(fields.on_activity) == 'function' then
    checker.tree.packs[fields.on_activity] =
      checker:pack(fields.on_activity, row, node.at)
  end
  return { kind = 'supervisor', fields = fields }
end

M.task_life = lifecycle.read(lifecycle.TASK, error)
return M
