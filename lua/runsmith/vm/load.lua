--- `require` for workers: modules come from the plan that the running unit began from,
--- once for each version of them in this VM; what the plan lacks is looked for in the
--- file system and read once for each plan. Library modules are the host's.
---
--- All workers of a VM share one global table: a module that sets a global sets it for
--- every unit there. `thread` and `process` workers have a VM of their own.
---
--- A module's body is user code and may wait, raise or be interrupted at any
--- instruction. Only `keep` and `give_up` change what workers share.

local host = require 'runsmith.host'
local plans = require 'runsmith.vm.plans'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local KIND = T.KIND

local M = {}

local host_require = require

--- Lua's own `require`, whatever the global is by then.
M.host_require = host_require

local BUILT_IN = { luv = true, cjson = true, ['cjson.safe'] = true }
for _, name in ipairs {
  'bit', 'coroutine', 'debug', 'ffi', 'io', 'jit', 'jit.opt', 'jit.util', 'math', 'os',
  'package', 'string', 'string.buffer', 'table', 'table.clear', 'table.new', '_G',
} do
  BUILT_IN[name] = true
end

local function is_library(name)
  return BUILT_IN[name] or name:find '^std%.' or name == 'runsmith'
    or name:find '^runsmith%.'
end

--- @class runsmith.Module
--- @field name string
--- @field key? string under which plans share it
--- @field plans integer how many have it
--- @field kept boolean its body has returned
--- @field value any
--- @field loader? runsmith.Task whose coroutine runs its body
--- @field waiters integer[] tickets

local shared = {} -- by name and version
local loading = {} -- task → the modules whose bodies it is in, outermost first
local awaited = {} -- task → the module that another task is loading for it

local function new_module(name, key)
  return { name = name, key = key, plans = 0, kept = false, waiters = {} }
end

local function wake_all(module)
  local waiters = module.waiters
  module.waiters, module.loader = {}, nil
  for _, ticket in ipairs(waiters) do
    schedule.wake(ticket)
  end
end

