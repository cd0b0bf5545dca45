--- runsmith __definitions: what `require 'runsmith'` gives, as a language server reads
--- it. The fields come from the tables that the check of a tree script goes by.
local fields = require 'runsmith.tree.fields'
local probe = require 'runsmith.probe'

local HEAD = [[
--- @meta runsmith
--- Made from the tables that `runsmith check` goes by.

--- A unit, as a probe, a callback or `status` sees it.
--- @class runsmith.Unit
--- @field path string
--- @field kind 'supervisor'|'worker'|'command'
--- @field backend? string
--- @field state string
--- @field health 'healthy'|'lingering'|'completed'|'failed'|'stopped'|'waiting'
--- @field pid? integer
--- @field incarnation integer
--- @field restarts integer
--- @field uptime? number seconds
--- @field heartbeat_age? number seconds
--- @field status? string what a command says of itself

--- A journal entry.
--- @class runsmith.Entry
--- @field seq integer
--- @field time string
--- @field mono number
--- @field unit string
--- @field incarnation integer
--- @field cause? integer the entry that led to it
--- @field kind string
--- @field [string] any the kind's own fields

--- What rs.supervisor, rs.worker and the like give.
--- @class runsmith.Node

--- @class runsmith.Probe: runsmith.Node

]]

local WORKER = [[
--- A state of a worker's lifecycle.
--- @class runsmith.State.Row
--- @field [1] string its name
--- @field timeout? number seconds of the whole stay
--- @field heartbeat? number seconds of the longest silence
--- @field every? number seconds between two calls of its function
--- @field on? table<string, string|{ [1]: string, timeout: number }> event to state
--- @field ready? boolean
--- @field ends? 'ok'|'error'

--- @alias runsmith.Step fun(self: table, ctx: runsmith.Context): string
--- @alias runsmith.Hook
--- | fun(self: table, ctx: runsmith.Context, event: string, other: string)

--- What worker.define takes: a lifecycle and one function a state.
--- @class runsmith.Definition
--- @field lifecycle? runsmith.State.Row[]
--- @field enter? table<string, runsmith.Hook>
--- @field leave? table<string, runsmith.Hook>
--- @field before_exit? fun(self: table, ctx: runsmith.Context, graceful: boolean)
--- @field migrate? fun(self: table, ctx: runsmith.Context, data: any)
--- @field starting? runsmith.Step
--- @field running? runsmith.Step
--- @field terminating? runsmith.Step
--- @field [string] any

--- A unit of a custom backend.
--- @class runsmith.CustomUnit
--- @field path string
--- @field args any
--- @field ready fun(self: runsmith.CustomUnit)
--- @field heartbeat fun(self: runsmith.CustomUnit)
--- @field status fun(self: runsmith.CustomUnit, text: string)

]]

local TAIL = [[
--- @class runsmith.Probes
%s--- @field define fun(kind: string, definition: runsmith.ProbeKind)

--- @class runsmith.ProbeKind
--- @field fields? table<string, string> name to Lua type
--- @field check fun(spec: table, unit: runsmith.Unit): boolean?, string?

--- @class runsmith
--- @field probe runsmith.Probes
local rs = {}

--- @param name string
--- @return fun(fields: runsmith.supervisor): runsmith.Node
function rs.supervisor(name) end

--- Without a name: a pool's template.
--- @overload fun(fields: runsmith.worker): runsmith.Node
--- @param name string
--- @return fun(fields: runsmith.worker): runsmith.Node
function rs.worker(name) end

--- Without a name: a pool's template.
--- @overload fun(fields: runsmith.command): runsmith.Node
--- @param name string
--- @return fun(fields: runsmith.command): runsmith.Node
function rs.command(name) end

--- @param name string
--- @return fun(fields: runsmith.channel): runsmith.Node
function rs.channel(name) end

--- @param name string
--- @return fun(fields: runsmith.backend): runsmith.Node
function rs.backend(name) end

--- True if all of its probes are.
--- @param list runsmith.Probe[]
--- @return runsmith.Probe
function rs.all(list) end

--- True if one of its probes is.
--- @param list runsmith.Probe[]
--- @return runsmith.Probe
function rs.any(list) end

--- True if its probe is not.
--- @param inner runsmith.Probe
--- @return runsmith.Probe
function rs.no(inner) end

return rs
]]

