--- What evaluation loaded: a searcher that keeps each module's name, file and source,
--- and a `require` that notes who required what. And what the code will require later,
--- as far as it says so by name: those modules are the plan's, too.
local M = {}

--- @class runsmith.Loaded
--- @field name string
--- @field file string
--- @field source string
--- @field requires table<string, true>

--- @class runsmith.Recorder
--- @field list runsmith.Loaded[] in the order in which they were loaded
--- @field by_name table<string, runsmith.Loaded>
local Recorder = {}
Recorder.__index = Recorder

local function is_framework(name)
  local first = name:match '^[^.]+'
  return first == 'runsmith' or first == 'std'
end

local function read_file(path)
  local file = io.open(path, 'rb')
  if not file then return nil end
  local text = file:read '*a'
  file:close()
  return text
end

-- The file of a module, in one of these places, and what is in it.
local function find(name, places)
  local part = name:gsub('%.', '/')
  for pattern in places:gmatch '[^;]+' do
    local file = pattern:gsub('%?', (part:gsub('%%', '%%%%')))
    local source = read_file(file)
    if source then return (file:gsub('^%./', '')), source end
  end
end

function Recorder:search(name)
  if is_framework(name) then return nil end
  local file, source = find(name, self.folders .. ';' .. package.path)
  if not file then
    return ("\n\tno file '%s'"):format(self.dir .. name:gsub('%.', '/') .. '.lua')
  end
  local chunk, fault = loadstring(source, '@' .. file)
  if not chunk then error(fault, 0) end
  self:keep(name, file, source)
  return chunk
end

function Recorder:keep(name, file, source)
  local loaded = { name = name, file = file, source = source, requires = {} }
  self.list[#self.list + 1] = loaded
  self.by_name[name] = loaded
  self.by_source['@' .. file] = loaded
  return loaded
end

-- Each `require 'name'` in a source, wherever it stands.
local function literals(source)
  return source:gmatch "%f[%w_]require%s*%(?%s*(['\"])([^'\"\n]+)%1"
end

--- Takes in those modules of the script's own folder that it, or a module, requires by
--- name in code that runs later. Who requires such a module depends on it.
--- @param script string its file
function Recorder:foresee(script)
  local todo = {}
  local function look(source, requires)
    for _, name in literals(source) do
      todo[#todo + 1] = name
      if requires then requires[name] = true end
    end
  end
  look(read_file(script) or '')
  for _, loaded in ipairs(self.list) do
    look(loaded.source, loaded.requires)
  end
  while #todo > 0 do
    local name = table.remove(todo)
    local is_new = not self.by_name[name] and not is_framework(name)
    local file, source
    if is_new then
      file, source = find(name, self.folders)
    end
    if file then look(source, self:keep(name, file, source).requires) end
  end
end

-- Who calls: the module whose code is nearest up the stack.
function Recorder:caller(level)
  while true do
    local info = debug.getinfo(level, 'S')
    if not info then return nil end
    if info.what ~= 'C' then return self.by_source[info.source] end
    level = level + 1
  end
end

--- Puts itself between the script and `require`.
function Recorder:install()
  local original = require
  self.original = original
  self.searcher = function(name) return self:search(name) end
  table.insert(package.loaders, 2, self.searcher)
  function _G.require(name)
    local who = self:caller(3)
    if who then who.requires[tostring(name)] = true end
    return original(name)
  end
end

--- Takes itself out again.
function Recorder:remove()
  _G.require = self.original
  for i, loader in ipairs(package.loaders) do
    if loader == self.searcher then table.remove(package.loaders, i) end
  end
end

--- A recorder for a script in `dir`, which ends with a slash or is empty.
--- @param dir string
--- @return runsmith.Recorder
function M.new(dir)
  return setmetatable({
    dir = dir,
    folders = dir .. '?.lua;' .. dir .. '?/init.lua',
    list = {},
    by_name = {},
    by_source = {},
  }, Recorder)
end

--- The modules that one depends on, itself included, in order of name.
--- @param recorder runsmith.Recorder
--- @param names string[]
--- @return runsmith.Loaded[]
function M.closure(recorder, names)
  local seen, todo, found = {}, { unpack(names) }, {}
  while #todo > 0 do
    local loaded = recorder.by_name[table.remove(todo)]
    if loaded and not seen[loaded] then
      seen[loaded] = true
      found[#found + 1] = loaded
      for name in pairs(loaded.requires) do
        todo[#todo + 1] = name
      end
    end
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  return found
end

return M