local function keep(module, task, value)
  host.enter()
  if value == nil then value = true end
  module.value, module.kept = value, true
  loading[task][#loading[task]] = nil
  wake_all(module)
  host.leave()
end

local function give_up(module, task)
  host.enter()
  loading[task][#loading[task]] = nil
  wake_all(module)
  host.leave()
end

local function names(modules, from, last)
  local list = {}
  for i = from, #modules do
    list[#list + 1] = modules[i].name
  end
  list[#list + 1] = last
  return table.concat(list, ' -> ')
end

-- Raises if waiting for `module` would never end, because this task is loading it.
local function refuse_cycle(module, task)
  local stack = loading[task] or {}
  for i, outer in ipairs(stack) do
    if outer == module then
      error('modules require each other: ' .. names(stack, i, module.name), 0)
    end
  end
  local other = module.loader
  while other and awaited[other] do
    if awaited[other].loader == task then
      local via = awaited[other].name
      local text = 'modules require each other: %s -> %s -> %s'
      error(text:format(via, module.name, via), 0)
    end
    other = awaited[other].loader
  end
end

local function await(module, task)
  refuse_cycle(module, task)
  local ticket = schedule.ticket()
  awaited[task] = module
  module.waiters[#module.waiters + 1] = ticket
  schedule.hold(ticket)
  awaited[task] = nil
end

local function run_body(module, task, body, file)
  host.enter()
  module.loader = task
  loading[task] = loading[task] or {}
  table.insert(loading[task], module)
  host.leave()
  local ok, value = pcall(body, module.name, file)
  if not ok then
    give_up(module, task)
    error(("in module '%s': %s"):format(module.name, tostring(value)), 0)
  end
  keep(module, task, value)
end

local function compile(source, file)
  local body, why = loadstring(source, '@' .. file)
  if not body then error(why, 0) end
  return body
end

local function rows_of(plan)
  local rows, view = plan.module_rows, plan.view
  if rows then return rows end
  rows = {}
  for row = 0, view.count.module - 1 do
    rows[view:bytes(view.module[row].name)] = row
  end
  plan.module_rows = rows
  return rows
end

local function read(file)
  local stream = assert(io.open(file, 'rb'))
  local source = stream:read '*a'
  stream:close()
  return source
end

-- A file that the evaluation did not read; or nil, and where it was looked for.
local function find_file(plan, name)
  local root = plan.view:bytes(plan.view.head.root_dir)
  local own = ('%s/?.lua;%s/?/init.lua'):format(root, root)
  local file, tried = package.searchpath(name, own)
  return file or package.searchpath(name, package.path), tried
end

--- Compiles a module ahead of its `require`; one that cannot be says so when it is
--- required.
--- @param plan runsmith.Plan
--- @param row integer RS_NONE: there is none
function M.prepare(plan, row)
  local view = plan.view
  if row >= view.count.module then return end
  local info = view.module[row]
  plan.compiled = plan.compiled or {}
  plan.compiled[tonumber(row)] =
    loadstring(view:bytes(info.source), '@' .. view:bytes(info.file))
end

local function body_of(plan, row)
  local view, ahead = plan.view, plan.compiled
  local info = view.module[row]
  local file, body = view:bytes(info.file), ahead and ahead[row]
  if not body then return compile(view:bytes(info.source), file), file end
  ahead[row] = nil -- a function's upvalues are one body's
  return body, file
end

-- The module as this plan has it, its body not necessarily run, and how to get the
-- body.
local function look_up(plan, name)
  local row = rows_of(plan)[name]
  if not row then
    local file, tried = find_file(plan, name)
    if not file then return nil, tried end
    return plan.modules[name] or new_module(name), function()
      return compile(read(file), file), file
    end
  end
  local info = plan.view.module[row]
  local key = name .. '@' .. tostring(info.version)
  return plan.modules[name] or shared[key] or new_module(name, key), function()
    return body_of(plan, row)
  end
end

local function attach(plan, module)
  if plan.modules[module.name] == module then return end
  host.enter()
  plan.modules[module.name] = module
  module.plans = module.plans + 1
  plan.loaded = (plan.loaded or 0) + 1
  if module.key then shared[module.key] = module end
  host.leave()
end

--- What the units of one plan have loaded is the other's too, where it is the same
--- version: they are about to live by it.
--- @param from runsmith.Plan
--- @param to runsmith.Plan
function M.adopt(from, to)
  to.heirs = to.heirs or setmetatable({}, { __mode = 'k' })
  if to.heirs[from] == from.loaded then return end
  to.heirs[from] = from.loaded
  for name, module in pairs(from.modules) do
    local row = rows_of(to)[name]
    local key = row and name .. '@' .. tostring(to.view.module[row].version)
    if key and key == module.key and not to.modules[name] then attach(to, module) end
  end
end

-- The host's own, C libraries, what else Lua finds. `tried`: where it was looked for.
local function from_host(name, tried)
  if name == 'luv' then return host_require('runsmith.vm.owned').module() end
  host.enter()
  local ok, value = pcall(host_require, name)
  host.leave()
  if not ok then error(tostring(value) .. (tried or ''), 0) end
  return value
end

--- `require`, as workers have it.
--- @param name string
function M.require(name)
  local task = schedule.current()
  if not task or is_library(name) then return from_host(name) end
  local plan = task[KIND].plan
  local module = plan.modules[name]
  if module and module.kept then return module.value end
  local body
  module, body = look_up(plan, name)
  if not module then return from_host(name, body) end
  attach(plan, module)
  while module.loader do
    await(module, task)
  end
  if not module.kept then run_body(module, task, body()) end
  return module.value
end

local function is_of(value, module)
  if value == module then return true end
  if type(module) ~= 'table' or type(value) ~= 'function' then return false end
  for _, field in next, module do
    if field == value then return true end
  end
  return false
end

-- Is it a module, or a function of one?
local function is_module(value, plan)
  for _, module in pairs(plan.modules) do
    if is_of(value, module.value) then return true end
  end
  for _, loaded in pairs(package.loaded) do
    if is_of(value, loaded) then return true end
  end
  return false
end

-- May one copy of a task's function serve all units? Not if it has state of its own.
local function is_stateless(fn, plan)
  for i = 1, math.huge do
    local name, value = debug.getupvalue(fn, i)
    if not name then return true end
    local can_be = type(value) == 'table' or type(value) == 'function'
    if not can_be or not is_module(value, plan) then return false end
  end
end

--- What a kind of worker runs: its definition, or a task's function. Runs user code.
--- @param kind runsmith.Kind
--- @return table | function
function M.code(kind)
  local got = host_require('runsmith.tree.travel').decode(kind.code)
  if got.task then
    if kind.copied == nil then kind.copied = not is_stateless(got.task, kind.plan) end
    if not kind.copied then kind.def = got.task end
    return got.task
  end
  local def = got.definition or M.require(got.module)
  local is_right = type(def) == (kind.is_task and 'function' or 'table')
  if not is_right then
    local text = "module '%s' returned a %s, not what it returned to the tree script"
    error(text:format(got.module, type(def)), 0)
  end
  kind.def = def
  return def
end

-- A task has ended, maybe in the middle of a module's body.
schedule.at_finish(function(task)
  awaited[task] = nil
  for _, module in ipairs(loading[task] or {}) do
    wake_all(module)
  end
  loading[task] = nil
end)

plans.at_drop(function(plan)
  for _, module in pairs(plan.modules) do
    module.plans = module.plans - 1
    if module.plans == 0 and module.key then shared[module.key] = nil end
  end
end)

--- Puts it in place of Lua's own `require`.
function M.install()
  _G.require = M.require
end

return M
