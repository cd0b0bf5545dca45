--- The check of what is beside the units: probes, custom backends.
local check_use = require('runsmith.tree.check_use').check
local describe = require 'runsmith.tree.describe'
local fields_of = require 'runsmith.tree.fields'
local probe = require 'runsmith.probe'
local probe_common = require 'runsmith.probe.common'
local suggest = require 'runsmith.tree.suggest'
local types = require 'runsmith.tree.types'

local M = {}

local show = types.show
local NAME = '^[%w_.-]+$'
local COMBINED = probe_common.COMBINED
local DEFINITION = '{ fields = { name = type… }, check = function(spec, unit) … end }'
local LUA_TYPES = {
  string = true,
  number = true,
  boolean = true,
  table = true,
  ['function'] = true,
  any = true,
}

local function index(list)
  local by_name, required = {}, {}
  for _, field in ipairs(list) do
    by_name[field[1]] = field[2]
    if field[5] then required[#required + 1] = field[1] end
  end
  return by_name, required
end

local function declared_type(what)
  if what == 'any' then return types.any end
  return {
    check = function(value, name, wrong)
      if type(value) == what then return end
      wrong(('%s is %s; it must be a %s'):format(name, show(value), what))
    end,
  }
end

local function define(checker, row)
  local path = 'rs.probe.define'
  local function wrong(message) checker:wrong(row.at, path, message) end
  local definition = row.definition
  if type(row.name) ~= 'string' or not row.name:find '^[%a_][%w_]*$' then
    return wrong(('the kind %s must be a word'):format(show(row.name)))
  elseif checker.probes[row.name] then
    return wrong(("there is a probe '%s' already"):format(row.name))
  elseif type(definition) ~= 'table' then
    return wrong(('it takes %s, not %s'):format(DEFINITION, show(definition)))
  elseif type(definition.check) ~= 'function' then
    wrong(('check is %s; it takes %s'):format(show(definition.check), DEFINITION))
  end
  local by_name = {}
  if definition.fields ~= nil and type(definition.fields) ~= 'table' then
    wrong(
      ('fields is %s; it must be a table of name = type'):format(
        show(definition.fields)
      )
    )
  else
    for name, what in pairs(definition.fields or {}) do
      if type(name) == 'number' then
        name, what = what, 'any'
      end
      if not LUA_TYPES[what] then
        wrong(
          ('fields.%s is %s: %s'):format(
            tostring(name),
            show(what),
            suggest.hint(what, LUA_TYPES)
          )
        )
      else
        by_name[name] = declared_type(what)
      end
    end
  end
  for key in pairs(definition) do
    if key ~= 'fields' and key ~= 'check' then
      wrong(
        ("unknown field '%s': %s"):format(
          tostring(key),
          suggest.hint(key, { 'fields', 'check' })
        )
      )
    end
  end
  checker.probes[row.name] =
    { fields = by_name, required = {}, check = definition.check }
end

--- Learns all kinds of probe, those of rs.probe.define among them.
--- @param checker table
function M.kinds(checker)
  checker.probes = {}
  checker.common = index(probe.COMMON)
  for kind, list in pairs(probe.FIELDS) do
    local by_name, required = index(list)
    checker.probes[kind] = { fields = by_name, required = required }
  end
  for kind in pairs(COMBINED) do
    checker.probes[kind] = { fields = {}, required = {} }
  end
  for _, row in ipairs(describe.probe_kinds) do
    define(checker, row)
  end
end

local function blame(checker, row, node)
  return function(message) checker:wrong(node.at, checker.tree:path(row), message) end
end

local check_one

local function check_parts(checker, row, leaf, node, label)
  local wrong = blame(checker, row, node)
  if #node.fields == 0 then
    return wrong(('%s is empty; it takes probes'):format(label))
  elseif node.name == 'no' and #node.fields > 1 then
    wrong(('rs.no has %d probes; it takes one'):format(#node.fields))
  end
  for i, inner in ipairs(node.fields) do
    if describe.kind(inner) == 'probe' then
      check_one(checker, row, leaf, inner)
    else
      wrong(('%s: item %d is %s; it must be a probe'):format(label, i, show(inner)))
    end
  end
end

-- A probe as a plain table, its parts and the function of its kind in it.
local function cargo(checker, node, common)
  local kind = checker.probes[node.name]
  local fields, parts = {}, {}
  for key, value in pairs(node.fields) do
    if type(key) ~= 'number' then fields[key] = value end
  end
  for key, value in pairs(common or {}) do
    fields[key] = value
  end
  for i, inner in ipairs(node.fields) do
    parts[i] = cargo(checker, inner)
  end
  local name = common and common.name
  return {
    kind = node.name,
    name = name,
    fields = fields,
    parts = parts,
    check = kind.check,
  }
end

-- Checks a probe that stands by itself, and takes it apart for the compiler.
local function check_whole(checker, row, leaf, node)
  local before = checker.count
  check_one(checker, row, leaf, node)
  local wrong = blame(checker, row, node)
  local common = probe_common.gather(checker.probes, node, wrong)
  check_use(checker, common, leaf, probe_common.label(node), wrong)
  if checker.count == before and not checker.tree.packs[node] then
    checker.tree.labels[node] = common.name
    checker.tree.packs[node] = checker:pack(cargo(checker, node, common), row, node.at)
  end
end

--- Checks one probe of a unit.
function check_one(checker, row, leaf, node)
  local label = probe_common.label(node)
  local wrong = blame(checker, row, node)
  local kind = checker.probes[node.name]
  if not kind then
    return wrong(
      ('%s: there is no such probe: %s'):format(
        label,
        suggest.hint(node.name, checker.probes)
      )
    )
  elseif type(node.fields) ~= 'table' then
    return wrong(('%s takes a table { … }, not %s'):format(label, show(node.fields)))
  end
  for key, value in pairs(node.fields) do
    local field = kind.fields[key] or checker.common[key]
    if field then
      field.check(value, ('%s.%s'):format(label, key), wrong)
    elseif type(key) ~= 'number' or not COMBINED[node.name] then
      local known = {}
      for _, common in ipairs(probe.COMMON) do
        known[#known + 1] = common[1]
      end
      for name in pairs(kind.fields) do
        known[#known + 1] = name
      end
      wrong(
        ("%s: unknown field '%s': %s"):format(
          label,
          tostring(key),
          suggest.hint(key, known)
        )
      )
    end
  end
  for _, name in ipairs(kind.required) do
    if node.fields[name] == nil then wrong(('%s lacks %s'):format(label, name)) end
  end
  if COMBINED[node.name] then check_parts(checker, row, leaf, node, label) end
  if node.name ~= 'output' then return end
  if leaf.kind == 'supervisor' then
    wrong(('%s: a supervisor writes nothing; give it to who does'):format(label))
  elseif leaf.fields.output == 'inherit' then
    wrong(("%s: with output = 'inherit' nobody reads what it writes; use 'journal' or "
      .. '{ path }'):format(label))
  end
end

--- Checks a unit's probes, and a command's `ready` that is one.
--- @param checker table
--- @param row integer
--- @param leaf runsmith.Leaf
function M.unit(checker, row, leaf)
  local given = checker.tree.nodes[row].fields
  if describe.kind(given.probes) == 'probe' then
    checker:blame(row)('probes is a probe; it must be a list of probes: { … }')
    return
  elseif given.probes ~= nil then
    fields_of.of.worker.probes.type.check(given.probes, 'probes', checker:blame(row))
  end
  for _, node in ipairs(type(given.probes) == 'table' and given.probes or {}) do
    if describe.kind(node) == 'probe' then check_whole(checker, row, leaf, node) end
  end
  if describe.kind(given.ready) == 'probe' then
    check_whole(checker, row, leaf, given.ready)
  end
end

--- Checks the fields of what is no unit.
--- @param checker table
--- @param node runsmith.Node
--- @param path string
--- @param known table<string, table>
--- @param required string[]
function M.fields(checker, node, path, known, required)
  local function wrong(message) checker:wrong(node.at, path, message) end
  if type(node.fields) ~= 'table' then
    return wrong(
      ('rs.%s takes a table { … }, not %s'):format(node.kind, show(node.fields))
    )
  end
  for key, value in pairs(node.fields) do
    if known[key] then
      known[key].type.check(value, key, wrong)
    else
      wrong(("unknown field '%s': %s"):format(tostring(key), suggest.hint(key, known)))
    end
  end
  for _, name in ipairs(required) do
    if node.fields[name] == nil then
      wrong(('%s is missing; it must be a function'):format(name))
    end
  end
end

--- Checks and learns the custom backends.
--- @param checker table
function M.backends(checker)
  for i, node in ipairs(describe.backends) do
    local name = node.name
    local path = ('rs.backend %s'):format(show(name))
    if type(name) ~= 'string' or not name:find(NAME) then
      checker:wrong(node.at, path, 'its name must be of letters, digits, _ . -')
    elseif
      checker.backends[name]
      or name == 'coroutine'
      or name == 'thread'
      or name == 'process'
    then
      checker:wrong(node.at, path, 'there is a backend of this name already')
    else
      checker.backends[name] = { node = node, row = i - 1 }
    end
    local _, required = index(fields_of.BACKEND)
    local before = checker.count
    M.fields(checker, node, path, fields_of.of.backend, required)
    if checker.count == before then
      local at = { file = node.at.file, line = node.at.line, of = name }
      checker.tree.packs[node] = checker:pack(node.fields, -1, at)
    end
  end
end

return M
