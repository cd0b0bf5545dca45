--- The check of a whole tree: all mistakes in one go, and the tree as flat rows for the
--- compiler. Units of equal description share one `leaf`, which is checked once.
local check_channel = require 'runsmith.tree.check_channel'
local check_probe = require 'runsmith.tree.check_probe'
local check_unit = require 'runsmith.tree.check_unit'
local describe = require 'runsmith.tree.describe'
local order = require 'runsmith.tree.order'
local travel = require 'runsmith.tree.travel'
local types = require 'runsmith.tree.types'

local M = {}

local MISTAKES_MAX = 1000
local DEPTH_MAX = 100
local UNITS_MAX = 2 ^ 22
local NAME_MAX = 255
local NAME = '^[%w_.-]+$'

local show, type, find = types.show, type, string.find

--- @class runsmith.Mistake
--- @field file string
--- @field line integer
--- @field path string
--- @field message string

--- @class runsmith.Tree rows in pre-order, the root is row 0
--- @field count integer
--- @field nodes table<integer, runsmith.Node>
--- @field parents table<integer, integer> -1 for the root
--- @field leaves table<integer, runsmith.Leaf>
--- @field after table<integer, integer[]> siblings' rows
--- @field template table<integer, true>
--- @field channels { node: runsmith.Node, row: integer }[]
--- @field backends runsmith.Node[]
--- @field packs table<any, runsmith.Pack> what has functions in it, ready to travel
--- @field custom table<string, { row: integer }> backends by name
--- @field probes table<string, table> kinds of probe
local Tree = {}
Tree.__index = Tree

--- A row's path; what has no good name is shown as a question mark.
--- @param row integer
--- @return string
function Tree:path(row)
  local parts, at = {}, row
  while at >= 0 do
    local name = self.nodes[at].name
    if self.template[at] then name = '(pool)' end
    table.insert(parts, 1, type(name) == 'string' and name or '?')
    at = self.parents[at]
  end
  return table.concat(parts, '/')
end

local Checker = {}
Checker.__index = Checker

--- Notes a mistake.
--- @param at runsmith.Place
--- @param path string
--- @param message string
function Checker:wrong(at, path, message)
  self.count = self.count + 1
  if self.count > MISTAKES_MAX then return end
  self.mistakes[self.count] = {
    file = at.file or self.script,
    line = at.line or 1,
    path = path,
    message = message,
  }
end

--- Takes apart a value with functions in it, for the compiler; notes what must stay.
--- @param value any
--- @param row integer whose it is; -1: nobody's
--- @param at runsmith.Place
--- @return runsmith.Pack
function Checker:pack(value, row, at)
  self.names = self.names or travel.module_names()
  return travel.pack(value, function(message, file, line)
    local path = row >= 0 and self.tree:path(row)
      or ('rs.backend %s'):format(show(at.of))
    self:wrong(file and { file = file, line = line } or at, path, message)
  end, self.names)
end

--- A function that notes mistakes of one row.
--- @param row integer
--- @return fun(message: string)
function Checker:blame(row)
  return function(message)
    self:wrong(self.tree.nodes[row].at, self.tree:path(row), message)
  end
end

function Checker:add_row(node, parent)
  local tree = self.tree
  local row = tree.count
  tree.count = row + 1
  tree.nodes[row], tree.parents[row] = node, parent
  return row
end

function Checker:check_name(row, names)
  local name = self.tree.nodes[row].name
  if type(name) ~= 'string' or not find(name, NAME) or #name > NAME_MAX then
    self:blame(row)(
      ('the name %s must be of letters, digits, _ . - (at most %d)'):format(
        name == false and 'is missing; it' or show(name),
        NAME_MAX
      )
    )
  elseif names and names[name] then
    local first = self.tree.nodes[names[name]].at
    self:blame(row)(
      (
        "the name '%s' is taken by a sibling (%s:%d); names are unique "
        .. 'among siblings'
      ):format(name, first.file, first.line)
    )
  elseif names then
    names[name] = row
  end
end

function Checker:leaf(row, stall)
  local node = self.tree.nodes[row]
  if type(node.fields) ~= 'table' then
    self:blame(row)(
      ("%s; rs.%s 'name' must be followed by { … }"):format(
        show(node.fields),
        node.kind
      )
    )
    return check_unit.EMPTY
  end
  local leaf = check_unit.leaf(self, row, stall)
  local fields = node.fields
  if fields.args ~= nil then
    local why = travel.plain_fault(fields.args, 'args')
    if why then self:blame(row)(why) end
  end
  if fields.probes ~= nil or fields.ready ~= nil then
    check_probe.unit(self, row, leaf)
  end
  return leaf
end

function Checker:add_unit(node, parent, names, stall)
  local row = self:add_row(node, parent)
  self:check_name(row, names)
  if node.kind == 'supervisor' then
    self:add_supervisor(row, stall)
  else
    self.tree.leaves[row] = self:leaf(row, stall)
  end
  return row
end

function Checker:add_template(row, stall)
  local template = self.tree.nodes[row].fields.pool
  local kind = describe.kind(template)
  if kind ~= 'worker' and kind ~= 'command' then return end
  local at = self:add_row(template, row)
  self.tree.template[at] = true
  if template.name then
    self:blame(at)(("a pool's template has no name: rs.%s { … }"):format(kind))
  end
  self.tree.leaves[at] = self:leaf(at, stall)
  return at
