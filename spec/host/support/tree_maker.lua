-- tree_maker.lua -- random trees and what a reload may do to them: each is a table that
-- can be changed, written as a script, and asked who is the same in another.

local fixtures = require 'host.support.fixtures'

local M = {}

local NAMES = { 'a', 'b', 'c', 'd', 'e', 'f' }
local BACKENDS = {
  'coroutine', 'coroutine', 'coroutine', 'thread', 'process', 'daemon', 'command',
}
local RUNS = { 'beat', 'pulse', 'pulse', 'done' }
local DEPTH_MAX = 3

M.PULSE = fixtures.beater .. '\n-- version %d\n'

M.DONE = [[
local worker = require 'runsmith.worker'
return worker.define { running = function() return 'complete' end }
]]

local HEAD = [[
local rs = require 'runsmith'
local uv = require 'luv'
local time = require 'std.time'
rs.backend 'daemon' {
  start = function(unit)
    local options = { args = { '1000' }, detached = true }
    local process, pid = assert(uv.spawn('sleep', options))
    uv.unref(process)
    unit:ready()
    return { pid = pid }
  end,
  stop = function(_, handle) uv.kill(handle.pid, 'sigterm') end,
  kill = function(_, handle) uv.kill(handle.pid, 'sigkill') end,
  wait = function(_, handle)
    while uv.kill(handle.pid, 0) == 0 do
      time.sleep(0.02)
    end
    return 'ok'
  end,
}
]]

local function worker(random, name)
  local unit = { name = name, backend = random:pick(BACKENDS) }
  unit.args = random:below(3)
  unit.run = unit.backend == 'daemon' and 'beat' or random:pick(RUNS)
  unit.launch, unit.shutdown = 10 + random:below(3), 5 + random:below(3)
  unit.temporary = random:chance(20)
  return unit
end

