--- Programs: run to their end, or beside the worker with streams to read and write.
--- There is no shell between. A program leads a group and a session of its own and
--- belongs to the incarnation that started it: with that, with its own end, at a
--- timeout and at a stop, all that it has started ends too. What left its session and
--- outlived its parent is found at the incarnation's end at the latest.
---
--- ```lua
--- local process = require 'std.process'
---
--- local result = assert(process.run { 'sort', stdin = 'b\na\n', timeout = 5 })
--- assert(result.ok and result.stdout == 'a\nb\n')
---
--- local cat = assert(process.spawn { 'cat' })
--- assert(cat:write 'hello\n')
--- assert(cat:line(5) == 'hello')
--- cat:close()
--- assert(cat:wait(5).status == 0)
--- ```

local child_of = require 'std.process_child'
local err = require 'std.err'
local host = require 'runsmith.host'
local suggest = require 'runsmith.tree.suggest'

local M = {}

local MAX = 16 * 2 ^ 20 -- bytes of each stream that `run` keeps
local ROOM = 256 * 2 ^ 10 -- bytes of each stream that wait to be read

local SHARED = { 'cwd', 'env', 'stdin', 'stdout', 'stderr' }
local RUN = { 'timeout', 'max', unpack(SHARED) }

local function refuse(level, text, ...) error(text:format(...), level + 1) end

local function check_argv(name, spec)
  for i, word in ipairs(spec) do
    if type(word) ~= 'string' and type(word) ~= 'number' then
      refuse(4, 'process.%s: word %d is a %s, not a string', name, i, type(word))
    end
    if tostring(word):find '%z' then
      refuse(4, 'process.%s: word %d has a NUL in it', name, i)
    end
  end
  if spec[1] == nil or spec[1] == '' then
    refuse(4, "process.%s takes a program and its words: { 'ls', '-l' }", name)
  end
end

local function check_names(name, spec, known)
  for key in pairs(spec) do
    local is_known = type(key) == 'number'
    for _, word in ipairs(known) do
      is_known = is_known or word == key
    end
    if not is_known then
      refuse(4, "process.%s has no option '%s': %s", name, tostring(key),
        suggest.hint(key, known))
    end
  end
end

local function check_streams(name, spec, piped)
  for _, stream in ipairs { 'stdout', 'stderr' } do
    local how = spec[stream]
    local known = { piped, 'journal', 'ignore', stream == 'stderr' and 'stdout' or nil }
    local is_known = how == nil
    for _, word in ipairs(known) do
      is_known = is_known or word == how
    end
    if not is_known then
      refuse(4, "process.%s: %s is '%s'; it has: %s", name, stream, tostring(how),
        suggest.list(known))
    end
  end
end

local function check(name, spec, known, piped)
  if type(spec) ~= 'table' then
    refuse(3, 'process.%s takes a table, not a %s', name, type(spec))
  end
  check_argv(name, spec)
  check_names(name, spec, known)
  check_streams(name, spec, piped)
  for key, kind in pairs { cwd = 'string', env = 'table', max = 'number' } do
    local value = spec[key]
    if value ~= nil and type(value) ~= kind then
      refuse(3, 'process.%s: %s is a %s, not a %s', name, key, type(value), kind)
    end
  end
  for key in pairs(spec.env or {}) do
    if type(key) ~= 'string' or key == '' or key:find '[=%z]' then
      refuse(3, "process.%s: env takes NAME = value, and %s is no name", name,
        type(key) == 'string' and ('%q'):format(key) or tostring(key))
    end
  end
  local timeout = spec.timeout
  if timeout ~= nil and not (type(timeout) == 'number' and timeout >= 0) then
    refuse(3, 'process.%s: timeout is %s, not seconds', name, tostring(timeout))
  end
  local argv = {}
  for i, word in ipairs(spec) do
    argv[i] = tostring(word)
  end
  return argv
end