end

-- The child in place `i` of an array part: its row, or nil where it is none.
function Checker:add_item(row, i, item, names, stall)
  local kind = describe.kind(item)
  if kind == 'worker' or kind == 'command' or kind == 'supervisor' then
    return self:add_unit(item, row, names, stall)
  elseif kind == 'channel' then
    local channels = self.tree.channels
    channels[#channels + 1] = { node = item, row = row }
  elseif kind then
    self:wrong(
      item.at,
      self.tree:path(row),
      ('a %s is no child; %s'):format(
        kind,
        kind == 'probe' and 'it belongs into `probes = { … }`'
          or 'it stands on its own'
      )
    )
  else
    local hint = type(item) == 'function' and "; has rs.worker 'name' its { … }?"
      or ''
    self:blame(row)(('item %d is %s; it must be a child%s'):format(i, show(item), hint))
  end
end

function Checker:add_supervisor(row, stall)
  local tree, node = self.tree, self.tree.nodes[row]
  local fields = node.fields
  if type(fields) ~= 'table' then
    tree.leaves[row] = self:leaf(row, stall)
    return
  end
  local leaf = check_unit.supervisor(self, row)
  tree.leaves[row] = leaf
  if fields.probes ~= nil then check_probe.unit(self, row, leaf) end
  if type(fields.stall) == 'number' and fields.stall > 0 then stall = fields.stall end
  self.depth = self.depth + 1
  local children, names, ordered = {}, {}, false
  if self.depth > DEPTH_MAX then
    self:blame(row)(('the tree is deeper than %d levels'):format(DEPTH_MAX))
  elseif tree.count <= UNITS_MAX then
    for i = 1, #fields do
      local at = self:add_item(row, i, fields[i], names, stall)
      if at then
        children[#children + 1] = at
        local given = tree.nodes[at].fields
        ordered = ordered or type(given) == 'table' and given.after ~= nil
      end
    end
    local template = fields.pool and self:add_template(row, stall)
    if template and type(template) == 'number' then
      local given = tree.nodes[template].fields
      ordered = ordered or given.after ~= nil
      children[#children + 1] = template
    end
    if #fields == 0 and fields.pool == nil then
      self:blame(row) 'it has no children; put some into it, or give it a `pool`'
    end
  end
  if ordered then order.resolve(self, row, children, names) end
  self.depth = self.depth - 1
end

local function by_place(a, b)
  if a.file ~= b.file then return a.file_rank < b.file_rank end
  if a.line ~= b.line then return a.line < b.line end
  return a.rank < b.rank
end

-- By file, in the order of their first mistakes, then by line.
local function sort_mistakes(mistakes)
  local ranks, count = {}, 0
  for i, mistake in ipairs(mistakes) do
    if not ranks[mistake.file] then
      count = count + 1
      ranks[mistake.file] = count
    end
    mistake.rank, mistake.file_rank = i, ranks[mistake.file]
  end
  table.sort(mistakes, by_place)
  for _, mistake in ipairs(mistakes) do
    mistake.rank, mistake.file_rank = nil, nil
  end
end

local function finish(checker)
  sort_mistakes(checker.mistakes)
  local more = checker.count - MISTAKES_MAX
  if more > 0 then
    local last = checker.mistakes[MISTAKES_MAX]
    checker.mistakes[MISTAKES_MAX + 1] = {
      file = last.file,
      line = last.line,
      path = last.path,
      message = ('and %d more mistakes'):format(more),
    }
  end
  return #checker.mistakes == 0 and checker.tree or nil, checker.mistakes
end

--- Checks what a tree script returned.
--- @param root any
--- @param options { script: string, load: fun(name: string): any, table? }
---   load gives a module's value, or nil and { file?, line?, message }
--- @return runsmith.Tree? tree nil if there are mistakes
--- @return runsmith.Mistake[] mistakes
function M.tree(root, options)
  local checker = setmetatable({
    script = options.script,
    load = options.load,
    depth = 0,
    count = 0,
    mistakes = {},
    names = nil,
    shapes = {},
    modules = {},
    definitions = {},
    backends = {},
    tree = setmetatable({
      count = 0,
      nodes = {},
      parents = {},
      leaves = {},
      after = {},
      template = {},
      channels = {},
      backends = describe.backends,
      packs = {},
      labels = {},
    }, Tree),
  }, Checker)
  check_probe.kinds(checker)
  check_probe.backends(checker)
  if describe.kind(root) ~= 'supervisor' then
    local what = describe.kind(root) and 'a ' .. describe.kind(root) or show(root)
    local at = describe.kind(root) and root.at or { file = options.script, line = 1 }
    checker:wrong(
      at,
      '',
      (
        'the script returns %s; it must return one supervisor: '
        .. "return rs.supervisor 'name' { … }"
      ):format(what)
    )
    return finish(checker)
  end
  checker:add_unit(root, -1, nil, 2)
  if checker.tree.count > UNITS_MAX then
    checker:blame(0)(('it has more than %d units'):format(UNITS_MAX))
  end
  check_channel.all(checker)
  checker.tree.custom, checker.tree.probes = checker.backends, checker.probes
  return finish(checker)
end

return M
