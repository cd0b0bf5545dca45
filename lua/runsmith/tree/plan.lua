--- The compiler: a checked tree → a plan's bytes, as host/abi/runsmith.h has them.
local abi = require 'runsmith.abi'
local buffer = require 'string.buffer'
local describe = require 'runsmith.tree.describe'
local ffi = require 'ffi'
local identity = require 'runsmith.tree.identity'
local modules = require 'runsmith.tree.modules'
local plan_exec = require 'runsmith.tree.plan_exec'
local plan_spec = require 'runsmith.tree.plan_spec'
local travel = require 'runsmith.tree.travel'

local M = {}

local C = abi.C

-- A table of rows that grows; `add` gives the next row, zeroed.
local Rows = {}
Rows.__index = Rows

local function new_rows(ctype, capacity)
  local array = ffi.typeof(ctype .. '[?]')
  return setmetatable({
    array = array,
    at = array(capacity),
    capacity = capacity,
    count = 0,
    size = ffi.sizeof(ctype),
  }, Rows)
end

function Rows:add()
  if self.count == self.capacity then
    local at = self.array(self.capacity * 2)
    ffi.copy(at, self.at, self.count * self.size)
    self.at, self.capacity = at, self.capacity * 2
  end
  self.count = self.count + 1
  return self.at[self.count - 1], self.count - 1
end

--- @class runsmith.Compiler
local Compiler = {}
Compiler.__index = Compiler

--- Puts a string into the heap, once, and points `ref` at it.
--- @param ref ffi.cdata* rs_ref
--- @param text string?
function Compiler:put(ref, text)
  if not text or text == '' then return end
  local at = self.strings[text]
  if not at then
    at = self.heap_size
    self.strings[text] = at
    self.heap:put(text)
    self.heap_size = at + #text
  end
  ref.at, ref.len = at, #text
end

--- The row of an equal one that is there already, else this one added.
--- @param kind string
--- @param row ffi.cdata*
--- @return integer
function Compiler:share(kind, row)
  local rows = self.rows[kind]
  local key = ffi.string(row, rows.size)
  local known = self.shared[kind][key]
  if known then return known end
  local new, number = rows:add()
  ffi.copy(new, row, rows.size)
  self.shared[kind][key] = number
  return number
end

