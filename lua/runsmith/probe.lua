--- rs.probe.*, rs.all, rs.any, rs.no: probes as the tree script writes them.
local describe = require 'runsmith.tree.describe'
local types = require 'runsmith.tree.types'

local M = {}

local t = types
local NEVER_LATE = t.seconds { above = 0 }

local URL = {
  says = "a URL such as 'http://127.0.0.1:8080/health'",
  lua = 'string',
  check = function(value, name, wrong)
    t.string.check(value, name, wrong)
    if type(value) ~= 'string' or value:lower():find '^https?://[^/?#]' then return end
    wrong(('%s is %s; it must be a URL such as http://127.0.0.1:8080/health'):format(
      name, t.show(value)))
  end,
}

local PATTERN = {
  says = 'a Lua pattern',
  lua = 'string',
  check = function(value, name, wrong)
    t.string.check(value, name, wrong)
    if type(value) ~= 'string' then return end
    local is_right, why = pcall(string.find, '', value)
    if is_right then return end
    wrong(('%s is %s; it must be a Lua pattern: %s'):format(name, t.show(value), why))
  end,
}

--- Fields that every probe has: name, type, default, what it means.
M.COMMON = {
  { 'name', t.string, nil, 'what status and journal call it; its kind' },
  { 'every', NEVER_LATE, 10, 'seconds from one look to the next' },
  { 'timeout', NEVER_LATE, 1, 'seconds that one look may take' },
  { 'delay', t.seconds {}, 0, 'seconds after the unit is ready until the first look' },
  { 'failures', t.integer(1, 1e6), 1, 'bad looks in a row that make a bad verdict' },
  { 'successes', t.integer(1, 1e6), 1, 'good looks in a row that make a good verdict' },
  { 'hold', t.seconds {}, 0, 'seconds that it must have lasted' },
  {
    'when',
    t.either("a state's name or a list of them", {
      { 'string', t.string },
      { 'table', t.list(t.string, "a list of states' names", 1) },
    }),
    nil,
    'the states in which it looks; without it: the ready ones',
  },
  {
    'action',
    t.either("'restart', 'warn', { emit = 'event' } or { call = function }", {
      { 'string', t.enum('restart', 'warn') },
      {
        'table',
        t.record {
          { 'emit', t.string, nil, "an event for the unit's lifecycle" },
          { 'call', t.func, nil, 'function(unit, verdict)' },
        },
      },
    }),
    'restart',
    'what a bad verdict leads to',
  },
}

--- Each kind's own fields, and those that it cannot do without.
M.FIELDS = {
  http = {
    { 'url', URL, nil, 'what to get', true },
    { 'status', t.integer(100, 599), 200, 'the status that is right' },
    { 'headers', t.table, nil, 'name → value' },
    { 'contains', t.string, nil, 'text that the answer must have in it' },
    { 'ca', t.string, nil, "https: the authorities' PEM file, not the system's" },
    { 'insecure', t.boolean, false, 'https: whoever answers is believed' },
  },
  tcp = {
    { 'port', t.integer(1, 65535), nil, 'where to connect', true },
    { 'host', t.string, '127.0.0.1', 'where to connect' },
  },
  unix = { { 'path', t.string, nil, 'the socket', true } },
  exec = {
    {
      'exec',
      t.argv,
      nil,
      'what to run; status 0 is good',
      true,
    },
  },
  memory = { { 'max', t.size, nil, 'PSS of all its processes', true } },
  cpu = { { 'max', t.number(0, math.huge), nil, 'percent of one processor', true } },
  open_files = { { 'max', t.integer(1, 2 ^ 31), nil, 'open descriptors', true } },
  file = {
    { 'path', t.string, nil, 'it must exist', true },
    { 'max_age', t.seconds { above = 0 }, nil, 'seconds since it was last written' },
  },
  output = {
    { 'pattern', PATTERN, nil, "a Lua pattern in a command's output", true },
    { 'stream', t.enum('stdout', 'stderr'), nil, 'only there' },
  },
  lua = { { 'check', t.func, nil, 'function(unit) return verdict, reason end', true } },
}

local function new(kind, fields, at)
  return setmetatable({ name = kind, fields = fields, at = at }, describe.KINDS.probe)
end

--- rs.probe: one constructor a kind. An unknown kind makes a probe too; the check says.
M.kinds = setmetatable({}, {
  __index = function(_, kind)
    return function(fields) return new(kind, fields, describe.place(2)) end
  end,
})

--- A new kind of probe.
--- @param kind string
--- @param definition { fields: table<string, string>, check: fun(spec, unit) }
function M.kinds.define(kind, definition)
  local kinds = describe.probe_kinds
  kinds[#kinds + 1] = { name = kind, definition = definition, at = describe.place(2) }
end

--- True if all of its probes are.
--- @param list runsmith.Node[] and the common fields
--- @return runsmith.Node
function M.all(list) return new('all', list, describe.place(2, list)) end

--- True if one of its probes is.
--- @param list runsmith.Node[] and the common fields
--- @return runsmith.Node
function M.any(list) return new('any', list, describe.place(2, list)) end

--- True if its probe is not.
--- @param inner runsmith.Node or a list of this one and the common fields
--- @return runsmith.Node
function M.no(inner)
  local is_list = type(inner) == 'table' and describe.kind(inner) ~= 'probe'
  return new('no', is_list and inner or { inner }, describe.place(2))
end

return M