-- What a field takes, where its table says no more than that it is one.
local TYPES = {
  intensity = 'runsmith.intensity',
  backoff = 'runsmith.backoff',
  limits = 'runsmith.limits',
  output_rate = '{ lines?: integer, within?: number }',
  output = "'journal'|'inherit'|{ [1]: string, max?: string|integer, keep?: integer }",
  ready = "'notify'|runsmith.Probe|{ fd: integer }",
  pre = '{ exec?: string[], timeout?: number, [integer]: any }',
  post = '{ exec?: string[], timeout?: number, [integer]: any }',
  probes = 'runsmith.Probe[]',
  pool = 'runsmith.Node',
  run = 'string|runsmith.Definition|fun(ctx: runsmith.Context)',
  lifecycle = 'table<string, { timeout?: number, heartbeat?: number, every?: number }>',
  on_activity = 'fun(entry: runsmith.Entry)',
  check = 'fun(unit: runsmith.Unit): boolean?, string?',
  headers = 'table<string, string>',
  action = "'restart'|'warn'|{ emit?: string, call?: "
    .. 'fun(unit: runsmith.Unit, verdict: boolean) }',
  start = 'fun(unit: runsmith.CustomUnit): any',
  stop = 'fun(unit: runsmith.CustomUnit, handle: any)',
  kill = 'fun(unit: runsmith.CustomUnit, handle: any)',
  wait = "fun(unit: runsmith.CustomUnit, handle: any): 'ok'|'error', string?",
}

local function type_of(name, lua)
  local is_open = lua:find 'table' or lua:find 'function'
  return is_open and not lua:find '^table<' and TYPES[name] or lua
end

local function field(name, info, is_needed)
  local doc = info.doc or ''
  if info.default ~= nil then
    doc = ('%s (%s)'):format(doc, tostring(info.default))
  end
  return ('--- @field %s%s %s %s\n'):format(
    name, is_needed and '' or '?', type_of(name, info.type.lua), doc)
end

local function class(out, name, infos, more)
  local names = {}
  for key in pairs(infos) do
    names[#names + 1] = key
  end
  table.sort(names)
  out[#out + 1] = ('--- @class runsmith.%s\n'):format(name)
  for _, key in ipairs(names) do
    out[#out + 1] = field(key, infos[key])
  end
  out[#out + 1] = (more or '') .. '\n'
end

local function by_name(list)
  local infos = {}
  for _, row in ipairs(list) do
    infos[row[1]] = { type = row[2], default = row[3], doc = row[4], needed = row[5] }
  end
  return infos
end

-- One class a kind of probe, with what all kinds have.
local function probes(out)
  local kinds, fields_of_probes = {}, {}
  for kind in pairs(probe.FIELDS) do
    kinds[#kinds + 1] = kind
  end
  table.sort(kinds)
  class(out, 'probe', by_name(probe.COMMON))
  for _, kind in ipairs(kinds) do
    out[#out + 1] = ('--- @class runsmith.probe.%s: runsmith.probe\n'):format(kind)
    for _, row in ipairs(probe.FIELDS[kind]) do
      local info = { type = row[2], default = row[3], doc = row[4] }
      out[#out + 1] = field(row[1], info, row[5])
    end
    out[#out + 1] = '\n'
    local text = '--- @field %s fun(fields: runsmith.probe.%s): runsmith.Probe\n'
    fields_of_probes[#fields_of_probes + 1] = text:format(kind, kind)
  end
  return table.concat(fields_of_probes)
end

local M = {}

--- @return string
function M.text()
  local out = { HEAD, WORKER }
  class(out, 'intensity', by_name(fields.INTENSITY))
  class(out, 'backoff', by_name(fields.BACKOFF))
  class(out, 'limits', by_name(fields.LIMITS))
  class(out, 'supervisor', fields.of.supervisor,
    '--- @field [integer] runsmith.Node its children\n')
  for _, kind in ipairs { 'worker', 'command', 'channel', 'backend' } do
    class(out, kind, fields.of[kind])
  end
  local of_probes = probes(out)
  out[#out + 1] = TAIL:format(of_probes)
  return table.concat(out)
end

return setmetatable(M, {
  __call = function()
    io.stdout:write(M.text())
    return 0
  end,
})