local function add_modules(self, recorder)
  self.module_rows, self.versions, self.identities = {}, {}, {}
  for _, loaded in ipairs(recorder.list) do
    local row, number = self.rows.module:add()
    self:put(row.name, loaded.name)
    self:put(row.file, loaded.file)
    self:put(row.source, loaded.source)
    row.hash = abi.hash(loaded.source, #loaded.source)
    self.module_rows[loaded.name] = number
  end
  for _, loaded in ipairs(recorder.list) do
    local version = 0ULL
    for _, part in ipairs(modules.closure(recorder, { loaded.name })) do
      version = abi.hash(part.name, #part.name, version)
      version = abi.hash(part.source, #part.source, version)
    end
    local row = self.rows.module.at[self.module_rows[loaded.name]]
    row.version = version
    self.versions[loaded.name] = identity.text(version)
  end
end

--- What tells a packed value from another: its code, and the versions of the modules
--- that it names, or requires by name.
--- @param pack runsmith.Pack
--- @return table plain data
function Compiler:essence(pack)
  local versions = {}
  for name in pairs(pack.modules) do
    versions[name] = self.versions[name] or ''
  end
  for name in pairs(pack.required) do
    versions[name] = self.versions[name]
  end
  return { travel.essence(pack), versions }
end

local function add_backends(self, tree)
  for _, node in ipairs(tree.backends) do
    local row = self.rows.backend:add()
    self:put(row.name, node.name)
    self:put(row.code, travel.bytes(tree.packs[node]))
  end
end

--- @param what any a probe, or the function of an on_activity
--- @return integer hash uint64_t
function Compiler:probe_identity(tree, what)
  local known = self.identities[what]
  if not known then
    known = identity.value(self:essence(tree.packs[what]), 0ULL)
    self.identities[what] = known
  end
  return known
end

local function add_probe(self, tree, row, what, kind)
  local probe, number = self.rows.probe:add()
  local at = type(what) == 'table' and what.at or tree.nodes[row].at
  self:put(probe.code, travel.bytes(tree.packs[what]))
  if type(what) == 'table' then self:put(probe.name, tree.labels[what] or what.name) end
  self:put(probe.file, at.file)
  probe.line = at.line
  probe.unit, probe.kind, probe.identity = row, kind, self:probe_identity(tree, what)
  return number
end

-- Probes of one unit; the row of the one that is a command's `ready`.
local function add_probes(self, tree, row, fields)
  for _, node in ipairs(fields.probes or {}) do
    add_probe(self, tree, row, node, C.RS_P_PROBE)
  end
  if fields.on_activity then
    add_probe(self, tree, row, fields.on_activity, C.RS_P_ACTIVITY)
  end
  if describe.kind(fields.ready) == 'probe' then
    return add_probe(self, tree, row, fields.ready, C.RS_P_READY)
  end
end

local OVERFLOW = {
  block = C.RS_CHANNEL_BLOCK,
  drop_oldest = C.RS_CHANNEL_DROP_OLDEST,
  error = C.RS_CHANNEL_ERROR,
}
local ATTEMPTS = 5 -- where `rejects` is given alone

local function add_channels(self, tree)
  for _, channel in ipairs(tree.channels) do
    local row, fields = self.rows.channel:add(), channel.node.fields
    self:put(row.name, channel.node.name)
    self:put(row.durable, fields.durable or '')
    row.unit = channel.row
    row.capacity = fields.capacity or 1024
    row.overflow = OVERFLOW[fields.overflow or 'block']
    row.attempts = fields.attempts or fields.rejects and ATTEMPTS or 0
    row.rejects = channel.rejects and channel.rejects - 1 or abi.NONE
  end
end

-- A leaf's row and the hash that all its units begin with. A template's has a flag of
-- its own, a command whose `ready` is a probe names the probe's row: neither is shared.
local function resolve(self, tree, leaf, row, ready)
  local own = ready or tree.template[row]
  if leaf.spec and not own then return leaf.spec, leaf.seed end
  local exec = plan_exec.row(self, leaf, ready)
  local spec, essence = plan_spec.row(self, tree, leaf, row, exec)
  local seed = identity.value(essence, 0ULL)
  if not own then
    leaf.spec, leaf.seed = spec, seed
  end
  return spec, seed
end

local function put_args(self, unit, args, seed)
  local scratch = self.scratch
  scratch:reset():encode(args)
  local bytes, size = scratch:ref()
  self.heap:putcdata(bytes, size)
  unit.args.at, unit.args.len = self.heap_size, size
  self.heap_size = self.heap_size + size
  if identity.one_form(args) then return abi.hash(bytes, size, seed) end
  return identity.value(args, seed)
end

local function put_after(self, unit, rows)
  unit.after_at, unit.after_count = self.rows.after.count, #rows
  for _, target in ipairs(rows) do
    local _, number = self.rows.after:add()
    self.rows.after.at[number] = target
  end
end

local function add_units(self, tree)
  local units, heap = self.rows.unit.at, self.heap
  local nodes, parents, leaves = tree.nodes, tree.parents, tree.leaves
  for row = 0, tree.count - 1 do
    local node, unit = nodes[row], units[row]
    local fields, leaf = node.fields, leaves[row]
    local name = tree.template[row] and '' or node.name
    heap:put(name)
    unit.name.at, unit.name.len = self.heap_size, #name
    self.heap_size = self.heap_size + #name
    unit.parent = parents[row] < 0 and abi.NONE or parents[row]
    local ready
    if fields.probes or fields.on_activity or leaf.kind == 'command' then
      ready = add_probes(self, tree, row, fields)
    end
    local spec, seed = resolve(self, tree, leaf, row, ready)
    if fields.args ~= nil then seed = put_args(self, unit, fields.args, seed) end
    unit.spec, unit.identity = spec, seed
    if tree.after[row] then put_after(self, unit, tree.after[row]) end
    if self.last_file ~= node.at.file then
      self.last_file = node.at.file
      self:put(self.file_ref, node.at.file)
    end
    unit.file.at, unit.file.len = self.file_ref.at, self.file_ref.len
    unit.line = node.at.line
  end
  self.rows.unit.count = tree.count
end

local function aligned(size) return math.ceil(size / 8) * 8 end

--- @class runsmith.Plan bytes in pieces
--- @field size integer
--- @field parts { [1]: ffi.cdata*, [2]: integer }[] pointer and size; gaps are in them
local Plan = {}
Plan.__index = Plan

--- The whole plan as one string.
--- @return string
function Plan:bytes()
  local out = buffer.new(self.size)
  for _, part in ipairs(self.parts) do
    out:putcdata(part[1], part[2])
  end
  return out:tostring()
end

--- Writes it to a descriptor.
--- @param fd integer
--- @return boolean? ok, string? why
function Plan:write(fd)
  for _, part in ipairs(self.parts) do
    local ok, why = abi.write(fd, part[1], part[2])
    if not ok then return nil, why end
  end
  return true
end

local PLACES = {
  unit = 'RS_T_UNIT',
  spec = 'RS_T_SPEC',
  life = 'RS_T_LIFE',
  state = 'RS_T_STATE',
  edge = 'RS_T_EDGE',
  after = 'RS_T_AFTER',
  exec = 'RS_T_EXEC',
  module = 'RS_T_MODULE',
  backend = 'RS_T_BACKEND',
  probe = 'RS_T_PROBE',
  channel = 'RS_T_CHANNEL',
}

local function lay_out(self)
  local head = self.head
  local plan = setmetatable({ parts = {}, keep = { self } }, Plan)
  local gap = ffi.new 'uint8_t[8]'
  local at = 0
  local function add(pointer, size)
    if size == 0 then return end
    plan.parts[#plan.parts + 1] = { pointer, size }
    if aligned(size) > size then
      plan.parts[#plan.parts + 1] = { gap, aligned(size) - size }
    end
    at = at + aligned(size)
  end
  add(ffi.cast('const uint8_t *', head), ffi.sizeof 'rs_plan')
  for place = 0, C.RS_T_COUNT - 2 do
    local rows = self.rows[place]
    head.tables[place].at, head.tables[place].count = at, rows.count
    add(ffi.cast('const uint8_t *', rows.at), rows.count * rows.size)
  end
  head.tables[C.RS_T_BYTES].at, head.tables[C.RS_T_BYTES].count = at, self.heap_size
  local bytes, size = self.heap:ref()
  add(bytes, size)
  plan.size, head.size = at, at
  return plan
end

--- Compiles a tree.
--- @param tree runsmith.Tree from runsmith.tree.check, without mistakes
--- @param about { script: string, root_dir: string, recorder: runsmith.Recorder }
--- @return runsmith.Plan? plan, string? why
function M.compile(tree, about)
  local self = setmetatable({
    heap = buffer.new(65536),
    heap_size = 0,
    strings = {},
    scratch = buffer.new(),
    rows = {},
    shared = {},
    head = ffi.new 'rs_plan',
    file_ref = ffi.new 'rs_ref',
    lives = {},
  }, Compiler)
  for name, place in pairs(PLACES) do
    local number = C[place]
    local rows = new_rows(abi.ROWS[number], name == 'unit' and tree.count or 16)
    self.rows[name], self.rows[number], self.shared[name] = rows, rows, {}
  end
  ffi.copy(self.head.magic, 'rsplan01', 8)
  self.head.abi = C.RS_ABI
  self:put(self.head.root_dir, about.root_dir)
  self:put(self.head.script, about.script)
  add_modules(self, about.recorder)
  add_backends(self, tree)
  add_units(self, tree)
  add_channels(self, tree)
  local plan = lay_out(self)
  if plan.size >= 2 ^ 31 then return nil, 'the plan is larger than 2 GiB' end
  return plan
end

return M
