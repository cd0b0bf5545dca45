--- What workers print goes to the engine, line by line, in the name of the unit that
--- runs: print, io.write, io.stdout and io.stderr.

local host = require 'runsmith.host'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local ID = T.ID

local M = {}

local PART_MAX = math.min(host.text_max, 8192) -- of a line; longer ones come in parts

local real = { stdout = io.stdout, stderr = io.stderr }
real.output, real.close, real.type = io.output, io.close, io.type
local parts = {} -- stream → task → the beginning of a line

local function put(id, stream, line)
  for at = 1, math.max(#line, 1), PART_MAX do
    host.put(host.up.OUTPUT, id, stream, 0, line:sub(at, at + PART_MAX - 1))
  end
end

local function emit(task, stream, text)
  text = (parts[stream][task] or '') .. text
  local from = 1
  while true do
    local newline = text:find('\n', from, true)
    if not newline then break end
    put(task[ID], stream, text:sub(from, newline - 1))
    from = newline + 1
  end
  local rest = text:sub(from)
  if #rest >= PART_MAX then
    put(task[ID], stream, rest)
    rest = ''
  end
  parts[stream][task] = rest ~= '' and rest or nil
end

local function joined(...)
  local list = { ... }
  for i = 1, select('#', ...) do
    local kind = type(list[i])
    if kind ~= 'string' and kind ~= 'number' then
      error(('a string or number can be written, not a %s'):format(kind), 3)
    end
    list[i] = tostring(list[i])
  end
  return table.concat(list)
end

--- A standard stream of whoever runs.
--- @class runsmith.Stream
local Stream = {}
Stream.__index = Stream

function Stream:write(...)
  local text = joined(...)
  local task = schedule.current()
  if task then
    emit(task, self.number, text)
  else
    self.file:write(text)
  end
  return self
end

function Stream:flush() return self end
function Stream:setvbuf() return true end
function Stream.close() return nil, 'a standard stream stays open' end
function Stream.seek() return nil, 'a standard stream cannot seek' end
function Stream.__tostring(stream) return ('file (stream %d)'):format(stream.number) end

-- luacheck: push ignore 121 122 (these are what this file is for)

--- Puts the streams in place of Lua's own.
function M.install()
  local out = setmetatable({ number = 1, file = real.stdout }, Stream)
  local err = setmetatable({ number = 2, file = real.stderr }, Stream)
  local default = out
  io.stdout, io.stderr = out, err

  function io.output(file)
    if file == nil then return default end
    if getmetatable(file) == Stream then
      default = file
      real.output(real.stdout)
    else
      default = real.output(file)
    end
    return default
  end

  function io.write(...) return default:write(...) end

  function io.close(file)
    file = file or default
    if getmetatable(file) == Stream then return Stream.close() end
    return real.close(file)
  end

  function io.type(file)
    if getmetatable(file) == Stream then return 'file' end
    return real.type(file)
  end

  function print(...)
    local list = { ... }
    for i = 1, select('#', ...) do
      list[i] = tostring(list[i])
    end
    out:write(table.concat(list, '\t'), '\n')
  end
end

-- luacheck: pop

-- The last line of a worker may lack its end.
schedule.at_finish(function(task, id)
  for stream = 1, 2 do
    local rest = parts[stream][task]
    if rest then
      parts[stream][task] = nil
      put(id, stream, rest)
    end
  end
end)

for stream = 1, 2 do
  parts[stream] = {}
end

return M
