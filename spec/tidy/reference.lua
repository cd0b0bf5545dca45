-- reference.lua -- docs/std.md, made from the comments of stdlib. Written anew by
--   luajit spec/tidy/reference.lua >docs/std.md

local M = {}

local HEAD = [[
# std, the library for workers

Made from the sources' comments by `spec/tidy/reference.lua`; each example runs in every
backend as a test.

What the world does is a value: `nil` and an error, which prints well and has a `code`
such as `'ENOENT'`. A wrong call raises, in the line that called. What waits lets the
other workers of the VM go on, takes seconds as its limit (`nil, 'timeout'`), and
follows the stop rule: `nil, 'stopping'`. Files are no waits in that sense: they say
what became of the file. Whatever a worker opened ends with its incarnation.
]]

local function lines_of(path)
  local list = {}
  for line in io.lines(path) do
    list[#list + 1] = line
  end
  return list
end

local function add_text(out, text) out[#out + 1] = text end

-- Annotations as a list; a line that begins deeper goes on with the one before.
local function add_comment(out, comment)
  local list = {}
  for _, line in ipairs(comment) do
    local kind, rest = line:match '^@(%a+)%s+(.*)$'
    local name, what = (rest or ''):match '^([%w_%[%]]+%??)%s+(.*)$'
    if kind == 'param' then
      list[#list + 1] = ('- `%s`: %s'):format(name, what)
    elseif kind == 'return' then
      list[#list + 1] = ('- returns %s'):format(rest)
    elseif kind == 'field' and name then
      list[#list + 1] = ('- `%s`: %s'):format(name, what)
    elseif kind == 'type' then
      list[#list + 1] = ('- `%s`'):format(rest)
    elseif not kind and line:find '^  ' and #list > 0 then
      list[#list] = list[#list] .. ' ' .. line:match '^%s*(.*)$'
    elseif not kind then
      add_text(out, line)
    end
  end
  if #list > 0 then
    if out[#out] ~= '' then add_text(out, '') end
    add_text(out, table.concat(list, '\n'))
  end
  add_text(out, '')
end

local function heading(name, line)
  local fn, args = line:match '^function M%.([%w_]+)(%b())'
  if fn then return ('### %s.%s%s'):format(name, fn, args) end
  local class, method, rest = line:match '^function [%l.]*(%u%w*):(%l[%w_]*)(%b())'
  if class then return ('### %s:%s%s'):format(class:lower(), method, rest) end
  local value = line:match '^M%.([%w_]+) ='
  if value then return ('### %s.%s'):format(name, value) end
end

local function class_of(comment)
  for _, line in ipairs(comment) do
    local class = line:match '^@class ([%w_.]+)'
    if class then return class end
  end
end

local HIDDEN = { package = true, private = true }

local function is_hidden(comment)
  for i = #comment, 1, -1 do
    local who = comment[i]:match '^@field (%l+) '
    if HIDDEN[who] then table.remove(comment, i) end
    if comment[i] == '@package' then return true end
  end
  return #comment == 0
end

-- What one file says: its functions and classes.
local function add_file(out, name, path, from)
  local comment = {}
  local lines = lines_of(path)
  for i = from, #lines + 1 do
    local line = lines[i] or ''
    local said = line:match '^%-%-%- ?(.*)$'
    if said then
      comment[#comment + 1] = said
    else
      local title = heading(name, line)
      local class = class_of(comment)
      if not is_hidden(comment) and (title or class) then
        add_text(out, title or ('### %s'):format(class))
        add_text(out, '')
        add_comment(out, comment)
      end
      comment = {}
    end
  end
end

-- Files whose classes a module hands out.
local MORE = {
  process = { 'process_child' },
  fs = { 'fs_watch' },
  net = { 'net/stream', 'net/udp' },
  http = {
    'http/client', 'http/server', 'http/request', 'http/response', 'http/events',
  },
}

local function add_module(out, path)
  local name = path:match '([%w_]+)%.lua$'
  local lines, at = lines_of(path), 1
  local comment = {}
  while lines[at] and lines[at]:find '^%-%-%-' do
    comment[at] = lines[at]:match '^%-%-%- ?(.*)$'
    at = at + 1
  end
  local is_public = table.concat(comment, '\n'):find('```lua', 1, true)
  if not is_public then return end
  add_text(out, ('## std.%s\n'):format(name))
  for _, line in ipairs(comment) do
    add_text(out, line)
  end
  add_text(out, '')
  add_file(out, name, path, at)
  for _, more in ipairs(MORE[name] or {}) do
    local kept = {}
    add_file(kept, name, ('stdlib/std/%s.lua'):format(more), 1)
    local is_method = false
    for _, line in ipairs(kept) do
      if line:find '^### ' then is_method = not line:find('### ' .. name, 1, true) end
      if is_method then add_text(out, line) end
    end
  end
end

--- @param paths string[]
--- @return string
function M.text(paths)
  local out = { HEAD }
  for _, path in ipairs(paths) do
    add_module(out, path)
  end
  return (table.concat(out, '\n'):gsub('\n\n\n+', '\n\n'):gsub('\n+$', '')) .. '\n'
end

if arg and arg[0] and arg[0]:find 'reference%.lua$' then
  local paths = {}
  for path in io.popen('ls stdlib/std/*.lua | LC_ALL=C sort'):lines() do
    paths[#paths + 1] = path
  end
  io.stdout:write(M.text(paths))
end

return M
