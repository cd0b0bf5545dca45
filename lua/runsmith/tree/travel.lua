--- Values on their way to another process: plain data, and functions as bytecode with
--- their upvalues. Modules, and what is a field of a module, go by name.
local buffer = require 'string.buffer'
local bytecode = require 'runsmith.tree.bytecode'
local util = require 'jit.util'

local M = {}

local DEPTH_MAX = 64
local PLAIN = { ['nil'] = true, boolean = true, number = true, string = true }
local KEYS = { boolean = true, number = true, string = true }

local function key_text(key)
  if type(key) == 'string' and key:find '^[%a_][%w_]*$' then return '.' .. key end
  return ('[%s]'):format(
    type(key) == 'string' and ("'%s'"):format(key) or tostring(key)
  )
end

local function path_text(name, path)
  local parts = { name }
  for _, key in ipairs(path) do
    parts[#parts + 1] = key_text(key)
  end
  return table.concat(parts)
end

-- Why a table cannot travel as plain data; nil: it can, as far as itself is concerned.
local function table_fault(value, path, within)
  if getmetatable(value) ~= nil then return 'has a metatable' end
  if within[value] then return 'contains itself' end
  if #path > DEPTH_MAX then
    return ('is nested deeper than %d tables'):format(DEPTH_MAX)
  end
end

-- True for the common case: a table without tables in it.
local function is_flat(value)
  if getmetatable(value) ~= nil then return false end
  for key, item in pairs(value) do
    if not PLAIN[type(item)] or not KEYS[type(key)] then return false end
  end
  return true
end

--- Why a value is not plain data: nil if it is.
--- @param value any
--- @param name string how a message calls it
--- @return string? why
function M.plain_fault(value, name)
  if PLAIN[type(value)] or type(value) == 'table' and is_flat(value) then return nil end
  local path, within = {}, {}
  local function look(item)
    if PLAIN[type(item)] then return nil end
    if type(item) ~= 'table' then
      return ('%s is a %s; only plain data travels'):format(
        path_text(name, path),
        type(item)
      )
    end
    local fault = table_fault(item, path, within)
    if fault then
      return ('%s %s; only plain data travels'):format(path_text(name, path), fault)
    end
    within[item] = true
    for key, inner in pairs(item) do
      if not KEYS[type(key)] then
        return ('%s has a %s for a key'):format(path_text(name, path), type(key))
      end
      if not PLAIN[type(inner)] then
        path[#path + 1] = key
        local why = look(inner)
        if why then return why end
        path[#path] = nil
      end
    end
    within[item] = nil
  end
  return look(value)
end

--- Who can be named instead of copied: every loaded module, and every function or
--- object that is a field of one.
--- @return table<any, { m: string, field?: string }>
function M.module_names()
  local names, found = {}, {}
  for name in pairs(package.loaded) do
    if type(name) == 'string' then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local module = package.loaded[name]
    if not PLAIN[type(module)] and not found[module] then
      found[module] = { m = name }
    end
  end
  for _, name in ipairs(names) do
    local module = package.loaded[name]
    for field, value in pairs(type(module) == 'table' and module or {}) do
      local kind = type(value)
      local named = kind == 'function' or kind == 'userdata' or kind == 'cdata'
      if named and type(field) == 'string' and not found[value] then
        found[value] = { m = name, field = field }
      end
    end
  end
  return found
end

local Packer = {}
Packer.__index = Packer

-- The line on which a function uses an upvalue, for messages.
local function line_of(fn, name)
  local info = debug.getinfo(fn, 'S')
  local file = info.source:match '^@(.*)'
  local handle = file and io.open(file)
  if not handle then return file or info.short_src, info.linedefined end
  local number, found = 0, info.linedefined
  for line in handle:lines() do
    number = number + 1
    local inside = number >= info.linedefined and number <= info.lastlinedefined
    if inside and (' ' .. line .. ' '):find('[^%w_]' .. name .. '[^%w_]') then
      found = number
      break
    end
  end
  handle:close()
  return file, found
end

function Packer:fault(message)
  local holder = self.holder
  if not holder then return self.wrong(message) end
  local file, line = line_of(holder.fn, holder.upvalue)
  self.wrong(("upvalue '%s': %s"):format(holder.upvalue, message), file, line)
end

-- What stands for a function, a module or a module's field; nil: none does.
function Packer:stand_in(value)
  local named = self.names[value]
  if named then
    self.modules[named.m] = true
    return { m = named.m, field = named.field }
  end
  if type(value) == 'function' then return { f = self:add_function(value) } end
end

local function by_type_and_value(a, b)
  if type(a) ~= type(b) then return type(a) < type(b) end
  if type(a) == 'boolean' then return a and not b end
  return a < b
end

-- The keys that can travel, in an order that is the same in every process.
local function sorted_keys(value)
  local keys, odd = {}, nil
  for key in pairs(value) do
    if KEYS[type(key)] then
      keys[#keys + 1] = key
    else
      odd = key
    end
  end
  table.sort(keys, by_type_and_value)
  return keys, odd
end

-- Copies plain data; for all else leaves a gap and notes what belongs there.
function Packer:copy(value, name, path, cell, within)
  if PLAIN[type(value)] then return value end
  local stand_in = self:stand_in(value)
  if stand_in then
    stand_in.path = { unpack(path) }
    cell.fixes[#cell.fixes + 1] = stand_in
    return nil
  end
  local fault = 'is a ' .. type(value)
  if type(value) == 'table' then fault = table_fault(value, path, within) end
  if fault then
    self:fault(
      ('%s %s; only plain data, functions and modules travel'):format(
        path_text(name, path),
        fault
      )
    )
    return nil
  end
  local copy = {}
  within[value] = true
  local keys, odd = sorted_keys(value)
  if odd ~= nil then
    self:fault(('%s has a %s for a key'):format(path_text(name, path), type(odd)))
  end
  for _, key in ipairs(keys) do
    path[#path + 1] = key
    copy[key] = self:copy(value[key], name, path, cell, within)
    path[#path] = nil
  end
  within[value] = nil
  return copy
end

function Packer:cell(value, name)
  local cell = { fixes = {} }
  cell.value = self:copy(value, name, {}, cell, {})
  return cell
end

-- What a function that says `require` may mean by it: its texts, and those of functions
-- within it.
local function note_required(fn, names)
  local texts, is_said = {}, false
  for i = -1, -math.huge, -1 do
    local constant = util.funck(fn, i)
    if constant == nil then break end
    if type(constant) == 'proto' then note_required(constant, names) end
    if type(constant) == 'string' then
      texts[#texts + 1] = constant
      is_said = is_said or constant == 'require'
    end
  end
  for _, text in ipairs(is_said and texts or {}) do
    names[text] = true
  end
end

function Packer:add_function(fn)
  local id = self.ids[fn]
  if id then return id end
  id = #self.functions + 1
  self.ids[fn] = id
  local packed = { cells = {} }
  self.functions[id], self.sources[id] = packed, fn
  local ok, code = pcall(string.dump, fn)
  if not ok then
    self:fault 'is a function written in C that no module has as a field'
    return id
  end
  packed.code = code
  note_required(fn, self.required)
  local holder = self.holder
  for i = 1, math.huge do
    local name, value = debug.getupvalue(fn, i)
    if not name then break end
    local shared = debug.upvalueid(fn, i)
    local number = self.shared[shared]
    if not number then
      number = #self.cells + 1
      self.shared[shared], self.cells[number] = number, {}
      self.holder = { fn = fn, upvalue = name }
      self.cells[number] = self:cell(value, 'it')
    end
    packed.cells[i] = number
  end
  self.holder = holder
  return id
end

--- @class runsmith.Pack a value taken apart, ready to be encoded or hashed
--- @field modules table<string, true> those that it names
--- @field required table<string, true> texts that may name what it will require

--- Takes a value apart.
--- @param value any
--- @param wrong fun(message: string, file?: string, line?: integer)
--- @param names? table what M.module_names gave
--- @return runsmith.Pack
function M.pack(value, wrong, names)
  local packer = setmetatable({
    names = names or M.module_names(),
    modules = {},
    required = {},
    wrong = wrong,
    ids = {},
    shared = {},
    functions = {},
    sources = {},
    cells = {},
  }, Packer)
  packer.root = packer:cell(value, 'it')
  return packer
end

--- The bytes of a value that was taken apart.
--- @param pack runsmith.Pack
--- @return string
function M.bytes(pack)
  return buffer.encode {
    root = pack.root,
    functions = pack.functions,
    cells = pack.cells,
  }
end

--- The parts of a value that tell it from another, debug information left out: strings
--- and plain data for a hash.
--- @param pack runsmith.Pack
--- @return table
function M.essence(pack)
  local codes = {}
  for i, fn in ipairs(pack.sources) do
    local ok, code = pcall(string.dump, fn, true)
    codes[i] = ok and { bytecode.canonical(code), pack.functions[i].cells } or false
  end
  return { pack.root, codes, pack.cells }
end

--- Encodes a value; raises where it cannot travel.
--- @param value any
--- @return string bytes
function M.encode(value)
  return M.bytes(
    M.pack(
      value,
      function(message, file, line)
        error(file and ('%s:%d: %s'):format(file, line, message) or message, 0)
      end
    )
  )
end

--- The module that an encoded `run` names, without decoding a function; nil: none.
--- @param bytes string
--- @return string?
function M.named_module(bytes)
  local value = buffer.decode(bytes).root.value
  return type(value) == 'table' and type(value.module) == 'string' and value.module
    or nil
end

local function fill(cell, functions, find)
  local value = cell.value
  for _, fix in ipairs(cell.fixes) do
    local item
    if fix.f then
      item = functions[fix.f]
    else
      item = find(fix.m)
    end
    if fix.field then item = item[fix.field] end
    local path = fix.path
    if #path == 0 then return item end
    local at = value
    for i = 1, #path - 1 do
      at = at[path[i]]
    end
    at[path[#path]] = item
  end
  return value
end

--- The value again.
--- @param bytes string
--- @param find? fun(name: string): any stands in for `require`
--- @return any
function M.decode(bytes, find)
  local pack = buffer.decode(bytes)
  local functions, first = {}, {}
  find = find or require
  for i, packed in ipairs(pack.functions) do
    functions[i] = assert(loadstring(packed.code))
    for upvalue, number in ipairs(packed.cells) do
      local owner = first[number]
      if owner then
        debug.upvaluejoin(functions[i], upvalue, owner.fn, owner.upvalue)
      else
        first[number] = { fn = functions[i], upvalue = upvalue }
      end
    end
  end
  for number, owner in pairs(first) do
    local value = fill(pack.cells[number], functions, find)
    debug.setupvalue(owner.fn, owner.upvalue, value)
  end
  return fill(pack.root, functions, find)
end

return M