-- Hands over the next piece of stdin, if the one before has been taken.
local function feeder(child, stdin)
  local pieces = stdin
  if type(stdin) == 'string' then
    pieces = function()
      local text = stdin
      stdin = nil
      return text
    end
  end
  return function()
    while pieces and child_of.can_take(child) do
      local text = pieces()
      if text == nil then
        pieces = nil
        child:close()
      elseif text ~= '' then
        child_of.give(child, text)
      end
    end
  end
end

local function captured(child, name)
  local stream = child.streams[name]
  return stream and stream:text() or ''
end

local function too_much(child, max)
  for name, stream in pairs(child.streams) do
    if stream.size > max then
      return err.new('EFBIG', ('more than %d bytes on its %s'):format(max, name))
    end
  end
end

--- @class std.process.Result: std.process.Status
--- @field stdout string
--- @field stderr string

--- @class std.process.Run
--- @field [integer] string program, which PATH finds, and its arguments
--- @field cwd? string
--- @field env? table<string, string|number|false> besides the worker's; false removes
--- @field stdin? string|fun(): string? a text, or the pieces of one
--- @field stdout? 'capture'|'journal'|'ignore' 'capture'; 'journal': as if printed
--- @field stderr? 'capture'|'journal'|'ignore'|'stdout' 'capture'
--- @field max? integer bytes captured of each; 16 MiB; more is an error, EFBIG
--- @field timeout? number seconds until all of it is killed; none

--- Runs a program to its end. That it ended with another status than 0 is no error:
--- look at `result.ok`. At a stop, a timeout or too much output it is killed; what it
--- said until then is the third value.
--- @param spec std.process.Run
--- @return std.process.Result? result
--- @return 'timeout'|'stopping'|std.Err? why
--- @return std.process.Result? partial
function M.run(spec)
  local argv = check('run', spec, RUN, 'capture')
  local stdin = spec.stdin
  if stdin ~= nil and type(stdin) ~= 'string' and type(stdin) ~= 'function' then
    refuse(2, 'process.run: stdin is a %s, not a text or a function', type(stdin))
  end
  local max = spec.max or MAX
  local by = spec.timeout and spec.timeout < math.huge and host.now() + spec.timeout
  local child, failed = child_of.start {
    argv = argv, cwd = spec.cwd, env = spec.env, stdin = stdin ~= nil,
    stdout = spec.stdout, stderr = spec.stderr, room = max + 1,
  }
  if not child then return nil, failed end
  local feed = stdin and feeder(child, stdin) or function() end
  local ok, why = child_of.finish(child, by or nil, function()
    feed()
    return too_much(child, max)
  end)
  if not ok then child_of.destroy(child) end
  local result = {}
  for _, name in ipairs { 'stdout', 'stderr' } do
    result[name] = captured(child, name)
  end
  for key, value in pairs(child.ended) do
    result[key] = value
  end
  if ok then return result end
  return nil, why, result
end

--- @class std.process.Spawn
--- @field [integer] string program, which PATH finds, and its arguments
--- @field cwd? string
--- @field env? table<string, string|number|false> besides the worker's; false removes
--- @field stdin? 'pipe'|'ignore' 'pipe': `child:write`
--- @field stdout? 'pipe'|'journal'|'ignore' 'pipe': `child:read`, `child:line`
--- @field stderr? 'pipe'|'journal'|'ignore'|'stdout' 'journal'

--- Starts a program and goes on. It ends with the incarnation at the latest. What it
--- writes to a pipe and nobody reads makes it wait after 256 KiB.
--- @param spec std.process.Spawn
--- @return std.process.Child? child, std.Err? err
function M.spawn(spec)
  local argv = check('spawn', spec, SHARED, 'pipe')
  if spec.stdin ~= nil and spec.stdin ~= 'pipe' and spec.stdin ~= 'ignore' then
    refuse(2, "process.spawn: stdin is 'pipe' or 'ignore'; to give a text: child:write")
  end
  return child_of.start {
    argv = argv, cwd = spec.cwd, env = spec.env, stdin = spec.stdin ~= 'ignore',
    stdout = spec.stdout, stderr = spec.stderr or 'journal', room = ROOM,
  }
end

return M