local function free_name(random, children)
  local left = {}
  for _, name in ipairs(NAMES) do
    local taken = false
    for _, child in ipairs(children) do
      taken = taken or child.name == name
    end
    if not taken then left[#left + 1] = name end
  end
  return #left > 0 and random:pick(left) or nil
end

local add

local function supervisor(random, name, depth)
  local unit = { name = name, children = {} }
  unit.isolate, unit.vms = random:chance(40), 1 + random:below(3)
  unit.strategy = random:pick { 'one_for_one', 'one_for_one', 'one_for_all' }
  unit.max = 3 + random:below(3)
  for _ = 1, 1 + random:below(4) do
    add(random, unit, depth + 1)
  end
  return unit
end

function add(random, unit, depth)
  local name = free_name(random, unit.children)
  if not name then return end
  local is_group = depth < DEPTH_MAX and random:chance(30)
  local child = (is_group and supervisor or worker)(random, name, depth)
  local before = random:pick(unit.children)
  if before and random:chance(25) then child.after = before.name end
  table.insert(unit.children, 1 + random:below(#unit.children + 1), child)
end

--- A tree with at most a few dozen units. One of them never ends, so neither does it.
function M.new(random)
  local root = supervisor(random, 'plant', 0)
  for _ = 1, 3 do
    add(random, root, 1)
  end
  root.isolate = true
  root.children[#root.children + 1] = {
    name = 'anchor', backend = 'coroutine', run = 'beat', args = 0, launch = 10,
    shutdown = 5,
  }
  return { root = root, version = 1 }
end

local function copy(value)
  if type(value) ~= 'table' then return value end
  local made = {}
  for key, item in pairs(value) do
    made[key] = copy(item)
  end
  return made
end

local CHANGES = {
  function(random, unit) unit.args = random:below(3) end,
  function(random, unit) unit.launch = 10 + random:below(3) end,
  function(random, unit) unit.shutdown = 5 + random:below(3) end,
  function(_, unit) unit.temporary = not unit.temporary end,
  function(random, unit)
    if unit.backend ~= 'daemon' then unit.run = random:pick(RUNS) end
  end,
  function(random, unit)
    unit.backend = random:pick(BACKENDS)
    if unit.backend == 'daemon' then unit.run = 'beat' end
  end,
  function(_, unit) unit.after = nil end,
}

local function change_group(random, unit)
  local which = random:below(5)
  if which == 0 and unit.name ~= 'plant' then unit.isolate = not unit.isolate end
  if which == 1 then unit.vms = 1 + random:below(3) end
  if which == 2 then unit.strategy = random:pick { 'one_for_one', 'one_for_all' } end
  if which == 3 then unit.max = 3 + random:below(3) end
  local last = #unit.children - (unit.name == 'plant' and 1 or 0)
  if which == 4 and last > 1 then
    local moved = table.remove(unit.children, 1 + random:below(last))
    table.insert(unit.children, 1 + random:below(last), moved)
  end
end

local function change(random, unit, depth)
  if random:chance(15) then change_group(random, unit) end
  for i = #unit.children, 1, -1 do
    local child = unit.children[i]
    if child.name == 'anchor' then
      child.launch = 10 + random:below(2)
    elseif random:chance(10) then
      table.remove(unit.children, i)
    elseif random:chance(5) then
      unit.children[i] = worker(random, child.name)
    elseif child.children then
      change(random, child, depth + 1)
    elseif random:chance(20) then
      random:pick(CHANGES)(random, child)
    end
  end
  if random:chance(20) or #unit.children == 0 then add(random, unit, depth + 1) end
end

-- Nobody comes after who is gone, or after oneself by a detour.
local function tidy(unit)
  local order = {}
  for _, child in ipairs(unit.children) do
    local seen, at = {}, child
    while at and at.after and not seen[at] do
      seen[at] = true
      local before = nil
      for _, other in ipairs(unit.children) do
        if other.name == at.after then before = other end
      end
      if not before then at.after = nil end
      at = before
    end
    if at and at.after then child.after = nil end
    order[#order + 1] = child
  end
  for _, child in ipairs(order) do
    if child.children then tidy(child) end
  end
end

--- Another tree, like this one but for some changes.
function M.changed(random, tree)
  local other = copy(tree)
  change(random, other.root, 0)
  if random:chance(20) then other.version = other.version + 1 end
  tidy(other.root)
  return other
end

local function write(unit, lines, indent)
  local words = {}
  local function say(...) words[#words + 1] = string.format(...) end
  if unit.after then say("after = { '%s' },", unit.after) end
  if unit.children then
    if unit.name ~= 'plant' then say('isolate = %s,', tostring(unit.isolate)) end
    if unit.isolate then say('vms = %d,', unit.vms) end
    say("strategy = '%s', intensity = { max = %d },", unit.strategy, unit.max)
    local head = unit.name == 'plant' and 'return rs.supervisor' or 'rs.supervisor'
    lines[#lines + 1] = ("%s%s '%s' { %s"):format(
      indent, head, unit.name, table.concat(words, ' '))
    for _, child in ipairs(unit.children) do
      write(child, lines, indent .. '  ')
    end
    lines[#lines + 1] = indent .. '}' .. (unit.name == 'plant' and '' or ',')
    return
  end
  say('launch = %d, shutdown = %d,', unit.launch, unit.shutdown)
  if unit.temporary then say "restart = 'temporary'," end
  if unit.backend == 'command' then
    local done = unit.run == 'done'
    say("exec = { '%s', '%d' }", done and 'true' or 'sleep', 1000 + unit.args)
  else
    say("run = '%s', args = { %d }, backend = '%s'", unit.run, unit.args, unit.backend)
  end
  lines[#lines + 1] = ("%srs.%s '%s' { %s },"):format(indent,
    unit.backend == 'command' and 'command' or 'worker', unit.name,
    table.concat(words, ' '))
end

--- @return table<string, string> files for harness.start
function M.files(tree)
  local lines = {}
  write(tree.root, lines, '')
  return {
    ['tree.lua'] = HEAD .. table.concat(lines, '\n') .. '\n',
    ['beat.lua'] = fixtures.beater, ['done.lua'] = M.DONE,
    ['pulse.lua'] = M.PULSE:format(tree.version),
  }
end

--- What must not differ for a unit to be left alone, by path; whether it completes;
--- what a supervisor has below it.
--- @return table<string, { what: string, completes: boolean, vms: integer?,
---   below: string? }>
function M.units(tree)
  local found = {}
  local function visit(unit, above, domain)
    local path = above and above .. '/' .. unit.name or unit.name
    if unit.children then
      if unit.isolate then domain = { path = path, vms = unit.vms } end
      local all, below = true, {}
      for i, child in ipairs(unit.children) do
        local completes, what = visit(child, path, domain)
        all, below[i] = all and completes, child.name .. what
      end
      table.sort(below)
      local text = table.concat(below, '\n')
      found[path] = { what = 'supervisor', completes = all, below = text }
      return all, text
    end
    local version = unit.run == 'pulse' and tree.version or 0
    local shares = unit.backend == 'coroutine' or unit.backend == 'thread'
    local code = unit.backend == 'command' and tostring(unit.run == 'done')
      or ('%s %d'):format(unit.run, version)
    found[path] = {
      what = ('%s %s %d %s'):format(unit.backend, code, unit.args,
        shares and domain.path or ''),
      completes = unit.run == 'done',
      vms = unit.backend == 'coroutine' and domain.vms or nil,
    }
    return unit.run == 'done', found[path].what
  end
  visit(tree.root, nil, nil)
  return found
end

return M
